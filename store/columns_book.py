"""Types and texts as small numbers: the other part that numba compiles of reading SQLite's pages.

Most events of a log have one of a few texts. Each goes into a book once, and what is in the book is read once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

from store.columns_btree import SIZES
from tracker.events import kinds

__all__ = ["coded", "hashed"]

_SENT: Final = kinds.MESSAGE_SENT
_PREFIX: Final = 8
_FACTOR: Final = np.uint64(0x2127599BF4325C37)
_SHIFT: Final = np.uint64(31)
_ONE: Final = np.uint64(1)

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    return cast("F", numba.njit(cache=True, nogil=True)(function))


@_compiled
def _letters(m: Any, at: int) -> Any:
    """Four bytes as a number."""
    i = np.uint64(at)
    return (
        np.uint64(m[i])
        | np.uint64(m[i + _ONE]) << np.uint64(8)
        | np.uint64(m[i + np.uint64(2)]) << np.uint64(16)
        | np.uint64(m[i + np.uint64(3)]) << np.uint64(24)
    )


@_compiled
def hashed(m: Any, at: int, size: int, seed: int) -> Any:
    """A hash of some bytes, not negative."""
    value = np.uint64(seed) * _FACTOR + np.uint64(size)  # unsigned: signed numbers must not overflow
    i = 0
    while i + 4 <= size:
        value = (value ^ _letters(m, at + i)) * _FACTOR
        value ^= value >> _SHIFT
        i += 4
    while i < size:
        value = (value ^ np.uint64(m[np.uint64(at + i)])) * _FACTOR
        i += 1
    return np.int64((value ^ (value >> _SHIFT)) >> _ONE)


@_compiled
def _same(a: Any, i: int, b: Any, j: int, size: int) -> bool:
    differing = np.uint8(0)
    for k in range(size):
        differing |= a[np.uint64(i + k)] ^ b[np.uint64(j + k)]
    return bool(differing == 0)


@_compiled
def _message(m: Any, at: int, size: int, prefix: Any) -> Any:
    """The number in `message:<number>`; 0 if it is not written so."""
    if size <= _PREFIX or size > _PREFIX + 19 or not _same(m, at, prefix, 0, _PREFIX) or m[at + _PREFIX] == 48:
        return np.int64(0)
    value = np.uint64(0)
    for i in range(_PREFIX, size):
        digit = np.uint64(m[np.uint64(at + i)]) - np.uint64(48)
        if digit > np.uint64(9):
            return np.int64(0)
        value = value * np.uint64(10) + digit
    return np.int64(value) if value < np.uint64(1 << 63) else np.int64(0)


@_compiled
def coded(
    m: Any, columns: Any, rows: Any, types: Any, names: Any, slots: Any, entries: Any, letters: Any, state: Any,
    kind: Any, code: Any, arg: Any, repeating: Any,
) -> Any:  # fmt: skip
    """Number the kinds and texts of the rows from rows[0] to rows[1]; how far it came (short of rows[1]: no room).

    `types`: by slot (kind, where the name begins in `names`, its size), kind 0: nothing there; `names` begins with
    `message:`. The book: `slots` (index + 1), `entries` (hash, tag, start, size), `letters`; `state`: how many entries
    and letters there are. `code`: -1 where a text is not `repeating`, or is not in `m`; `kind` 0: unknown, or not in
    `m`. `arg` of a sent message: its id, 0 if it has none.
    """
    mask, end = len(slots) - 1, len(m)
    for n in range(rows[0], rows[1]):
        kind[n], code[n], arg[n] = 0, -1, 0
        at, size = columns[3, n], columns[SIZES + 1, n]
        if at >= end:
            continue
        slot = hashed(m, at, size, 0) & (len(types) - 1)
        while types[slot, 0] and not (types[slot, 2] == size and _same(m, at, names, types[slot, 1], size)):
            slot = (slot + 1) & (len(types) - 1)
        k = types[slot, 0]
        kind[n] = k
        if k == _SENT:
            arg[n] = _message(m, columns[2, n], columns[SIZES, n], names)
        if not repeating[k]:
            continue
        at, size, tag = columns[10, n], columns[SIZES + 2, n], k << 32 | columns[4, n]
        value = hashed(m, at, size, tag)
        slot = value & mask
        while slots[slot]:
            e = slots[slot] - 1
            if (
                entries[0, e] == value
                and entries[1, e] == tag
                and entries[3, e] == size
                and _same(m, at, letters, entries[2, e], size)
            ):
                break
            slot = (slot + 1) & mask
        if not slots[slot]:
            e, used = state[0], state[1]
            if e == entries.shape[1] or used + size > len(letters):
                return n
            slots[slot] = e + 1
            entries[0, e], entries[1, e], entries[2, e], entries[3, e] = value, tag, used, size
            letters[used : used + size] = m[at : at + size]
            state[0], state[1] = e + 1, used + size
        code[n] = slots[slot] - 1
    return rows[1]
