"""Takes PostgreSQL's binary COPY of the log apart: the part that numba compiles.

The format (see COPY in PostgreSQL's manual): for each row the number of its fields, then of each field its length (-1:
null) and its bytes; numbers begin with their highest byte. -1 instead of a number of fields ends it all.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.columns_book import coded
from store.columns_bytes import compiled, eight

__all__ = ["AT", "CODED", "DONE", "FULL", "MORE", "ROWS", "UNFIT", "apart", "fetched"]

MORE, FULL, DONE, UNFIT = range(4)
"""Why taking apart ended: more bytes are needed for the next row; no room for more rows; that was all; no such rows."""

AT, ROWS, CODED = range(3)
"""What the numbers of `state` count: bytes taken apart, rows found, rows of which `coded` is done."""

_COLUMNS: Final = 11
_AT_ONCE: Final = 1_024


@compiled
def _number(m: Any, at: int, size: int) -> Any:
    """The signed number of so many bytes."""
    if size == 8:
        return np.int64(eight(m, at))
    value = np.int64(np.int8(m[np.uint64(at)]))
    for i in range(1, size):
        value = value << 8 | np.int64(m[np.uint64(at + i)])
    return value


@compiled
def _began(m: Any, end: int, before: int) -> int:
    """Behind what comes before the first row, if that comes here: a signature, flags, and something of any length.

    If a row is in the same packet, what would come before a packet of its own is put there.
    """
    if end < before + 19 or m[before] != 80 or m[before + 1] != 71 or m[before + 2] != 67:  # no row has so many fields
        return 0
    at = before + 19 + _number(m, before + 15, 4)
    if before and at < 1 + _number(m, 1, 4):
        size = _number(m, 1, 4) - (at - before)
        at -= before
        for i in range(4):
            m[at + 1 + i] = np.uint8(size >> 8 * (3 - i))
    return int(at)


@compiled
def _fields(  # noqa: C901 - one loop over bytes, and numba wants it in one piece
    m: Any, end: int, before: int, only: int, low: Any, high: Any, columns: Any, most: int, state: Any
) -> int:
    """Take apart the rows in m[state[AT]:end], up to `most` in all. `columns`: see `columns_btree.SIZES`."""
    at, n, first = state[AT], state[ROWS], 0 if only < 0 else 1
    while True:
        state[AT], state[ROWS] = at, n
        if end - at < before + 2:
            return MORE
        behind = at + 1 + _number(m, at + 1, 4) if before else 0
        at += before
        count = _number(m, at, 2)
        if count == -1:
            return DONE
        if count != _COLUMNS - first:
            return UNFIT
        if n == most:
            return FULL
        at += 2
        text = 0
        columns[0, n] = only
        for c in range(first, _COLUMNS):
            if end - at < 4:
                return MORE
            size = _number(m, at, 4)
            at += 4
            if size > end - at:
                return MORE
            if c == 2 or c == 3 or c == 10:
                if size < 0:
                    return UNFIT
                columns[c, n] = at
                columns[_COLUMNS + text, n] = size
                text += 1
            elif size == 8 or size == 4 or size == 2:
                columns[c, n] = _number(m, at, size)
            elif size == -1 and (c == 6 or c == 7):
                columns[c, n] = 0
            else:
                return UNFIT
            at += max(size, 0)
        if before and at != behind:
            return UNFIT
        partition = columns[0, n]
        if 0 <= partition < len(low) and low[partition] < columns[1, n] <= high[partition]:
            n += 1


@compiled
def fetched(
    m: Any, end: int, before: int, only: int, low: Any, high: Any, state: Any, columns: Any, most: int, types: Any,
    how: Any, slots: Any, entries: Any, letters: Any, book: Any, kind: Any, code: Any, arg: Any,
) -> int:  # fmt: skip
    """Up to `most` rows out of m[state[AT]:end]; and `coded` of these rows, as long as the book has room.

    `low`, `high`: by partition, behind which position rows are wanted and up to which one. `only`: they are of this
    partition, which is none of their fields; -1: it is the first one. `before`: so many bytes are before each row, a
    letter and its size with that of this number; or 0.
    """
    if not state[AT]:
        state[AT] = _began(m, end, before)
    while True:
        begin = state[ROWS]
        upto = min(begin + _AT_ONCE, most)
        done = _fields(m, end, before, only, low, high, columns, upto, state)
        if state[CODED] == begin:
            state[CODED] = coded(
                m, columns, begin, state[ROWS], types, how, slots, entries, letters, book, kind, code, arg
            )
        if done != FULL or upto == most:
            return int(done)


@compiled
def apart(columns: Any, n: int, kind: Any, arg: Any, ends: Any, places: Any, kinds: Any, out: Any) -> None:
    """Put the first n rows by partition, else in their order.

    `ends`: where those of each partition end. `places`: where each row went. `out`: positions, guilds, subjects,
    channels, instants, args.
    """
    ends[:] = 0
    for i in range(n):
        ends[columns[0, i]] += 1
    total = 0
    for p in range(len(ends)):  # for now: where they begin
        here = ends[p]
        ends[p] = total
        total += here
    for i in range(n):
        p = columns[0, i]
        to = ends[p]
        ends[p] = to + 1
        places[i], kinds[to] = to, kind[i]
        out[0, to], out[1, to], out[2, to] = columns[1, i], columns[5, i], columns[6, i]
        out[3, to], out[4, to], out[5, to] = columns[7, i], columns[8, i], arg[i]
