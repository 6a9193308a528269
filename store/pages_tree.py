"""Builds the b-trees of SQLite's tables WITHOUT ROWID page by page: the part that numba compiles.

SQLite's virtual machine takes more than a microsecond to insert a row, even at the end of its tree. The file format
(sqlite.org/fileformat2.html, promised to stay as it is) says what an index page looks like; rows that come in the order
of their keys fill one leaf after the other, and each row that no longer fits goes up a level, to stand between two of
them. Rows hold numbers and nulls only, and are far smaller than a page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

__all__ = ["LEVELS", "META", "PAGE", "PAYLOAD", "finish", "place"]

PAGE: Final = 4096
LEVELS: Final = 12
PAYLOAD: Final = 192
"""Bytes of a row at most: 16 numbers of 8 bytes, their types, and how long those are."""

CELLS, CONTENT, HELD, CHILD = range(4)
META: Final = 4
"""What is known of a level's page: its cells, where their bytes begin, and, of a row that no longer fits and waits for
the next one, how long it is (0: none waits) and which page is below it."""

_LEAF: Final = 10
_INNER: Final = 2
_LOCKED: Final = 0x4000_0000 // PAGE + 1
"""The page that nobody may use: on its bytes SQLite's locks are."""

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    return cast("F", numba.njit(cache=True, nogil=True)(function))


@_compiled
def _record(cells: Any, row: int, width: int, payload: Any) -> int:
    """A row as SQLite keeps it; returns how many bytes that are. The last number of a row says where it is null."""
    nulls = cells[row, width]
    payload[0] = width + 1  # each type takes one byte, and so does this number
    at = width + 1
    for i in range(width):
        value = cells[row, i]
        if nulls >> i & 1:
            payload[1 + i] = 0
        elif value == 0 or value == 1:
            payload[1 + i] = 8 + value
        else:
            size = 1
            rest = value >> 7
            while rest != 0 and rest != -1:
                rest >>= 8
                size += 1
            if size == 5:
                size = 6
            elif size == 7:
                size = 8
            payload[1 + i] = size if size <= 4 else (5 if size == 6 else 6)
            for byte in range(size):
                payload[at + byte] = value >> 8 * (size - 1 - byte) & 255
            at += size
    return at


@_compiled
def _write(pages: Any, meta: Any, level: int, child: int, payload: Any, size: int) -> bool:
    """Put a cell on the level's page. False: there is no room for it."""
    head = 12 if level else 8
    long = size + (1 if size < 128 else 2) + (4 if level else 0)
    cells = meta[level, CELLS]
    at = meta[level, CONTENT] - long
    if at < head + 2 * (cells + 1):
        return False
    page = pages[level]
    page[head + 2 * cells] = at >> 8
    page[head + 2 * cells + 1] = at & 255
    meta[level, CELLS], meta[level, CONTENT] = cells + 1, at
    if level:
        for byte in range(4):
            page[at + byte] = child >> 8 * (3 - byte) & 255
        at += 4
    if size >= 128:
        page[at] = 128 | size >> 7
        page[at + 1] = size & 127
        at += 2
    else:
        page[at] = size
        at += 1
    for byte in range(size):
        page[at + byte] = payload[byte]
    return True


@_compiled
def _head(pages: Any, meta: Any, level: int, right: int) -> None:
    """The level's page is complete: `right` is the page below it that comes last."""
    page = pages[level]
    page[0] = _INNER if level else _LEAF
    page[1] = page[2] = page[7] = 0
    page[3], page[4] = meta[level, CELLS] >> 8, meta[level, CELLS] & 255
    page[5], page[6] = meta[level, CONTENT] >> 8, meta[level, CONTENT] & 255
    if level:
        for byte in range(4):
            page[8 + byte] = right >> 8 * (3 - byte) & 255


@_compiled
def _close(pages: Any, meta: Any, level: int, right: int, out: Any, state: Any) -> int:
    """The level's page goes out, and the next one is empty. Returns its number.

    `state`: how many pages are in `out`, and the number of the next one.
    """
    _head(pages, meta, level, right)
    if state[1] == _LOCKED:
        state[0] += 1
        state[1] += 1
    number = state[1]
    out[state[0]] = pages[level]
    state[0] += 1
    state[1] += 1
    pages[level] = 0
    meta[level, CELLS], meta[level, CONTENT] = 0, PAGE
    return int(number)


@_compiled
def _put(
    pages: Any, meta: Any, held: Any, level: int, child: int, payload: Any, size: int, out: Any, state: Any
) -> None:
    """Put a cell behind all others of the level."""
    while True:
        if not meta[level, HELD]:
            if not _write(pages, meta, level, child, payload, size):
                held[level, :size] = payload[:size]
                meta[level, HELD], meta[level, CHILD] = size, child
            return
        number = _close(pages, meta, level, meta[level, CHILD], out, state)
        _write(pages, meta, level, child, payload, size)
        payload, size, child = held[level], meta[level, HELD], number
        meta[level, HELD] = 0
        level += 1


@_compiled
def place(cells: Any, pages: Any, meta: Any, held: Any, out: Any, state: Any) -> None:
    """Put rows (partition, *columns, nulls) behind those that are there. Full pages go to `out`; see `_close`."""
    payload = np.zeros(PAYLOAD, np.uint8)
    width = cells.shape[1] - 1
    for row in range(len(cells)):
        size = _record(cells, row, width, payload)
        _put(pages, meta, held, 0, 0, payload, size, out, state)


@_compiled
def _taken_back(pages: Any, meta: Any, level: int, payload: Any) -> tuple[int, int]:
    """Take the level's last cell off its page; returns the page below it and its size."""
    page = pages[level]
    at = meta[level, CONTENT]
    start = at
    child = 0
    if level:
        for byte in range(4):
            child = child << 8 | int(page[at + byte])
        at += 4
    size = int(page[at])
    at += 1
    if size >= 128:
        size = (size & 127) << 7 | int(page[at])
        at += 1
    payload[:size] = page[at : at + size]
    page[start : at + size] = 0
    head = (12 if level else 8) + 2 * (meta[level, CELLS] - 1)
    page[head] = page[head + 1] = 0
    meta[level, CELLS] -= 1
    meta[level, CONTENT] = at + size
    return child, size


@_compiled
def finish(pages: Any, meta: Any, held: Any, out: Any, state: Any, root: Any) -> None:
    """There are no more rows: what is left goes to `out`, the page at the top to `root`."""
    payload = np.zeros(PAYLOAD, np.uint8)
    right = 0
    for level in range(LEVELS - 1):
        if meta[level, HELD]:  # it may not stand at the end of a level: a page is to follow it
            child, size = _taken_back(pages, meta, level, payload)
            number = _close(pages, meta, level, child, out, state)
            _put(pages, meta, held, level + 1, number, payload, size, out, state)
            _write(pages, meta, level, meta[level, CHILD], held[level], meta[level, HELD])
            meta[level, HELD] = 0
        if not meta[level + 1, CELLS]:
            _head(pages, meta, level, right)
            root[:] = pages[level]
            return
        right = _close(pages, meta, level, right, out, state)
