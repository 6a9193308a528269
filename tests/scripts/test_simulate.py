"""The made-up history is always the same, could have been appended live, and folds as a replay folds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

import store.log
import store.state
from scripts.community import Plan, history
from scripts.simulate import main, write
from store.engine import Database, open_database
from tracker.errors import ConfigError
from tracker.events.member import MemberJoined
from tracker.events.rule import SeasonStarted
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


def test_a_crowd_is_the_first_guilds_alone_and_the_others_are_as_they_were() -> None:
    joined = Counter(e.guild_id for e in history(replace(PLAN, crowd=40)) if isinstance(e.data, MemberJoined))
    assert sorted(joined.values()) == [15, 40]
    assert joined[min(joined)] == 40


def test_of_a_quiet_community_fewer_do_something_on_a_day() -> None:
    def active(plan: Plan) -> int:
        return len({e.user_id for e in history(plan) if isinstance(e.data, VoiceJoined)})

    loud, quiet = (replace(PLAN, members=300, days=1, activity=percent) for percent in (100, 10))
    assert 0 < active(quiet) * 5 < active(loud)
    assert active(replace(PLAN, activity=0)) == 0


def test_a_season_starts_on_its_day_in_every_guild_before_anything_else_that_day() -> None:
    day = PLAN.start + 86_400_000
    plan = replace(PLAN, season_day=1)
    starts = [e for e in history(plan) if isinstance(e.data, SeasonStarted)]
    assert [e.occurred_at for e in starts] == [day, day]
    assert len({e.guild_id for e in starts}) == 2
    assert not [e for e in history(PLAN) if isinstance(e.data, SeasonStarted)]


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


def test_the_commands_options_say_how_much_is_written_and_how_often(tmp_path: Path) -> None:
    """`--unfolded` stays behind the checkpoint, `--seed` changes the history, `--tick-s 0` keeps the flushes' ticks."""
    few = ["--guilds", "1", "--members", "200", "--days", "4", "--events", "11000"]

    def written(name: str, *more: str) -> Database:
        assert main([str(tmp_path / name), *few, *more]) == 0
        return open_database(str(tmp_path / name), create=False)

    one, other, torn = written("1.db", "--tick-s", "0", "--flush-events", "5000"), written("2.db", "--seed", "7"), None
    try:
        events = [recorded.event for recorded in store.log.read(one, Partition(0))]
        ticks = [event for event in events if isinstance(event.data, TrackerTicked)]
        assert (len(events), len(ticks)) == (11_003, 3), "a flush after each 5,000, and one at the end"
        assert {e.id for e in events} != {r.event.id for r in store.log.read(other, Partition(0))}
        torn = written("3.db", "--unfolded", "20")
        behind = store.log.head(torn)[Partition(0)] - store.state.checkpoints(torn)[Partition(0)].position
        assert behind == 20
    finally:
        for database in (one, other, torn):
            if database is not None:
                database.close()


def test_unfolded_events_need_an_end_to_be_counted_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "x.db"), "--unfolded", "5"]) == ConfigError.exit_code
    assert "how many events stay unfolded" in capsys.readouterr().err


def test_the_command_refuses_an_unknown_database_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mysql://nowhere/x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
