"""Walks the table `events` of a SQLite file page by page: the part that numba compiles.

SQLite's virtual machine takes about half a microsecond a row, and the calls for its ten columns as long again. The file
format (sqlite.org/fileformat2.html, promised to stay as it is) says where a row's bytes are. `events` is a table
WITHOUT ROWID: a b-tree of index pages, whose inner pages hold rows too.

Only what `columns_pages` has checked comes here, and whatever is in any way unusual ends the walk (`UNFIT`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.columns_bytes import byte, copy, eight, half, number, varint, word

__all__ = ["DEPTH", "DONE", "INNER", "KEPT", "LEAF", "MORE", "ROWS", "SIZES", "UNFIT", "walk"]

MORE: Final = 0
DONE: Final = 1
UNFIT: Final = 2

DEPTH, ROWS, KEPT, TOUCHED = range(4)
"""What the numbers of `state` count: pages on the stack, rows in this chunk, bytes in `extra`; the last one nothing."""

SIZES: Final = 11
"""The columns are those of the table, in its order: numbers, and where texts begin; from here on how long those are."""

LEAF: Final = 10
INNER: Final = 2
_COLUMNS: Final = 11

_LONG: Final = np.uint64(0x8080_8080_8080_8080)
_LONG_BEHIND: Final = np.uint64(0x8080_8000_0000_0000)
"""In a record's header: the bits that say that a number goes on; in its bytes 8 to 10."""


def _size(serial: Any) -> Any:
    """The bytes of a whole number or null."""
    return serial if serial <= 4 else 6 if serial == 5 else 8 if serial == 6 else 0


def _whole(m: Any, at: Any, serial: Any) -> Any:
    """As `number`, of a place behind which there are eight bytes at least."""
    size = _size(serial)
    if not size:
        return np.int64(serial == 9)
    return np.int64(eight(m, at)) >> (64 - 8 * size)


def _record(m: Any, at: int, size: int, columns: Any, n: int, shift: int) -> bool:
    """Take a row apart. False: it is not as a row of the log must be."""
    if at + size + 8 > len(m) or size < 16:
        return _any_record(m, at, size, columns, n, shift)
    head, more = eight(m, at), eight(m, at + 8)
    if (head & _LONG) | (more & _LONG_BEHIND):
        return _any_record(m, at, size, columns, n, shift)
    # The header's size and ten of its eleven types take a byte each, as they nearly always do.
    value = at + np.int64(head >> np.uint64(56))
    text = 0
    for c in range(_COLUMNS - 1):
        serial = np.int64((head >> np.uint64(48 - 8 * c) if c < 7 else more >> np.uint64(112 - 8 * c)) & np.uint64(127))
        if c == 2 or c == 3:
            if serial < 13 or serial % 2 == 0:
                return False
            columns[c, n] = shift + value
            columns[SIZES + text, n] = (serial - 13) >> 1
            value += (serial - 13) >> 1
            text += 1
        else:
            if serial == 7 or serial > 9 or (serial == 0 and c != 6 and c != 7) or value > at + size:
                return False
            columns[c, n] = _whole(m, value, serial)
            value += _size(serial)
    serial, end = varint(m, at + _COLUMNS)
    if serial < 13 or serial % 2 == 0:
        return False
    columns[10, n], columns[SIZES + 2, n] = shift + value, (serial - 13) >> 1
    return bool(value + ((serial - 13) >> 1) == at + size and end == at + np.int64(head >> np.uint64(56)))


def _any_record(m: Any, at: int, size: int, columns: Any, n: int, shift: int) -> bool:
    """As `_record`, of whatever form."""
    end, h = varint(m, at)
    if end < 0 or end > size:
        return False
    value = at + end
    text = 0
    for c in range(_COLUMNS):
        serial, h = varint(m, h)
        if c == 2 or c == 3 or c == 10:
            if serial < 13 or serial % 2 == 0:
                return False
            columns[c, n] = shift + value
            columns[SIZES + text, n] = (serial - 13) // 2
            value += (serial - 13) // 2
            text += 1
        else:
            if serial < 0 or serial == 7 or serial > 9 or (serial == 0 and c != 6 and c != 7):
                return False
            columns[c, n] = number(m, value, serial)
            value += _size(serial)
    return bool(value == at + size and h == at + end)


def _local(size: int, usable: int) -> int:
    """How much of a payload is on its own page."""
    most = (usable - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    kept = least + (size - least) % (usable - 4)
    return kept if kept <= most else least


def _gather(m: Any, at: int, size: int, page_size: int, usable: int, extra: Any, to: int) -> bool:
    """Bring a payload together that goes on on overflow pages."""
    kept = _local(size, usable)
    copy(m, at, extra, to, kept)
    page = word(m, at + kept)
    while kept < size:
        base = (page - 1) * page_size
        if page < 2 or base + page_size > len(m):
            return False
        part = min(usable - 4, size - kept)
        copy(m, base + 4, extra, to + kept, part)
        kept += part
        page = word(m, base)
    return True


def _cell(m: Any, at: int, page_size: int, usable: int, columns: Any, n: int, state: Any, extra: Any) -> int:
    """Take the row of a cell. MORE: it is there as row n; DONE: there is no room for its bytes."""
    size, at = varint(m, at)
    if size < 0:
        return UNFIT
    if _local(size, usable) == size:
        return MORE if _record(m, at, size, columns, n, 0) else UNFIT
    kept = state[KEPT]
    if kept + size > len(extra):
        return DONE
    if not _gather(m, at, size, page_size, usable, extra, kept):
        return UNFIT
    if not _record(extra, kept, size, columns, n, len(m)):
        return UNFIT
    state[KEPT] = kept + size
    return MORE


def _compared(columns: Any, n: int, partition: int, position: int) -> bool:
    """Whether row n is not beyond that position of that partition."""
    if columns[0, n] != partition:
        return bool(columns[0, n] < partition)
    return bool(columns[1, n] <= position)


def _down(m: Any, base: int, i: int, cells: int) -> int:
    """Where an inner page names its child i // 2."""
    return base + 8 if i == 2 * cells else base + int(half(m, base + 12 + i))


def _touch(m: Any, base: int, size: int) -> Any:
    """Have a page brought from the memory, all lines of it at once rather than row by row."""
    found = np.uint8(0)
    for at in range(base, base + size, 64):
        found ^= m[np.uint64(at)]
    return np.int64(found)


def _leaf(
    m: Any, base: int, i: int, cells: int, page_size: int, usable: int, want: Any, guilds: Any, state: Any, extra: Any,
    columns: Any, most: int,
) -> tuple[int, int]:  # fmt: skip
    """Take the rows of a page from its cell i on (of an inner page: that one only), until there is no more room."""
    inner = m[np.uint64(base)] == INNER
    pointers = base + (12 if inner else 8)
    n = state[ROWS]
    if not i and not inner:
        state[TOUCHED] ^= _touch(m, base, page_size)
    while i < cells:
        if n == most:
            break
        cell = base + half(m, pointers + 2 * i) + (4 if inner else 0)
        done = _cell(m, cell, page_size, usable, columns, n, state, extra)
        if done == UNFIT:
            return UNFIT, i
        if done == DONE:
            break
        if not _compared(columns, n, want[0], want[2]):
            state[ROWS] = n
            return DONE, i
        wanted = not _compared(columns, n, want[0], want[1])
        if wanted and want[3]:
            found = np.searchsorted(guilds, columns[5, n])
            wanted = found < len(guilds) and guilds[found] == columns[5, n]
        if wanted:
            n += 1
        i += 1
        if inner:
            break
    state[ROWS] = n
    return MORE, i


def walk(  # noqa: C901 - one loop over pages, and numba wants it in one piece
    m: Any, page_size: int, usable: int, pages: Any, steps: Any, state: Any, want: Any, guilds: Any, extra: Any,
    columns: Any, most: int,
) -> int:  # fmt: skip
    """Put the next rows behind those in `columns`: MORE if there are `most` (or `extra` is full), DONE at the end,
    UNFIT if it cannot be.

    `want`: partition, after, upto, and 1 if only the (ascending) `guilds` are. `pages` and `steps`: how far the walk
    has come on the pages from the root down. On an inner page the even steps are children, the odd ones rows between.
    """
    while state[DEPTH]:
        top = state[DEPTH] - 1
        i, base = steps[top], (pages[top] - 1) * page_size
        if pages[top] < 2 or base + page_size > len(m):
            return UNFIT
        form, cells = byte(m, base), half(m, base + 3)
        if form != LEAF and form != INNER:
            return UNFIT
        if i > 2 * cells or (form == LEAF and i == cells):
            state[DEPTH] = top
            continue
        if form == INNER and i % 2 == 0:
            child = _down(m, base, i, cells)
            if i < 2 * cells and not state[ROWS]:  # perhaps all that is below the child is before what is wanted
                done = _cell(m, child + 4, page_size, usable, columns, 0, state, extra)
                if done == UNFIT:
                    return UNFIT
                if done == MORE and _compared(columns, 0, want[0], want[1]):
                    steps[top] = i + 2
                    continue
            if top + 1 == len(pages):
                return UNFIT
            steps[top] = i + 1
            pages[top + 1], steps[top + 1] = word(m, child), 0
            state[DEPTH] = top + 2
            continue
        first = i // 2 if form == INNER else i
        done, last = _leaf(m, base, first, cells, page_size, usable, want, guilds, state, extra, columns, most)
        if done != MORE:
            return done
        steps[top] = i + (last - first)
        if last == first or state[ROWS] == most:
            return MORE
    return DONE
