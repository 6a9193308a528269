"""Builds the b-trees of SQLite's tables WITHOUT ROWID page by page: the part that numba compiles.

SQLite's virtual machine takes more than a microsecond to insert a row, even at the end of its tree. The file format
(sqlite.org/fileformat2.html, promised to stay as it is) says what an index page looks like; rows that come in the order
of their keys fill one leaf after the other, and each row that no longer fits goes up a level, to stand between two of
them. No row is too big to stand on a page whole (`store.pages_cells`).
"""

from __future__ import annotations

from typing import Any, Final

from store.columns_bytes import copy
from store.pages_cells import PAGE, PAYLOAD, cell, text_cell
from tracker.projections.machine import Machine

__all__ = ["KEPT", "LEVELS", "MACHINE", "META", "MOST", "finish", "place"]

MACHINE: Final = Machine(__name__)

LEVELS: Final = 12

CELLS, CONTENT, HELD, CHILD = range(4)
META: Final = 4
"""What is known of a level's page: its cells, where their bytes begin, and, of a row that no longer fits and waits for
the next one, how long it is (0: none waits) and which page is below it."""

KEPT: Final = PAGE + 2 * (PAYLOAD + 3) + 8
"""Bytes of a leaf's cells that wait: as many as fit onto a page, two more, and what writing a number scratches."""
MOST: Final = PAGE // 4
"""More cells than ever wait: each takes six bytes and more."""

_LEVELS_OF: Final = "uint8[:,::1]", "int64[:,::1]", "uint8[:,::1]", "uint8[:,::1]", "int64[::1]"
"""The types of what the pages of all levels are told by: `pages`, `meta`, `held`; then of `out` and `state`."""

_LEAF: Final = 10
_INNER: Final = 2
_HEAD: Final = 12
"""Bytes before an inner page's list of cells."""
_LOCKED: Final = 0x4000_0000 // PAGE + 1
"""The page that nobody may use: on its bytes SQLite's locks are."""


def _write(pages: Any, meta: Any, level: int, child: int, payload: Any, size: int) -> bool:
    """Put a cell on the level's page. False: there is no room for it."""
    cells = meta[level, CELLS]
    at = meta[level, CONTENT] - size - (5 if size < 128 else 6)
    if at < _HEAD + 2 * (cells + 1):
        return False
    page = pages[level]
    page[_HEAD + 2 * cells] = at >> 8
    page[_HEAD + 2 * cells + 1] = at & 255
    meta[level, CELLS], meta[level, CONTENT] = cells + 1, at
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


def _head(pages: Any, meta: Any, level: int, right: int) -> None:
    """The level's page is complete: `right` is the page below it that comes last."""
    page = pages[level]
    page[0] = _INNER
    page[1] = page[2] = page[7] = 0
    page[3], page[4] = meta[level, CELLS] >> 8, meta[level, CELLS] & 255
    page[5], page[6] = meta[level, CONTENT] >> 8, meta[level, CONTENT] & 255
    for byte in range(4):
        page[8 + byte] = right >> 8 * (3 - byte) & 255


def _next(out: Any, state: Any) -> Any:
    """The number of the next page that goes out; it is `out[state[0] - 1]`.

    `state`: how many pages are in `out`, and the number of the next one.
    """
    if state[1] == _LOCKED:
        out[state[0]] = 0
        state[0] += 1
        state[1] += 1
    state[0] += 1
    state[1] += 1
    return state[1] - 1


def _close(pages: Any, meta: Any, level: int, right: int, out: Any, state: Any) -> int:
    """The level's page goes out, and the next one is empty. Returns its number."""
    _head(pages, meta, level, right)
    number = _next(out, state)
    copy(pages[level], 0, out[state[0] - 1], 0, PAGE)
    pages[level] = 0
    meta[level, CELLS], meta[level, CONTENT] = 0, PAGE
    return int(number)


def _put(
    pages: Any, meta: Any, held: Any, level: int, child: int, payload: Any, size: int, out: Any, state: Any
) -> None:
    """Put a cell behind all others of the level."""
    while True:
        if not meta[level, HELD]:
            if not _write(pages, meta, level, child, payload, size):
                copy(payload, 0, held[level], 0, size)
                meta[level, HELD], meta[level, CHILD] = size, child
            return
        number = _close(pages, meta, level, meta[level, CHILD], out, state)
        _write(pages, meta, level, child, payload, size)
        payload, size, child = held[level], meta[level, HELD], number
        meta[level, HELD] = 0
        level += 1


def _leaf(buffer: Any, starts: Any, first: int, end: int, page: Any) -> None:
    """Make a page of the cells from `first` to before `end`, which are one behind the other."""
    begin, cells = starts[first], end - first
    content = PAGE - (starts[end] - begin)
    page[0] = _LEAF
    page[1] = page[2] = page[7] = 0
    page[3], page[4] = cells >> 8, cells & 255
    page[5], page[6] = content >> 8, content & 255
    for i in range(cells):
        at = content + starts[first + i] - begin
        page[8 + 2 * i], page[9 + 2 * i] = at >> 8, at & 255
    page[8 + 2 * cells : content] = 0
    copy(buffer, begin, page, content, PAGE - content)


def _fitting(starts: Any, first: int, count: int) -> int:
    """The first cell that no longer fits onto a page that begins with `first`."""
    end, most = first, starts[first] + PAGE - 8
    while end < count and starts[end + 1] + 2 * (end + 1 - first) <= most:
        end += 1
    return end


def _up(pages: Any, meta: Any, held: Any, buffer: Any, starts: Any, cell: int, page: int, out: Any, state: Any) -> None:
    """A cell that comes behind a leaf goes up a level."""
    begin = starts[cell] + (1 if buffer[starts[cell]] < 128 else 2)
    _put(pages, meta, held, 1, page, buffer[begin:], starts[cell + 1] - begin, out, state)


@MACHINE.entry(
    "int64[:,::1]", "boolean[::1]", "uint8[::1]", "uint8[::1]", "int64[::1]", "uint8[::1]", "int64[::1]", *_LEVELS_OF
)
def place(
    cells: Any, texts: Any, letters: Any,
    kept: Any, ends: Any, buffer: Any, starts: Any, pages: Any, meta: Any, held: Any, out: Any, state: Any,
) -> None:  # fmt: skip
    """Put rows (partition, *columns, nulls) behind those that are there. Full pages go to `out`; see `_next`.

    `texts`: by cell, whether it is a text of `letters` (`text_cell`); of a table without texts it is empty.
    `kept`: the cells for which there is no page yet, as one; `ends`: how many they are, then where each one begins, and
    where the last one ends. `buffer` and `starts` have room for these and for all rows.
    """
    count, width = ends[0], cells.shape[1] - 1
    copy(ends, 1, starts, 0, count + 1)
    at = starts[count]
    copy(kept, 0, buffer, 0, at)
    for row in range(len(cells)):
        if len(texts):
            at = text_cell(cells, row, width, texts, letters, buffer, at)
        else:
            at = cell(cells, row, width, buffer, at)
        count += 1
        starts[count] = at
    first = 0
    while True:
        end = _fitting(starts, first, count)
        if count < end + 2:  # the cell that goes up needs one behind it
            break
        number = _next(out, state)
        _leaf(buffer, starts, first, end, out[state[0] - 1])
        _up(pages, meta, held, buffer, starts, end, number, out, state)
        first = end + 1
    begin = starts[first]
    ends[0] = count - first
    for i in range(count - first + 1):
        ends[i + 1] = starts[first + i] - begin
    copy(buffer, begin, kept, 0, at - begin)


def _taken_back(pages: Any, meta: Any, level: int, payload: Any) -> tuple[int, int]:
    """Take the level's last cell off its page; returns the page below it and its size."""
    page = pages[level]
    start = meta[level, CONTENT]
    child = 0
    for byte in range(4):
        child = child << 8 | int(page[start + byte])
    at = start + 5
    size = int(page[at - 1])
    if size >= 128:
        size = (size & 127) << 7 | int(page[at])
        at += 1
    copy(page, at, payload, 0, size)
    page[start : at + size] = 0
    meta[level, CELLS] -= 1
    head = _HEAD + 2 * meta[level, CELLS]
    page[head] = page[head + 1] = 0
    meta[level, CONTENT] = at + size
    return child, size


@MACHINE.entry("uint8[::1]", "int64[::1]", *_LEVELS_OF[:3], "uint8[::1]", *_LEVELS_OF[3:], "uint8[::1]")
def finish(
    kept: Any, ends: Any, pages: Any, meta: Any, held: Any, payload: Any, out: Any, state: Any, root: Any
) -> None:
    """There are no more rows: what is left goes to `out`, the page at the top to `root`. `payload`: room for a row."""
    count, starts = ends[0], ends[1:]
    end, first = _fitting(starts, 0, count), 0
    if end < count:  # all but one fit, so that one before it goes up
        number = _next(out, state)
        _leaf(kept, starts, 0, end - 1, out[state[0] - 1])
        _up(pages, meta, held, kept, starts, end - 1, number, out, state)
        first = end
    if not meta[1, CELLS]:
        _leaf(kept, starts, first, count, root)
        return
    right = _next(out, state)
    _leaf(kept, starts, first, count, out[state[0] - 1])
    for level in range(1, LEVELS - 1):
        if meta[level, HELD]:  # it may not stand at the end of a level: a page is to follow it
            child, size = _taken_back(pages, meta, level, payload)
            number = _close(pages, meta, level, child, out, state)
            _put(pages, meta, held, level + 1, number, payload, size, out, state)
            _write(pages, meta, level, meta[level, CHILD], held[level], meta[level, HELD])
            meta[level, HELD] = 0
        if not meta[level + 1, CELLS]:
            _head(pages, meta, level, right)
            copy(pages[level], 0, root, 0, PAGE)
            return
        right = _close(pages, meta, level, right, out, state)
