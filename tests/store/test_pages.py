"""What is written page by page is what SQLite itself would say is there, and what is read page by page too."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import pages_tree
from store.columns_ask import UnfitError
from store.columns_pages import still
from store.pages_cells import PAGE
from store.pages_file import PageFile
from tests.examples import examples
from tracker.projections.rows import Row

DEFINITION = (
    "CREATE TABLE t (a BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT, d BIGINT, e BIGINT, PRIMARY KEY (a, b)) "
    "WITHOUT ROWID"
)
WHOLE = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300), st.sampled_from([0, 1, -1, 2**47, -(2**47) - 1, 2**39])
)


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
    assert (lock - 1) * PAGE == 2**30
    state, out = np.array([0, lock], np.int64), np.ones((3, PAGE), np.uint8)
    pages, meta = np.zeros((2, PAGE), np.uint8), np.zeros((2, pages_tree.META), np.int64)
    assert pages_tree._close(pages, meta, 0, 0, out, state) == lock + 1
    assert state.tolist() == [2, lock + 2]


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    with PageFile(tmp_path / "order.db", {"t": DEFINITION}) as made:
        made.add("t", np.array([[1, 5, 0, 0, 0, 0]]), 2)
        for late in (5, 4):
            with pytest.raises(ValueError, match=r"t: the row \(1, \d\) comes after \(1, 5\)"):
                made.add("t", np.array([[1, late, 0, 0, 0, 0]]), 2)


def test_a_file_that_is_no_database_cannot_be_held(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"something else" * 500)
    with pytest.raises(UnfitError), still(str(tmp_path / "other")):
        pass
