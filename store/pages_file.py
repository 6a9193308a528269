"""Tables WITHOUT ROWID in a SQLite file of their own, written page by page (`store.pages_tree`).

    with PageFile(path, {"carries": "CREATE TABLE carries (…) WITHOUT ROWID"}) as made:
        made.add("carries", rows)       # in the order of the keys
        made.finish()
    connection.execute("ATTACH …")      # SQLite then copies whole rows from table to table

Nobody else opens the file before it is finished, and whoever copies out of it reads it by SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from store import pages_tree as tree
from store.pages_cells import PAGE, PAYLOAD
from store.shadow_rows import LENGTH_BITS, Matrix, nulls_of

__all__ = ["PageFile", "too_long"]

_BYTES: Final = 3 << 20
"""About how much is put in place at once."""
_CELL: Final = 8 + 2
"""Bytes that a number takes at most, and a text more than it is long."""
_HEADS: Final = 3 + 1
"""Bytes before the types of a row's cells, at most."""

_SIZE_AT: Final = 28
"""Where a SQLite file's first page says how many pages there are."""


_NO_TEXTS: Final = np.zeros(0, np.bool_)
_NO_LETTERS: Final = np.zeros(1, np.uint8)


def too_long(rows: Matrix, texts: Sequence[int]) -> np.ndarray:
    """Which rows may be too long to stand on a page whole, by their `texts`."""
    nulls, size = nulls_of(rows), np.full(len(rows), _HEADS + _CELL * (rows.shape[1] - 1), np.int64)
    for i in texts:
        size += np.where((nulls >> i) & 1, 0, rows[:, i] & ((1 << LENGTH_BITS) - 1))
    long: np.ndarray = size > PAYLOAD
    return long


class _Tree:
    """A table's tree while it grows: the page that is being filled of each level."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.last: tuple[int, ...] = ()
        self.pages = np.zeros((tree.LEVELS, PAGE), np.uint8)
        self.meta = np.zeros((tree.LEVELS, tree.META), np.int64)
        self.meta[:, 1] = PAGE
        self.held = np.zeros((tree.LEVELS, PAYLOAD), np.uint8)
        self.kept = np.zeros(tree.KEPT, np.uint8)
        self.ends = np.zeros(tree.MOST, np.int64)


class PageFile:
    """A new file at `path` with these tables, by name. Raises sqlite3.Error, OSError."""

    def __init__(self, path: Path, tables: Mapping[str, str]) -> None:
        self.path = path
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute(f"PRAGMA page_size = {PAGE}")
            for definition in tables.values():
                connection.execute(definition)
            roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'"))
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
        finally:
            connection.close()
        self._trees = {name: _Tree(roots[name]) for name in tables}
        self._file = path.open("r+b", buffering=0)
        self._next = pages + 1
        self._cells = np.empty(tree.KEPT + _BYTES, np.uint8)
        self._starts = np.empty(tree.MOST + _BYTES // _CELL, np.int64)
        self._out = np.empty((_BYTES // (PAGE - PAYLOAD - _CELL) + 4 * tree.LEVELS, PAGE), np.uint8)

    def add(
        self, name: str, rows: np.ndarray, key: int, texts: Sequence[int] = (), letters: np.ndarray = _NO_LETTERS
    ) -> None:
        """Takes rows (*cells, nulls) of a table: they come in the order of their first `key` numbers, and after all
        that came before. `nulls`: bit i is set where cell i is null. `texts`: the cells that say where in `letters`
        their text is (`store.shadow_rows`); no row may be `too_long`. Raises ValueError for rows out of order.
        """
        one, width = self._trees[name], rows.shape[1] - 1
        worded = np.isin(np.arange(width), texts) if texts else _NO_TEXTS
        at_once = max(1, _BYTES // (PAYLOAD if texts else width * _CELL + _HEADS))
        for start in range(0, len(rows), at_once):
            part = np.ascontiguousarray(rows[start : start + at_once])
            first = tuple(part[0, :key].tolist())
            if one.last >= first:
                raise ValueError(f"{name}: the row {first} comes after {one.last}")
            one.last = tuple(part[-1, :key].tolist())
            state = np.array([0, self._next], np.int64)
            tree.place(
                part, worded, letters,
                one.kept, one.ends, self._cells, self._starts, one.pages, one.meta, one.held, self._out, state,
            )  # fmt: skip
            self._write(self._out, state)

    def finish(self) -> None:
        """All rows are there."""
        for one in self._trees.values():
            root, state = np.zeros(PAGE, np.uint8), np.array([0, self._next], np.int64)
            payload = np.zeros(PAYLOAD, np.uint8)
            tree.finish(one.kept, one.ends, one.pages, one.meta, one.held, payload, self._out, state, root)
            self._write(self._out, state)
            self._at((one.root - 1) * PAGE, root)
        self._at(_SIZE_AT, np.array([self._next - 1], ">u4"))
        self.close()

    def _write(self, out: np.ndarray, state: np.ndarray) -> None:
        if state[0]:
            self._at((self._next - 1) * PAGE, out[: state[0]])
        self._next = int(state[1])

    def _at(self, offset: int, numbers: np.ndarray) -> None:
        self._file.seek(offset)
        left = np.ascontiguousarray(numbers).data.cast("B")
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        """Nothing more is written."""
        self._file.close()

    def __enter__(self) -> PageFile:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
