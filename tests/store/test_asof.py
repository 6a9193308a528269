"""What is folded into a scratch database is what the slow oracle says, of any instant and under any rules."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from store import asof, log, queries, state
from store.engine import Database, open_database
from tests.examples import examples
from tests.oracle.oracle import answer
from tests.oracle.tables import TableStore
from tests.properties.communities import GUILD as STORY_GUILD
from tests.properties.communities import Community, communities
from tests.properties.documents import documents
from tests.properties.folding import expected, found
from tests.store.living import Writer, tables
from tests.store.support import GUILD, OTHER_GUILD, START, fact, statements
from tests.store.test_rebuild import emptied, live
from tracker.errors import ConfigError
from tracker.events.envelope import Event
from tracker.events.member import MemberForgotten
from tracker.events.message import MessageSent
from tracker.events.rule import SettingsChanged
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import EventId, Ms, UserId
from tracker.projections.rows import TABLES

MINUTE = 60_000

EXAMPLES = settings(
    max_examples=examples(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[p for p in Phase if p is not Phase.explain],
)


def told(db: Database) -> dict[str, Any]:
    """What the tables of a database say, in the oracle's words."""
    store = TableStore()
    for name, rows in tables(db).items():
        width, columns = len(TABLES[name].key), TABLES[name].columns
        for row in rows:
            store.tables[name][row[:width]] = dict(zip(columns[width:], row[width:], strict=True))
    return found(store)


def as_the_log_reads(events: Iterable[Event]) -> list[Event]:
    """Whoever was forgotten, by the end of the log, is nobody from the beginning on."""
    known = list(events)
    gone = {e.user_id for e in known if isinstance(e.data, MemberForgotten)}
    return [replace(e, user_id=UserId(-e.user_id)) if e.user_id is not None and e.user_id in gone else e for e in known]


def under(document: Any, events: Iterable[Event]) -> list[Event]:
    """The events as if nothing but this document had ever been in force."""
    known = sorted(events, key=lambda e: e.occurred_at)
    given_first = replace(known[0], id=EventId("given"), user_id=None, data=SettingsChanged(settings=document))
    return [given_first, *(e for e in known if not isinstance(e.data, SettingsChanged))]


def check(said: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in wanted:
        assert said[name] == wanted[name], name


@st.composite
def at_an_instant(draw: st.DrawFn) -> tuple[Community, list[int], Ms]:
    community = draw(communities(moves=25))
    first, last = community.events[0].occurred_at, community.until
    moments = [e.occurred_at + draw(st.sampled_from([-1, 0, 1])) for e in community.events]
    moment = draw(st.sampled_from(moments) | st.integers(first, last))
    return community, draw(st.lists(st.integers(0, 60), max_size=4)), Ms(moment)


@EXAMPLES
@given(drawn=at_an_instant())
def test_as_of_any_instant_the_tables_say_what_the_oracle_says(
    database: Database, drawn: tuple[Community, list[int], Ms]
) -> None:
    community, cuts, moment = drawn
    emptied(database)
    live(database, community, cuts)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=moment)
        check(told(past), expected(answer(as_the_log_reads(community.events), moment)))


@st.composite
def under_other_rules(draw: st.DrawFn) -> tuple[Community, Any, Ms | None]:
    community = draw(communities(moves=25))
    first, last = community.events[0].occurred_at, community.until
    moment = draw(st.none() | st.integers(first, last))
    return community, draw(documents(community.zone, first)), None if moment is None else Ms(moment)


@EXAMPLES
@given(drawn=under_other_rules())
def test_under_other_rules_the_tables_say_what_the_oracle_says(
    database: Database, drawn: tuple[Community, Any, Ms | None]
) -> None:
    community, document, moment = drawn
    emptied(database)
    live(database, community, [])
    with asof.scratch(database) as other:
        asof.fold_into(database, other, until=moment, rules={STORY_GUILD: document})
        end = community.until if moment is None else moment
        check(told(other), expected(answer(under(document, as_the_log_reads(community.events)), end)))


def filled(database: Database) -> Writer:
    """Two guilds: in one a member joins voice at 0, in the other one at 1 min; time has come to 10 min."""
    writer = Writer(database)
    writer.write([fact(user=1), fact(user=2, guild=OTHER_GUILD, at=MINUTE)])
    writer.flush(START + 10 * MINUTE)
    return writer


def test_up_to_the_end_of_the_log_it_is_what_the_live_tables_say(database: Database) -> None:
    filled(database)
    with asof.scratch(database) as past:
        asof.fold_into(database, past)
        assert tables(past) == tables(database)
        assert [state.checkpoints(past)[p].as_of for p in asof.ends(database)] == [START + 10 * MINUTE] * len(
            asof.ends(database)
        )


def test_only_the_guilds_that_are_asked_for_are_folded(database: Database) -> None:
    filled(database)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, guilds=[OTHER_GUILD])
        assert queries.guild_ids(past) == [OTHER_GUILD]


def test_an_open_session_is_counted_up_to_the_instant(database: Database) -> None:
    filled(database)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=Ms(START + 3 * MINUTE + 7))
        voice = {row[0]: row[TABLES["totals"].columns.index("voice_ms")] for row in tables(past)["totals"]}
        assert voice == {GUILD: 3 * MINUTE + 7, OTHER_GUILD: 2 * MINUTE + 7}


def test_nothing_is_counted_beyond_what_anybody_saw(database: Database) -> None:
    """The tracker was stopped; what members did since, nobody knows, whatever instant is asked for."""
    filled(database)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=Ms(START + 3_000 * MINUTE))
        assert tables(past) == tables(database)
        assert queries.as_of(past, GUILD) == START + 10 * MINUTE


def test_a_guild_that_was_lost_then_is_not_counted_further(database: Database) -> None:
    writer = filled(database)
    writer.write([fact(TrackerLost(), user=None, channel=None, at=10 * MINUTE)])
    writer.flush(START + 20 * MINUTE)
    writer.write([fact(TrackerReturned(), user=None, channel=None, at=30 * MINUTE)])
    writer.write([fact(VoiceLeft(), user=1, at=40 * MINUTE)])
    writer.flush(START + 50 * MINUTE)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=Ms(START + 25 * MINUTE), guilds=[GUILD])
        assert [row[2:4] for row in tables(past)["totals"]] == [(2, 10 * MINUTE)]
        assert queries.as_of(past, GUILD) == START + 25 * MINUTE


def test_before_a_guilds_first_event_it_is_not_known(database: Database) -> None:
    filled(database)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=Ms(START + 5))
        assert queries.guild_ids(past) == [GUILD]


def test_events_that_no_flush_has_counted_yet_are_part_of_the_log(database: Database) -> None:
    writer = filled(database)
    writer.write([fact(MessageSent(), user=1, event_id="message:77", at=11 * MINUTE)])
    with asof.scratch(database) as past:
        asof.fold_into(database, past, guilds=[GUILD])
        assert [row[4] for row in tables(past)["totals"]] == [1]
        assert queries.as_of(past, GUILD) == START + 11 * MINUTE


def test_two_foldings_up_to_the_same_positions_know_the_same_whatever_came_in_between(database: Database) -> None:
    writer = filled(database)
    at = asof.ends(database)
    writer.write([fact(MessageSent(), user=1, event_id="message:77", at=10 * MINUTE)])
    writer.flush(START + 12 * MINUTE)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, at=at)
        assert not any(row[4] for row in tables(past)["totals"])


def asked_to_be_forgotten(database: Database) -> Writer:
    """At 20 min somebody who was in voice from 0 on asks to be forgotten, writes at 21, and no flush comes after it."""
    writer = filled(database)
    writer.write([fact(MessageSent(), user=1, event_id="message:77", at=15 * MINUTE)])
    writer.flush(START + 16 * MINUTE)
    writer.write([fact(MemberForgotten(), user=1, channel=None, at=20 * MINUTE)])
    writer.write([fact(MessageSent(), user=1, event_id="message:88", at=21 * MINUTE)])
    return writer


@pytest.mark.parametrize("minute", [3, 10, 16, 20])
def test_who_asked_to_be_forgotten_is_in_no_view_made_since_whatever_its_instant(
    database: Database, minute: int
) -> None:
    writer, moment = asked_to_be_forgotten(database), Ms(START + minute * MINUTE)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=moment, guilds=[GUILD])
        before = tables(past)
    assert before["totals"] == before["daily"] == before["sessions"] == []
    writer.flush(START + 22 * MINUTE)  # which carries it out
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=moment, guilds=[GUILD])
        assert tables(past) == before


def test_who_came_back_after_being_forgotten_is_seen_since_then_only(database: Database) -> None:
    asked_to_be_forgotten(database)
    with asof.scratch(database) as past:
        asof.fold_into(database, past, until=Ms(START + 21 * MINUTE), guilds=[GUILD])
        assert [row[:5] for row in tables(past)["totals"]] == [(GUILD, 1, 1, 0, 1)]


def test_the_source_is_only_read_and_progress_is_told_of_every_event(database: Database) -> None:
    log.append(database, [fact(VoiceJoined(), user=n) for n in range(1, 2_501)], recorded_at=START)
    steps: list[int] = []
    with asof.scratch(database) as past, statements(database) as sent:
        asof.fold_into(database, past, progress=steps.append)
    assert sum(steps) == 2_500
    assert min(steps) > 0
    assert all(text.lstrip().upper().startswith("SELECT") for text in sent)


def test_what_was_left_behind_days_ago_is_swept_and_what_may_be_at_work_is_not(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    old, new = (tmp_path / "temporary" / f"{asof.SCRATCH}{name}" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "scratch.db").touch()
    for path in (old / "scratch.db", old, new):
        os.utime(path, (time.time() - 3 * 86_400,) * 2)
    with asof.scratch(sqlite) as made:
        assert len(list((tmp_path / "temporary").iterdir())) == 2
        assert Path(made.name).exists()
    assert list((tmp_path / "temporary").iterdir()) == [new]


def test_a_database_with_other_partitions_is_refused(sqlite: Database, tmp_path: Path) -> None:
    other = open_database(str(tmp_path / "other.db"), partitions=2)
    with pytest.raises(ConfigError, match="1 partitions cannot be folded into 2"):
        asof.fold_into(sqlite, other)
    other.close()
