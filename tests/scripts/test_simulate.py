"""The made-up history is always the same, could have been appended live, and folds as a replay folds it."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

import store.log
import store.state
from scripts.community import Plan, history
from scripts.simulate import main, write
from store.engine import Database, open_database
from tracker.errors import ConfigError
from tracker.events.ticks import TrackerTicked
from tracker.events.voice import VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import ChannelId, GuildId, Ms, Partition, UserId

PLAN = Plan(guilds=2, members=15, days=2, tick_s=3600)


def test_the_same_seed_gives_the_same_history() -> None:
    assert list(history(PLAN)) == list(history(PLAN))


def test_another_seed_gives_another_history() -> None:
    other = Plan(guilds=2, members=15, days=2, tick_s=3600, seed=2)
    assert list(history(PLAN)) != list(history(other))


def test_no_id_comes_twice_and_no_guild_goes_back_in_time() -> None:
    newest: dict[GuildId, Ms] = {}
    ticked = Ms(0)
    ids = Counter(event.id for event in history(PLAN))
    assert set(ids.values()) == {1}
    for event in history(PLAN):
        assert event.occurred_at >= newest.get(event.guild_id, Ms(0))
        assert event.occurred_at >= ticked
        newest[event.guild_id] = event.occurred_at
        if isinstance(event.data, TrackerTicked):
            ticked = event.occurred_at


def test_members_only_leave_and_move_from_where_they_are() -> None:
    where: dict[tuple[GuildId, UserId | None], ChannelId | None] = {}
    for event in history(PLAN):
        key = (event.guild_id, event.user_id)
        match event.data:
            case VoiceJoined():
                assert key not in where
                where[key] = event.channel_id
            case VoiceMoved(from_channel_id=before):
                assert where[key] == before != event.channel_id
                where[key] = event.channel_id
            case VoiceFlagsChanged():
                assert where[key] == event.channel_id
            case VoiceLeft():
                assert where.pop(key) == event.channel_id


def test_what_is_written_is_the_history_and_the_read_models_are_at_the_logs_end(database: Database) -> None:
    written = write(database, PLAN, flush_events=700)
    assert store.log.check_contiguity(database) == written.events == written.folded
    heads, reached = store.log.head(database), store.state.checkpoints(database)
    assert {p: c.position for p, c in reached.items()} == heads


def test_unfolded_events_are_in_the_log_only(database: Database) -> None:
    written = write(database, PLAN, events=900, unfolded=300, flush_events=200)
    behind = sum(store.log.head(database).values()) - sum(
        c.position for c in store.state.checkpoints(database).values()
    )
    assert behind == 300
    assert written.events - written.folded == 300


def test_a_log_without_its_end_recovers_to_what_the_whole_fold_gives(tmp_path: Path) -> None:
    folded, torn = open_database(str(tmp_path / "a.db")), open_database(str(tmp_path / "b.db"))
    write(folded, PLAN, events=800)
    write(torn, PLAN, events=800, unfolded=300)
    whole, _ = store.state.recover(folded, Partition(0))
    recovered, _ = store.state.recover(torn, Partition(0))
    assert {g: sorted(s.voice.open) for g, s in whole.guilds.items()} == {
        g: sorted(s.voice.open) for g, s in recovered.guilds.items()
    }
    folded.close()
    torn.close()


def test_a_database_with_events_is_refused(database: Database) -> None:
    store.log.append(database, list(islice(history(PLAN), 3)), recorded_at=Ms(1))
    with pytest.raises(ConfigError, match="holds events already"):
        write(database, PLAN)


def test_the_command_says_how_much_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "x.db"), "--guilds", "1", "--members", "5", "--days", "1", "--events", "100"]) == 0
    assert "events (" in capsys.readouterr().out


def test_the_command_refuses_an_unknown_database_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mysql://nowhere/x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
