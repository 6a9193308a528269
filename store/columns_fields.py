"""Takes PostgreSQL's rows of the log apart: the part that numba compiles. What is in them: `columns_question`.

The format (see COPY in PostgreSQL's manual, and DataRow in that of its protocol): for each row the number of its
cells, then of each cell its length (-1: null) and its bytes; numbers begin with their highest byte. A COPY has a
signature before it all, and -1 instead of a number of cells after it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store import columns_book
from store.columns_book import BOOK, CODES, coded
from store.columns_btree import SIZES
from store.columns_bytes import eight, half, word
from store.columns_question import CELLS, TEXTS
from tracker.projections.machine import Machine

__all__ = ["AT", "CODED", "DONE", "FULL", "MACHINE", "MORE", "ROWS", "UNFIT", "coded_further", "fetched"]

MORE, FULL, DONE, UNFIT = range(4)
"""Why taking apart ended: more bytes are needed for the next row; no room for more rows; that was all; no such rows."""

AT, ROWS, CODED = range(3)
"""What the numbers of `state` count: bytes taken apart, rows found, rows of which `coded` is done."""

_CELLS: Final = len(CELLS)
_NUMBERS: Final = _CELLS - TEXTS
_OVER: Final = 0xFFFF
_AT_ONCE: Final = 1_024
_FIXED: Final = 12 * _NUMBERS

MACHINE: Final = Machine(__name__)

coded_further: Final = MACHINE.entry(*columns_book.CODED, results=1)(coded)
"""`coded`, of rows that `fetched` found."""


def _size(m: Any, at: int) -> Any:
    """The signed number of four bytes."""
    return np.int64(np.int32(word(m, at)))


def _began(m: Any, end: int) -> int:
    """Behind what comes before the first row, if that comes here: a signature, flags, and something of any length."""
    if end < 19 or m[0] != 80 or m[1] != 71 or m[2] != 67:  # no row has so many cells
        return 0
    return int(19 + word(m, 15))


def _numbers(m: Any, at: int, columns: Any, n: int) -> int:
    """Take the cells that are numbers apart, which are _FIXED bytes at most; where they end, -1: they are others."""
    if word(m, at) != 8 or word(m, at + 12) != 8:
        return -1
    columns[1, n], columns[5, n] = np.int64(eight(m, at + 4)), np.int64(eight(m, at + 16))
    at += 24
    for c in range(6, 8):
        size = _size(m, at)
        if size == 8:
            columns[c, n] = np.int64(eight(m, at + 4))
            at += 12
        elif size == -1:
            columns[c, n] = 0
            at += 4
        else:
            return -1
    if word(m, at) != 8:
        return -1
    columns[8, n] = np.int64(eight(m, at + 4))
    return at + 12


def _decimal(m: Any, at: int, end: int) -> tuple[Any, int]:
    """The whole number that is written there with a space behind it, and where that ends; -1: there is none."""
    sign, value, begin = np.int64(1), np.int64(0), at
    if at < end and m[np.uint64(at)] == 45:
        sign, begin = np.int64(-1), at + 1
        at = begin
    while at < end and 48 <= m[np.uint64(at)] <= 57:
        value = value * 10 + (np.int64(m[np.uint64(at)]) - 48)
        at += 1
    if at in (begin, end) or m[np.uint64(at)] != 32:
        return value, -1
    return sign * value, at + 1


def _more(m: Any, at: int, size: int, columns: Any, n: int) -> None:
    """What the last cell says: of most rows nothing; an id; or partition, version, when it was recorded, and an id."""
    columns[2, n], columns[SIZES, n] = at, max(size, 0)
    if size < 1 or m[np.uint64(at)] != 32:
        return
    end = at + size
    partition, behind = _decimal(m, at + 1, end)
    version, recorded = np.int64(1), np.int64(0)
    if behind > 0:
        version, behind = _decimal(m, behind, end)
    if behind > 0:
        recorded, behind = _decimal(m, behind, end)
    if behind < 0:
        return
    columns[0, n], columns[4, n], columns[9, n] = partition, version, recorded
    columns[2, n], columns[SIZES, n] = behind, end - behind


def _fields(  # noqa: C901 - one loop over bytes, and numba wants it in one piece
    m: Any, end: int, before: int, only: int, partitions: int, low: Any, high: Any, columns: Any, most: int, state: Any
) -> int:
    """Take apart the rows in m[state[AT]:end], up to `most` in all. `columns`: see `columns_btree.SIZES`."""
    at, n = state[AT], state[ROWS]
    while True:
        state[AT], state[ROWS] = at, n
        if end - at < before + 2:
            return MORE
        behind = at + 1 + word(m, at + 1) if before else 0
        if behind > end:
            return MORE
        at += before
        count = half(m, at)
        if count == _OVER:
            return DONE
        if count != _CELLS:
            return UNFIT
        if n == most:
            return FULL
        at += 2
        columns[4, n], columns[9, n] = 1, 0
        begin, at = at, _numbers(m, at, columns, n)
        if at < 0:
            return UNFIT if before or end - begin >= _FIXED else MORE
        for cell in range(_NUMBERS, _CELLS):
            if end - at < 4:
                return MORE
            size = _size(m, at)
            at += 4
            if size > end - at:
                return MORE
            if cell < _CELLS - 1:
                if size < 0:
                    return UNFIT
                text = cell - _NUMBERS  # the type, and the data
                columns[3 + 7 * text, n], columns[SIZES + 1 + text, n] = at, size
            else:
                columns[0, n] = (columns[5, n] >> 22) % partitions
                _more(m, at, size, columns, n)
            at += max(size, 0)
        if before and at != behind:
            return UNFIT
        if only >= 0:
            columns[0, n] = only
        partition = columns[0, n]
        if 0 <= partition < len(low) and low[partition] < columns[1, n] <= high[partition]:
            n += 1


@MACHINE.entry("uint8[::1]", *["int64"] * 4, *["int64[::1]"] * 3, "int64[:,::1]", "int64", *BOOK, *CODES, results=1)
def fetched(
    m: Any, end: int, before: int, only: int, partitions: int, low: Any, high: Any, state: Any, columns: Any, most: int,
    types: Any, how: Any, slots: Any, entries: Any, letters: Any, book: Any, kind: Any, code: Any, arg: Any,
) -> int:  # fmt: skip
    """Up to `most` rows out of m[state[AT]:end]; and `coded` of these rows, as long as the book has room.

    `low`, `high`: by partition, behind which position rows are wanted and up to which one. `only`: they are of this
    one of the `partitions`; -1: of that of their guild, but where they say otherwise. `before`: so many bytes are
    before each row, a letter and its size with that of this number; or 0, where they are those of a COPY.
    """
    if not state[AT] and not before:
        state[AT] = _began(m, end)
    while True:
        begin = state[ROWS]
        upto = min(begin + _AT_ONCE, most)
        done = _fields(m, end, before, only, partitions, low, high, columns, upto, state)
        if state[CODED] == begin:
            state[CODED] = coded(
                m, columns, begin, state[ROWS], types, how, slots, entries, letters, book, kind, code, arg
            )
        if done != FULL or upto == most:
            return int(done)
