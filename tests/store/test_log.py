"""The event log: positions, idempotency, order, what is stored and what comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import log
from store.engine import Database
from tests.examples import examples
from tests.store.support import GUILD, OTHER_GUILD, START, fact, statements
from tracker.errors import LogCorruptError
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined
from tracker.events.ticks import tick
from tracker.events.voice import SELF_MUTE, Flags, VoiceJoined
from tracker.ids import EventId, Ms, Partition, Position, partition_of


def home(db: Database) -> Partition:
    return partition_of(GUILD, db.partitions)


def stored(db: Database) -> list[Event]:
    return [recorded.event for p in db.all_partitions for recorded in log.read(db, p)]


def test_what_is_appended_comes_back_as_it_was(database: Database) -> None:
    events = [
        fact(VoiceJoined(flags=Flags(SELF_MUTE))),
        fact(MemberJoined(name="김\"민\\준'🎙️", bot=True), channel=None),
        fact(user=None),
    ]
    log.append(database, events, recorded_at=Ms(START + 9))
    recorded = list(log.read(database, home(database)))
    assert [r.event for r in recorded] == events
    assert [r.position for r in recorded] == [1, 2, 3]
    assert {r.recorded_at for r in recorded} == {START + 9}


def test_positions_are_given_per_partition_and_a_tick_goes_to_its_own(database: Database) -> None:
    result = log.append(
        database, [fact(), tick(Partition(3), START), fact(guild=OTHER_GUILD), fact()], recorded_at=START
    )
    assert result.appended == 4
    assert sum(result.last.values()) == 4
    assert {p: n for p, n in log.head(database).items() if n} == result.last
    assert log.check_contiguity(database) == 4


def test_appending_an_id_again_changes_nothing_and_says_where_it_is(database: Database) -> None:
    first = [fact(), fact()]
    log.append(database, first, recorded_at=START)
    before = stored(database)
    again = log.append(database, first, recorded_at=START)
    assert again.appended == 0
    assert [(d.id, d.position) for d in again.duplicates] == [(first[0].id, 1), (first[1].id, 2)]
    assert again.last == {home(database): 2}
    assert stored(database) == before


def test_of_one_id_twice_in_an_append_the_first_is_kept(database: Database) -> None:
    kept, lost = fact(event_id="same", at=1), fact(event_id="same", at=2)
    result = log.append(database, [kept, lost], recorded_at=START)
    assert (result.appended, result.repeated) == (1, (EventId("same"),))
    assert stored(database) == [kept]


def test_one_known_id_does_not_keep_the_others_out(database: Database) -> None:
    known = fact()
    log.append(database, [known], recorded_at=START)
    new = [fact(at=1, user=77), fact(at=2, guild=OTHER_GUILD)]
    result = log.append(database, [new[0], known, new[1]], recorded_at=START)
    assert (result.appended, len(result.duplicates)) == (2, 1)
    assert sorted(e.id for e in stored(database)) == sorted(e.id for e in [known, *new])
    assert log.check_contiguity(database) == 3


def test_appending_nothing_is_no_statement(database: Database) -> None:
    with statements(database) as seen:
        assert log.append(database, [], recorded_at=START).last == {}
    assert seen == []


def test_a_batch_is_one_round_trip_on_postgresql_and_two_statements_on_sqlite(database: Database) -> None:
    guilds = [n << 22 for n in range(1, 9)]
    log.append(database, [fact(guild=g) for g in guilds], recorded_at=START)
    with statements(database) as seen:
        log.append(database, [fact(guild=g) for g in guilds for _ in range(10)], recorded_at=START)
    assert len(seen) == (1 if database.dialect == "postgresql" else 2)
    assert "UPDATE log_head" in seen[0]


def test_reading_starts_behind_a_position_and_can_keep_to_one_guild(database: Database) -> None:
    near = next(n << 22 for n in range(8, 99) if partition_of(n << 22, database.partitions) == home(database))
    log.append(database, [fact(), fact(guild=near), fact()], recorded_at=START)
    assert [r.position for r in log.read(database, home(database), Position(1))] == [2, 3]
    assert [r.position for r in log.read(database, home(database), guild=GUILD)] == [1, 3]


def test_a_hole_in_the_positions_is_a_corrupt_log(database: Database) -> None:
    log.append(database, [fact(), fact(), fact()], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE position = 2")
    with pytest.raises(LogCorruptError, match="2 events from position 1 to 3"):
        log.check_contiguity(database)


def test_an_event_that_cannot_be_read_is_named(database: Database) -> None:
    log.append(database, [fact()], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE events SET version = 99")
    with pytest.raises(LogCorruptError, match="event 1 of partition"):
        list(log.read(database, home(database)))


def test_a_removed_mapping_reads_back_as_a_negative_user(
    database: Database, open_again: Callable[[], Database]
) -> None:
    log.append(database, [fact(user=50), fact(user=51), fact(user=50)], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM subjects WHERE user_id = 50")
    assert [e.user_id for e in stored(database)] == [-1, 51, -1]
    other = open_again()
    log.append(other, [fact(user=50)], recorded_at=START)
    assert [e.user_id for e in stored(other)] == [-1, 51, -1, 50]


def test_an_erased_member_can_still_be_written_of_by_the_pseudonym(database: Database) -> None:
    log.append(database, [fact(user=50)], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM subjects WHERE user_id = 50")
    log.append(database, [fact(user=-1)], recorded_at=START)
    assert [e.user_id for e in stored(database)] == [-1, -1]


def test_two_writers_give_one_member_one_subject(database: Database, open_again: Callable[[], Database]) -> None:
    other = open_again()
    log.append(database, [fact(user=60)], recorded_at=START)
    log.append(other, [fact(user=60), fact(user=61)], recorded_at=START)
    log.append(database, [fact(user=61)], recorded_at=START)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM subjects").scalar_one() == 2
    assert [e.user_id for e in stored(database)] == [60, 60, 61, 61]


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 40)), max_size=6), max_size=5))
def test_any_batches_with_any_repeats_leave_each_id_once_and_no_hole(
    database: Database, batches: list[list[tuple[int, int]]]
) -> None:
    before = log.check_contiguity(database)
    run = fact().id
    fresh = {f"{run}-{n}" for batch in batches for n, _ in batch}
    appended = sum(
        log.append(database, [fact(event_id=f"{run}-{n}", user=u) for n, u in batch], recorded_at=START).appended
        for batch in batches
    )
    assert appended == len(fresh)
    assert log.check_contiguity(database) == before + len(fresh)
