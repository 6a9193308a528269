"""Shadow tables that are written and read page by page hold what was handed in, and damage to them is found."""

from __future__ import annotations

import pickle
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import pages_sum, pages_worker, shadow_tables, shadow_writers, wal
from store.engine import Database
from store.pages_check import Checker, by_pages
from store.shadow import Shadow
from store.shadow_hash import MODULI, Fingerprint, fingerprints, text_cells, text_number, weighed
from store.shadow_sha import ROOM, number_of
from tests.store.shadows import add_rows
from tests.store.test_bulk import deltas
from tests.store.test_rebuild import HISTORIES
from tracker.errors import DatabaseError
from tracker.projections.machine import Machine
from tracker.projections.rows import TABLES, Row

FLIPS_A_BIT = """
import sys

path, number = sys.argv[1:]
with open(path, "r+b") as file:
    found, wanted = file.read(), int(number).to_bytes(6, "big")
    assert found.count(wanted) == 1
    file.seek(found.index(wanted) + 2)
    file.write(bytes([wanted[2] ^ 4]))
"""
"""In a process of its own: closing the file would take this one's locks away."""

LASTS = {"daily": 2**46, "carries": 2**46 + 10_000, "session_days": 2**46 + 20_000}
"""By table, how the numbers of its last column begin."""


MACHINE = Machine(__name__)
one_row = pages_sum._row


@MACHINE.entry("uint8[::1]", "int64[::1]", "int64[::1]", "boolean[::1]", "uint32[::1]", "int64", results=2)
def row_of(m: Any, weights: Any, nulls: Any, texts: Any, room: Any, cell: int) -> Any:
    """What `pages_sum` finds in a record."""
    return one_row(m, 0, weights, nulls, texts, room, cell, 1.0 / cell)


def in_parts(name: str, rows: list[Row]) -> Iterator[list[Row]]:
    """Each guild's rows by themselves, in ascending order."""
    for guild in sorted({row[:2] for row in rows}):
        yield [row for row in rows if row[:2] == guild]


class Here:
    """A process in name only: one that has to come up takes half a second."""

    returncode = 0

    def __init__(self, asked: list[pages_worker.Asked]) -> None:
        self.asked = asked

    def communicate(self) -> tuple[bytes, None]:
        return pickle.dumps({name: pages_worker.sums(*how) for name, how in self.asked}), None

    def kill(self) -> None:
        self.asked.clear()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are read in this process."""

    def ask(checker: Checker, asked: pages_worker.Asked) -> None:
        process: object = checker._process
        assert isinstance(process, Here)
        process.asked.append(asked)

    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: Here([]))
    monkeypatch.setattr(Checker, "_ask", ask)


def add_some(shadow: Shadow) -> None:
    """900 rows a table of LASTS."""
    for name, last in LASTS.items():
        others = len(TABLES[name].columns) - 2
        add_rows(shadow, name, 0, [(7 << 22, *[user] * others, last + user) for user in range(900)])


@pytest.mark.parametrize("name", ["daily", "sessions", "members"])
@HISTORIES
@given(data=st.data())
def test_shadow_tables_by_pages_hold_what_those_by_statements_do(
    sqlite: Database, here: None, name: str, data: st.DataObject
) -> None:
    del here
    batch = data.draw(deltas(TABLES[name]))
    rows = [key + values for key, values in batch.items() if key[0] in sqlite.all_partitions]
    found = []
    for bulk in (True, False):
        with Shadow.create(sqlite, sqlite.all_partitions, bulk=bulk) as shadow:
            for part in in_parts(name, rows):
                add_rows(shadow, name, part[0][0], [row[1:] for row in part])
                shadow.settle()
            shadow.finish()
            shadow.check()
            with sqlite.read() as connection:
                asked = f"SELECT * FROM {shadow_tables.SHADOWS[name]}"
                found.append(sorted((tuple(r) for r in connection.exec_driver_sql(asked)), key=repr))
                wanted = fingerprints(connection, live=False)
            if bulk:
                assert by_pages(sqlite, list(TABLES)) == wanted
    assert found[0] == found[1]
    assert len(found[0]) == len(rows)
    assert not shadow_tables.aside(sqlite).exists()


def test_a_row_that_is_changed_behind_us_is_found_in_the_pages(sqlite: Database) -> None:
    rows: list[Row] = [(1, 7 << 22, user, 9, 1_000_000 + user) for user in range(2_000)]
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", 0, [row[1:] for row in rows])
        shadow.finish()
        shadow.check()
        with sqlite.write() as connection:
            connection.exec_driver_sql("UPDATE carries__shadow SET carry_ms = carry_ms + 1 WHERE user_id = 1234")
        with pytest.raises(DatabaseError, match="table carries was rebuilt with 2,000 rows"):
            shadow.check()


@pytest.mark.parametrize("name", list(LASTS))
def test_a_bit_that_flips_on_the_disk_while_other_tables_are_copied_is_found_whichever_table_it_is_in(
    sqlite: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, threads = Checker.read, []

    def damaged(checker: Checker, told: str) -> None:
        threads.append(threading.current_thread())
        if told == name:
            number = str(LASTS[name] + 777)
            subprocess.run([sys.executable, "-c", FLIPS_A_BIT, sqlite.name, number], check=True)
        read(checker, told)

    monkeypatch.setattr(Checker, "read", damaged)
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_some(shadow)
        shadow.finish()
        assert len(threads) == len(TABLES)  # nothing was left for the check itself
        assert threading.main_thread() not in threads
        with pytest.raises(DatabaseError, match=f"table {name} was rebuilt with 900 rows"):
            shadow.check()


def test_a_bit_that_flips_before_a_check_is_found_by_it(sqlite: Database) -> None:
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_some(shadow)
        shadow.finish()
        shadow.check()
        subprocess.run([sys.executable, "-c", FLIPS_A_BIT, sqlite.name, str(LASTS["daily"] + 777)], check=True)
        with pytest.raises(DatabaseError, match="table daily was rebuilt with 900 rows"):
            shadow.check()


@pytest.mark.usefixtures("here")
def test_tables_are_copied_and_read_the_biggest_first(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(Checker, "read", lambda _, name: told.append(name))
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        for name, rows in (("carries", 20), ("session_days", 30), ("daily", 10)):
            others = len(TABLES[name].columns) - 1
            add_rows(shadow, name, 0, [(7 << 22, *[user] * others) for user in range(rows)])
        shadow.finish()
    assert told[:3] == ["session_days", "carries", "daily"]
    assert set(told) == set(TABLES)


@pytest.mark.usefixtures("here")
def test_pages_are_summed_up_as_the_database_would_whatever_numbers_they_hold(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of every size, with every sign, and nulls; and some pages at a time."""
    monkeypatch.setattr(pages_worker, "_PAGES", 3)
    chance = random.Random(3)

    def some() -> int:
        return chance.choice([0, 1, -1, 2_038_074_743, -2_038_074_743, 2**63 - 1, -(2**63), chance.getrandbits(63)])

    def any_of_them() -> int | None:
        return chance.choice([None, chance.getrandbits(chance.randrange(63)) * chance.choice([1, -1]), some()])

    sessions = [(7 << 22, user, user, user, *(any_of_them() for _ in range(6))) for user in range(3_000)]
    daily = [(7 << 22, user, some(), user, *[some() >> 1] * 8, any_of_them()) for user in range(3_000)]
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "sessions", 0, sessions)
        add_rows(shadow, "daily", 0, daily)
        shadow.finish()
        shadow.check()
        with sqlite.read() as connection:
            wanted = fingerprints(connection, live=False)
        assert by_pages(sqlite, list(TABLES)) == wanted == shadow.handed_in


LETTERS = ["", "a", "가", "\0", "nul \0 within", "이름 " * 9, "n" * 57, "n" * 58, "끝" * 300, "x" * 5_000]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("longest", [300, 5_000])
def test_texts_are_summed_up_as_the_database_would_and_very_long_ones_by_the_database(
    sqlite: Database, longest: int
) -> None:
    chance = random.Random(4)

    def word() -> str | None:
        return chance.choice([None, *(text for text in LETTERS if len(text.encode()) <= longest)])

    members = [(7 << 22, user, word(), 1, None, user % 2, word()) for user in range(3_000)]
    channels = [(7 << 22, channel, word(), "voice", None, 0) for channel in range(40)]
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        for some in (members[:1_000], members[1_000:]):
            add_rows(shadow, "members", 0, some)
            shadow.settle()
        add_rows(shadow, "channels", 0, channels)
        shadow.finish()
        with sqlite.read() as connection:
            wanted = fingerprints(connection, live=False)
            rows = connection.exec_driver_sql("SELECT * FROM members__shadow ORDER BY user_id").all()
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert [tuple(row) for row in rows] == [(0, *member) for member in members]
        found = by_pages(sqlite, list(TABLES))
        assert set(TABLES) - set(found) == ({"members", "channels"} if longest > 1_000 else set())
        assert found == {name: wanted[name] for name in found}
        assert shadow.handed_in == wanted
        shadow.check()


def test_a_text_that_is_changed_behind_us_is_found_in_the_pages(sqlite: Database) -> None:
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "roles", 0, [(7 << 22, role, f"role {role}") for role in range(500)])
        shadow.finish()
        shadow.check()
        with sqlite.write() as connection:
            connection.exec_driver_sql("UPDATE roles__shadow SET name = 'role 8' WHERE role_id = 7")
        with pytest.raises(DatabaseError, match="table roles was rebuilt with 500 rows"):
            shadow.check()


def test_a_text_counts_as_its_sha_256_says_compiled_too() -> None:
    room = np.zeros(ROOM, np.uint32)
    for text in [*LETTERS, *("z" * size for size in range(130))]:
        letters = np.frombuffer(b"..." + text.encode() + b"...", np.uint8)
        assert number_of(letters, 3, len(text.encode()), room) == text_number(text), text


def test_a_type_that_no_number_has_ends_the_reading() -> None:
    """A record of two cells, and behind it as many bytes as are read at once."""
    weights, nulls = np.array([3, 5], np.int64), np.array([0, 9], np.int64)
    no_texts, no_room = np.zeros(0, np.bool_), np.zeros(0, np.uint32)
    for types, fits in (([1, 8], True), ([1, 0], True), ([0, 1], False), ([7, 8], False), ([1, 10], False)):
        size = sum(kind for kind in types if kind < 7)
        record = np.array([3 + size, 3, *types, *[5] * size, *[0] * 16], np.uint8)
        found, total = row_of(record, weights, nulls, no_texts, no_room, 1_000_003)
        assert bool(found) is fits, types
        assert not fits or total == 5 * 3 + (9 * 5 if types[1] == 0 else 0)


@pytest.mark.usefixtures("here")
def test_while_somebody_reads_behind_commits_the_database_itself_is_asked(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "_PATIENCE_S", 0.2)
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", 0, [(7 << 22, user, 9, user) for user in range(500)])
        with closing(sqlite3.connect(sqlite.name)) as other:
            other.execute("BEGIN")
            other.execute("SELECT COUNT(*) FROM events").fetchone()
            shadow.finish()
            assert by_pages(sqlite, list(TABLES)) == {}
            shadow.check()
        assert by_pages(sqlite, list(TABLES))["carries"].rows == 500


def test_without_numba_the_database_itself_is_asked(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "store.pages_sum", None)
    assert pages_worker.sums(sqlite.name, 2, [1], [0], [], (1, 2, 3)) is None


def test_a_process_that_ended_leaves_it_to_the_database(sqlite: Database) -> None:
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", 0, [(7 << 22, user, 9, user) for user in range(500)])
        shadow.finish()
        dead = Checker(sqlite)
        dead._process.kill()
        dead._process.wait()
        assert by_pages(sqlite, list(TABLES), dead) == {}
        shadow.check()


def test_a_table_with_texts_where_there_should_be_none_or_of_another_kind_is_not_read_by_pages(
    sqlite: Database,
) -> None:
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "roles", 0, [(7 << 22, 5, "a name")])
        shadow.finish()
        weights, nulls = weighed(TABLES["roles"])
        with sqlite.read() as connection:
            asked = "SELECT rootpage FROM sqlite_schema WHERE name = 'roles__shadow'"
            root = connection.exec_driver_sql(asked).scalar_one()
        sqlite.tidy()
        assert pages_worker.sums(sqlite.name, root, weights, nulls, text_cells(TABLES["roles"]), MODULI) is not None
        assert pages_worker.sums(sqlite.name, root, weights, nulls, [], MODULI) is None
        assert pages_worker.sums(sqlite.name, root, weights, nulls, [2, 3], MODULI) is None
        assert pages_worker.sums(sqlite.name, 1, weights, nulls, [], MODULI) is None
        with sqlite.write() as connection:
            connection.exec_driver_sql("DROP TABLE carries__shadow")
            connection.exec_driver_sql("CREATE TABLE carries__shadow AS SELECT * FROM carries")
        assert by_pages(sqlite, ["carries"]) == {}
        assert by_pages(sqlite, ["totals"]) == {"totals": Fingerprint(rows=0, total=0)}


def test_what_was_put_aside_is_gone_after_an_error_and_swept_after_a_death(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    processes: list[Any] = []
    popen: Any = subprocess.Popen

    def known(*command: Any, **options: Any) -> Any:
        processes.append(popen(*command, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", known)
    monkeypatch.setattr(shadow_writers, "_take_over", torn)
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", 0, [(7 << 22, 5, 9, 1)])
        with pytest.raises(DatabaseError, match="the disk does not answer"):
            shadow.finish()
    assert [process.poll() is None for process in processes] == [False]
    assert not shadow_tables.aside(sqlite).exists()
    shadow_tables.aside(sqlite).write_bytes(b"left")
    assert shadow_tables.aside(sqlite).name in shadow_tables.sweep(sqlite)
    assert not shadow_tables.aside(sqlite).exists()
