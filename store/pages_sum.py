"""The fingerprint of a SQLite table WITHOUT ROWID out of the file's pages: the part that numba compiles.

It is that of `store.shadow_hash`, which SQLite's virtual machine takes many times longer to compute. No row of the
table is so long that SQLite keeps a part of it elsewhere.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.columns_btree import DONE, INNER, LEAF, MORE, UNFIT
from store.columns_bytes import byte, eight, half, number, varint, word
from store.shadow_sha import number_of
from store.shadow_sums import rest
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "summed"]

MACHINE: Final = Machine(__name__)

_HALF: Final = 31
_SIZES: Final = np.uint64(0x00_F864_3210)
"""By type (4 bits each, from the last on): how many bytes a number has; 15: there is no such type."""


def _row(
    m: Any, at: int, weights: Any, nulls: Any, texts: Any, room: Any, cell: int, by_cell: float
) -> tuple[bool, Any]:
    """The sum of a record's weighted cells. `nulls`: by cell, what null counts as, 0 where none may be.

    It has no `texts`, which are handed on.
    """
    size, start = byte(m, at), at + 1
    if size >= 128:
        size, start = (size & 127) << 7 | byte(m, start), start + 1
    width = len(weights)
    if start + size + 8 > len(m) or byte(m, start) != width + 1:
        return _any_row(m, at, weights, nulls, texts, room, cell, by_cell)
    value = start + width + 1
    total = np.int64(0)
    for i in range(width):
        serial = np.uint64(m[np.uint64(start + 1 + i)])
        bytes_of_it: Any = np.int64(_SIZES >> (serial << np.uint64(2)) & np.uint64(15))
        if serial > np.uint64(9) or bytes_of_it > 8 or value > start + size:
            return False, total
        found: Any = np.int64(eight(m, value)) >> (64 - 8 * bytes_of_it & 63)
        if not bytes_of_it:
            found = np.int64(serial == np.uint64(9))
            if not serial:
                found = nulls[i]
                if not found:
                    return False, total
        total += rest(found, cell, by_cell) * weights[i]
        value += bytes_of_it
    return value == start + size, total


def _any_row(
    m: Any, at: int, weights: Any, nulls: Any, texts: Any, room: Any, cell: int, by_cell: float
) -> tuple[bool, Any]:
    """As `_row`, of one that is written in some other way, near the end of the file, or has `texts` (by cell; it is
    empty if there are none). `room`: for `number_of`.
    """
    size, at = varint(m, at)
    end, head = varint(m, at)
    if size < 0 or end < 0 or end > size or at + size > len(m):
        return False, np.int64(0)
    value = at + end
    total = np.int64(0)
    for i in range(len(weights)):
        serial, head = varint(m, head)
        worded = len(texts) > 0 and texts[i] and serial != 0
        if serial < 0 or (serial == 0 and nulls[i] == 0) or worded != (serial > 9) or (worded and serial & 1 == 0):
            return False, total
        if worded:
            long = (serial - 13) >> 1
            if serial < 13 or value + long > at + size:
                return False, total
            found = number_of(m, value, long, room)
            value += long
        elif serial == 7:
            return False, total
        else:
            found = nulls[i] if serial == 0 else number(m, value, serial)
            value += serial if serial <= 4 else 6 if serial == 5 else 8 if serial == 6 else 0
        total += rest(found, cell, by_cell) * weights[i]
    return bool(value == at + size and head == at + end), total


def _text_row(
    m: Any, at: int, longest: int, weights: Any, nulls: Any, texts: Any, room: Any, cell: int, by_cell: float
) -> tuple[bool, Any]:
    """As `_any_row`, of one of which a part may be elsewhere: it is then longer than `longest`."""
    if varint(m, at)[0] > longest:
        return False, np.int64(0)
    return _any_row(m, at, weights, nulls, texts, room, cell, by_cell)


@MACHINE.entry(
    "uint8[::1]", "int64", *["int64[::1]"] * 4, "boolean[::1]", "uint32[::1]", "int64[::1]", "int64[::1]", results=1
)
def summed(
    m: Any, page_size: int, stack: Any, state: Any,
    weights: Any, nulls: Any, texts: Any, room: Any, moduli: Any, sums: Any,
) -> int:  # fmt: skip
    """Add rows, and the low and the high halves of their hashes, to `sums`, of some more pages: MORE, DONE, or UNFIT if
    it is not such a table's tree.

    `stack`: the numbers of pages that are to be read; `state`: how many those are, how many pages there can still be,
    and how many may be read now. `texts`: by cell, whether it is one; empty if there are none. `room`: for `number_of`.
    `moduli`: of a cell, and the two of a row.
    """
    longest = (page_size - 12) * 64 // 255 - 23
    cell, one, two = moduli[0], moduli[1], moduli[2]
    by_cell, by_one, by_two = 1.0 / cell, 1.0 / one, 1.0 / two
    depth = state[0]
    for _ in range(state[2]):
        depth -= 1
        base = (stack[depth] - 1) * page_size
        state[1] -= 1
        if stack[depth] < 2 or base + page_size > len(m) or state[1] < 0:
            return UNFIT
        form, cells = byte(m, base), half(m, base + 3)
        if (form != LEAF and form != INNER) or depth + cells + 1 > len(stack) or cells > page_size // 2 - 8:
            return UNFIT
        inner = form == INNER
        pointers = base + (12 if inner else 8)
        for i in range(cells):
            at = base + half(m, pointers + 2 * i)
            if inner:
                stack[depth] = word(m, at)
                depth += 1
                at += 4
            if len(texts):
                fits, total = _text_row(m, at, longest, weights, nulls, texts, room, cell, by_cell)
            else:
                fits, total = _row(m, at, weights, nulls, texts, room, cell, by_cell)
            if not fits:
                return UNFIT
            hashed = rest(total, one, by_one) * rest(total, two, by_two)
            sums[0] += 1
            sums[1] += hashed & (1 << _HALF) - 1
            sums[2] += hashed >> _HALF
        if inner:
            stack[depth] = word(m, base + 8)
            depth += 1
        if not depth:
            return DONE
    state[0] = depth
    return MORE
