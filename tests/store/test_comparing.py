"""The live tables are compared with a fresh fold row by row, whatever the bot does meanwhile."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import asof, comparing, rebuild
from store.comparing import Difference, verify
from store.engine import Database
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact, statements
from tracker.errors import DatabaseError
from tracker.events.member import MemberForgotten, MemberJoined
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import UserId
from tracker.projections.rows import TABLES, Row, Table

MINUTE = 60_000
RULES = TABLES["rules"]


@pytest.fixture
def writer(database: Database) -> Writer:
    """Two guilds, in one of them EXP by hand and rules that somebody set; all of it flushed."""
    writer = Writer(database)
    tiers = {"tiers": {"list": [{"name": "Bronze", "role_id": "5", "min_exp": 10}]}}
    writer.write([fact(SettingsChanged(settings=tiers, by=UserId(2)), user=None, channel=None), fact(user=1)])
    writer.write([fact(MemberJoined(name="two"), user=2, channel=None), fact(ExpAdjusted(amount=50), user=2)])
    writer.write([fact(MessageSent(), user=2, event_id="message:9"), fact(user=3, guild=OTHER_GUILD)])
    writer.flush(START + 10 * MINUTE)
    return writer


def spoil(database: Database, *commands: str) -> None:
    with database.write() as connection:
        for command in commands:
            connection.exec_driver_sql(command)


def cells(found: list[Difference]) -> set[tuple[Any, ...]]:
    return {(d.table, d.guild_id, d.user_id, d.column, d.live, d.replayed) for d in found}


def test_what_the_log_says_is_no_difference(writer: Writer) -> None:
    assert verify(writer.db) == []


def test_each_cell_that_differs_is_named_with_its_guild_and_member(writer: Writer) -> None:
    spoil(
        writer.db,
        f"UPDATE totals SET exp = exp + 1, messages = 7 WHERE user_id = 2 AND guild_id = {GUILD}",
        f"UPDATE member_sync SET tier_roles = '' WHERE user_id = 2 AND guild_id = {GUILD}",
    )
    assert cells(verify(writer.db)) == {
        ("totals", GUILD, 2, "exp", 52, 51),
        ("totals", GUILD, 2, "messages", 7, 1),
        ("member_sync", GUILD, 2, "tier_roles", "", "5"),
    }


def test_a_row_that_is_only_on_one_side_is_one_difference(writer: Writer) -> None:
    spoil(
        writer.db,
        f"DELETE FROM sessions WHERE guild_id = {OTHER_GUILD}",
        "UPDATE roles SET role_id = role_id",
        f"INSERT INTO roles (partition, guild_id, role_id, name) SELECT partition, guild_id, 77, 'ghost' FROM guilds "
        f"WHERE guild_id = {GUILD}",
    )
    found = {d.table: d for d in verify(writer.db)}
    assert found.keys() == {"sessions", "roles"}
    assert (found["roles"].key, found["roles"].live, found["roles"].replayed) == ((GUILD, 77), ("ghost",), None)
    assert (found["sessions"].live, found["sessions"].user_id, found["sessions"].where) == (
        None,
        3,
        {"guild_id": OTHER_GUILD, "day": 20260225, "user_id": 3, "started_at": START},
    )


def test_only_the_guilds_that_are_asked_for_are_compared_and_only_as_many_differences_given(writer: Writer) -> None:
    spoil(writer.db, "UPDATE totals SET exp = exp + 1, voice_ms = voice_ms + 1, last_at = last_at + 1")
    assert {d.guild_id for d in verify(writer.db)} == {GUILD, OTHER_GUILD}
    assert {d.guild_id for d in verify(writer.db, guilds=[OTHER_GUILD])} == {OTHER_GUILD}
    assert len(verify(writer.db, limit=2)) == 2


def test_a_guild_that_awaits_its_rebuild_is_left_out(writer: Writer) -> None:
    spoil(writer.db, "UPDATE totals SET exp = exp + 1")
    rebuild.mark_for_rebuild(writer.db, [GUILD])
    assert {d.guild_id for d in verify(writer.db)} == {OTHER_GUILD}


def test_nothing_is_written_and_no_lease_is_asked_for(writer: Writer) -> None:
    with statements(writer.db) as sent:
        verify(writer.db)
    assert {text.split()[0] for text in sent} <= {"SELECT", "LOCK"}


def test_only_tables_that_differ_are_read_row_by_row(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    read: list[str] = []
    really = comparing._Sides._rows

    def rows(side: Any, connection: Any, partition: Any, table: Table) -> Iterator[list[Row]]:
        read.append(table.name)
        return really(side, connection, partition, table)

    monkeypatch.setattr(comparing._Sides, "_rows", rows)
    assert verify(writer.db) == []
    assert verify(writer.db, guilds=[OTHER_GUILD]) == []
    assert read == []
    spoil(database, f"UPDATE totals SET exp = messages, messages = exp WHERE user_id = 2 AND guild_id = {GUILD}")
    found = verify(writer.db)
    assert [d.column for d in found if d.table == "totals"] == ["exp", "messages"]
    assert set(read) == {"totals"}
    assert verify(writer.db, guilds=[OTHER_GUILD]) == []


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something happen when the snapshot is taken, before the log is read."""
    really = asof.fold_into

    def happens(act: Callable[[], None]) -> None:
        def fold_into(*arguments: Any, **more: Any) -> Any:
            act()
            return really(*arguments, **more)

        monkeypatch.setattr(asof, "fold_into", fold_into)

    return happens


def test_a_flush_meanwhile_is_no_difference(writer: Writer, meanwhile: Callable[[Callable[[], None]], None]) -> None:
    def act() -> None:
        writer.write([fact(MessageSent(), user=2, event_id="message:10", at=11 * MINUTE)])
        writer.write([fact(ExpAdjusted(amount=5), user=1, at=11 * MINUTE)])
        writer.flush(START + 12 * MINUTE)

    meanwhile(act)
    assert verify(writer.db) == []


def test_a_difference_is_found_although_a_flush_meanwhile_writes_the_row_anew(
    writer: Writer, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    spoil(writer.db, f"UPDATE totals SET messages = 8 WHERE user_id = 2 AND guild_id = {GUILD}")

    def act() -> None:
        writer.write([fact(MessageSent(), user=2, event_id="message:10", at=11 * MINUTE)])
        writer.flush(START + 12 * MINUTE)

    meanwhile(act)
    assert cells(verify(writer.db)) == {("totals", GUILD, 2, "messages", 8, 1)}


def test_who_is_forgotten_meanwhile_is_no_difference_and_hides_none(
    writer: Writer, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    spoil(writer.db, "UPDATE totals SET exp = exp + 1 WHERE user_id = 1")
    settings = f"UPDATE events SET data = replace(data, ',\"by\":\"2\"', '') WHERE guild_id = {GUILD}"

    def act() -> None:
        writer.write([fact(MemberForgotten(), user=2, channel=None, at=11 * MINUTE)])
        writer.flush(START + 12 * MINUTE)
        spoil(writer.db, settings)  # what forgetting blanks in the log's data

    meanwhile(act)
    assert cells(verify(writer.db)) == {("totals", GUILD, 1, "exp", 3, 2)}


def naive(live: list[Row], replayed: list[Row]) -> set[tuple[Row, str]]:
    """Which cells differ, found by looking each row up; no column: one side has no such row."""
    mine, other = ({row[:2]: row for row in side} for side in (live, replayed))
    found = {(key, "") for key in mine.keys() ^ other.keys()}
    for key in mine.keys() & other.keys():
        found |= {(key, column) for column, a, b in zip(RULES.columns, mine[key], other[key], strict=True) if a != b}
    return found


ROWS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(0, 9)), st.tuples(st.sampled_from("ab"), st.none() | st.integers(0, 1))
).map(lambda rows: [(*key, *values) for key, values in sorted(rows.items())])


def batches(rows: list[Row], size: int) -> Iterator[list[Row]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


@given(live=ROWS, replayed=ROWS, sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_two_readings_by_key_are_compared_as_if_each_row_were_looked_up(
    live: list[Row], replayed: list[Row], sizes: tuple[int, int]
) -> None:
    found = list(comparing._compared(RULES, batches(live, sizes[0]), batches(replayed, sizes[1])))
    assert {(d.key, d.column) for d in found} == naive(live, replayed)
    assert len(found) == len(naive(live, replayed))


def test_no_rebuild_swaps_the_tables_while_they_are_read(
    writer: Writer, open_again: Callable[[], Database], meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    beside, swapped = open_again(), list[str]()

    def swap() -> None:
        with beside.write() as connection:
            if beside.dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            connection.exec_driver_sql("CREATE TABLE other AS SELECT * FROM daily WHERE 1 = 0")
            connection.exec_driver_sql("DROP TABLE daily")
            connection.exec_driver_sql("ALTER TABLE other RENAME TO daily")
        swapped.append("daily")

    def act() -> None:
        with suppress(DatabaseError):
            swap()

    meanwhile(act)
    assert verify(writer.db) == []
    assert bool(swapped) == (beside.dialect == "sqlite")  # where a snapshot has its own tables


def test_beside_a_writer_that_never_rests_there_is_never_a_difference(
    writer: Writer, open_again: Callable[[], Database]
) -> None:
    """Somebody joins, writes, and now and then is forgotten; each few events are flushed."""
    beside, ended = open_again(), threading.Event()

    def write() -> None:
        busy = Writer(beside)
        for turn in itertools.count(11):
            who, at = 100 + turn % 7, turn * MINUTE
            busy.write([fact(user=who, at=at), fact(MessageSent(), user=who, event_id=f"message:{turn}", at=at)])
            if turn % 5 == 0:
                busy.write([fact(MemberForgotten(), user=who, channel=None, at=at)])
            busy.flush(START + at + 30_000)
            if ended.is_set():
                return

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found = [difference for _ in range(8) for difference in verify(writer.db)]
    finally:
        ended.set()
        thread.join()
    assert found == []
    assert verify(writer.db) == []
