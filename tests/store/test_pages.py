"""What is written page by page is what SQLite itself would say is there, and what is read page by page too."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import pages_check, pages_sum, pages_tree, pages_worker, shadow_tables, shadow_writers
from store.columns_ask import UnfitError
from store.columns_pages import still
from store.engine import Database
from store.pages_check import NUMERIC, by_pages
from store.pages_file import PageFile
from store.shadow import Shadow
from store.shadow_hash import MODULI, fingerprints, weighed
from tests.examples import examples
from tests.store.shadows import add_rows
from tests.store.test_bulk import deltas
from tests.store.test_rebuild import HISTORIES
from tracker.errors import DatabaseError
from tracker.projections.rows import TABLES, Row

DEFINITION = (
    "CREATE TABLE t (a BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT, d BIGINT, e BIGINT, PRIMARY KEY (a, b)) "
    "WITHOUT ROWID"
)
WHOLE = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300), st.sampled_from([0, 1, -1, 2**47, -(2**47) - 1, 2**39])
)


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


@pytest.fixture
def sqlite(database: Database) -> Database:
    if database.dialect != "sqlite":
        pytest.skip("only SQLite has a file")
    return database


def written(path: Path, rows: list[Row], cuts: list[int]) -> None:
    cells = np.zeros((len(rows), 6), np.int64)
    for at, row in enumerate(rows):
        cells[at] = [*(0 if cell is None else cell for cell in row), sum(1 << i for i in range(5) if row[i] is None)]
    path.unlink(missing_ok=True)
    with PageFile(path, {"t": DEFINITION, "u": DEFINITION.replace("TABLE t", "TABLE u")}) as made:
        begin = 0
        for cut in [*sorted(cuts), len(rows)]:
            made.add("t", cells[begin:cut], 2)
            begin = cut
        made.finish()


def read(path: Path) -> list[Row]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT COUNT(*) FROM u").fetchone() == (0,)
        return [tuple(row) for row in connection.execute("SELECT * FROM t")]


@settings(max_examples=examples(60))
@given(data=st.data())
def test_rows_of_any_numbers_are_read_by_sqlite_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    keys = sorted(data.draw(st.sets(st.tuples(WHOLE, WHOLE), max_size=40)))
    others = st.tuples(*[st.none() | WHOLE] * 3)
    rows = [key + data.draw(others) for key in keys]
    cuts = [data.draw(st.integers(0, len(rows))) for _ in range(2)]
    path = tmp_path_factory.getbasetemp() / "any.db"
    written(path, rows, cuts)
    assert read(path) == rows


def test_wherever_the_last_row_falls_the_tree_is_whole(tmp_path: Path) -> None:
    """Leaves and levels that are just full, or would be empty but for one row."""
    chance = random.Random(1)
    rows: list[Row] = [(i // 7, i, chance.getrandbits(62), None, chance.getrandbits(40)) for i in range(30_000)]
    for many in [*range(120, 220), 9_000, 9_001, len(rows)]:
        written(tmp_path / "tree.db", rows[:many], [many // 3])
        assert read(tmp_path / "tree.db") == rows[:many]


def test_the_page_on_which_sqlite_locks_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = pages_tree._LOCKED
    assert (lock - 1) * pages_tree.PAGE == 2**30
    state, out = np.array([0, lock], np.int64), np.ones((3, pages_tree.PAGE), np.uint8)
    pages, meta = np.zeros((2, pages_tree.PAGE), np.uint8), np.zeros((2, pages_tree.META), np.int64)
    assert pages_tree._close(pages, meta, 0, 0, out, state) == lock + 1
    assert state.tolist() == [2, lock + 2]


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    with PageFile(tmp_path / "order.db", {"t": DEFINITION}) as made:
        made.add("t", np.array([[1, 5, 0, 0, 0, 0]]), 2)
        for late in (5, 4):
            with pytest.raises(ValueError, match=r"t: the row \(1, \d\) comes after \(1, 5\)"):
                made.add("t", np.array([[1, late, 0, 0, 0, 0]]), 2)


def in_parts(name: str, rows: list[Row]) -> Iterator[list[Row]]:
    """Each guild's rows by themselves, in ascending order."""
    for guild in sorted({row[:2] for row in rows}):
        yield [row for row in rows if row[:2] == guild]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are read in this process: another one takes half a second to come up."""
    monkeypatch.setattr(pages_check, "start", lambda: None)
    monkeypatch.setattr(pages_check, "_apart", lambda _, path, asked: pages_worker.sums(path, asked, MODULI))


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
            if name in NUMERIC and bulk:
                assert by_pages(sqlite, NUMERIC) == {n: wanted[n] for n in NUMERIC}
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


@pytest.mark.parametrize("name", ["daily", "carries", "session_days"])
def test_a_bit_that_flips_on_the_disk_is_found_whichever_table_it_is_in(sqlite: Database, name: str) -> None:
    lasts = {"daily": 2**46, "carries": 2**46 + 10_000, "session_days": 2**46 + 20_000}
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        for filled, last in lasts.items():
            others = len(TABLES[filled].columns) - 2
            add_rows(shadow, filled, 0, [(7 << 22, *[user] * others, last + user) for user in range(900)])
        shadow.finish()
        sqlite.tidy()
        number = str(lasts[name] + 777)
        subprocess.run([sys.executable, "-c", FLIPS_A_BIT, sqlite.name, number], check=True)
        with pytest.raises(DatabaseError, match=f"table {name} was rebuilt with 900 rows"):
            shadow.check()


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

    sessions = [(7 << 22, user, user, *(any_of_them() for _ in range(6))) for user in range(3_000)]
    daily = [(7 << 22, user, some(), user, *[some() >> 1] * 8, any_of_them()) for user in range(3_000)]
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "sessions", 0, sessions)
        add_rows(shadow, "daily", 0, daily)
        shadow.finish()
        shadow.check()
        with sqlite.read() as connection:
            wanted = fingerprints(connection, live=False, names=NUMERIC)
        assert by_pages(sqlite, NUMERIC) == wanted == {name: shadow.handed_in[name] for name in NUMERIC}


def test_a_type_that_no_number_has_ends_the_reading() -> None:
    """A record of two cells, and behind it as many bytes as are read at once."""
    weights, nulls = np.array([3, 5], np.int64), np.array([0, 9], np.int64)
    for types, fits in (([1, 8], True), ([1, 0], True), ([0, 1], False), ([7, 8], False), ([1, 10], False)):
        size = sum(kind for kind in types if kind < 7)
        record = np.array([3 + size, 3, *types, *[5] * size, *[0] * 16], np.uint8)
        found, total = pages_sum._row(record, 0, weights, nulls, 1_000_003, 1 / 1_000_003)
        assert found is fits, types
        assert not fits or total == 5 * 3 + (9 * 5 if types[1] == 0 else 0)


def test_while_somebody_reads_behind_commits_the_database_itself_is_asked(sqlite: Database) -> None:
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", 0, [(7 << 22, user, 9, user) for user in range(500)])
        with closing(sqlite3.connect(sqlite.name)) as other:
            other.execute("BEGIN")
            other.execute("SELECT COUNT(*) FROM events").fetchone()
            shadow.finish()
            assert by_pages(sqlite, NUMERIC) == {}
            shadow.check()
        assert by_pages(sqlite, NUMERIC)["carries"].rows == 500


def test_without_numba_the_database_itself_is_asked(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "store.pages_sum", None)
    assert pages_worker.sums(sqlite.name, {}, (1, 2, 3)) is None


def test_a_table_with_texts_or_of_another_kind_is_not_read_by_pages(sqlite: Database) -> None:
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "roles", 0, [(7 << 22, 5, "a name")])
        shadow.finish()
        with pytest.raises(KeyError):
            by_pages(sqlite, ["not a table"])
        weights, nulls = weighed(TABLES["roles"])
        assert pages_worker.sums(sqlite.name, {"roles__shadow": (weights, nulls)}, (3, 5, 7)) is None
        assert pages_worker.sums(sqlite.name, {"sqlite_schema": (weights, nulls)}, (3, 5, 7)) is None


def test_what_was_put_aside_is_gone_after_an_error_and_swept_after_a_death(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    readers, start = [], pages_check.start

    def started() -> pages_check.Reader:
        readers.append(start())
        return readers[-1]

    monkeypatch.setattr(pages_check, "start", started)
    monkeypatch.setattr(shadow_writers, "_take_over", torn)
    with Shadow.create(sqlite, sqlite.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", 0, [(7 << 22, 5, 9, 1)])
        with pytest.raises(DatabaseError, match="the disk does not answer"):
            shadow.finish()
    assert [reader.poll() is None for reader in readers] == [False]
    assert not shadow_tables.aside(sqlite).exists()
    shadow_tables.aside(sqlite).write_bytes(b"left")
    assert shadow_tables.aside(sqlite).name in shadow_tables.sweep(sqlite)
    assert not shadow_tables.aside(sqlite).exists()


def test_a_file_that_is_no_database_cannot_be_held(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"something else" * 500)
    with pytest.raises(UnfitError), still(str(tmp_path / "other")):
        pass
