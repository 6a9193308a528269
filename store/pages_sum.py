"""The fingerprint of a SQLite table WITHOUT ROWID out of the file's pages: the part that numba compiles.

It is that of `store.shadow_hash`, which SQLite's virtual machine takes many times longer to compute. The table holds
numbers and nulls only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

from store.columns_btree import INNER, LEAF, byte, half, number, varint, word

__all__ = ["summed"]

_HALF: Final = 31
_STACK: Final = 1 << 16

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    return cast("F", numba.njit(cache=True, nogil=True)(function))


@_compiled
def _rest(value: int, modulus: int) -> Any:
    """What is left of a division whose quotient is rounded towards 0, as in SQL."""
    if value >= 0:
        return np.int64(np.uint64(value) % np.uint64(modulus))
    return -np.int64(np.uint64(-value) % np.uint64(modulus))


@_compiled
def _row(m: Any, at: int, weights: Any, nulls: Any, cell: int) -> tuple[bool, Any]:
    """The sum of a record's weighted cells. `nulls`: by cell, what null counts as, 0 where none may be."""
    size, at = varint(m, at)
    end, head = varint(m, at)
    if size < 0 or end < 0 or end > size or at + size > len(m):
        return False, np.int64(0)
    value = at + end
    total = np.int64(0)
    for i in range(len(weights)):
        serial, head = varint(m, head)
        if serial < 0 or serial == 7 or serial > 9 or (serial == 0 and nulls[i] == 0):
            return False, total
        found = nulls[i] if serial == 0 else number(m, value, serial)
        total += _rest(found, cell) * weights[i]
        value += serial if serial <= 4 else 6 if serial == 5 else 8 if serial == 6 else 0
    return bool(value == at + size and head == at + end), total


@_compiled
def summed(m: Any, page_size: int, root: int, weights: Any, nulls: Any, moduli: Any, sums: Any) -> bool:
    """Add rows, and the low and the high halves of their hashes, to `sums`. False: it is not such a table's tree.

    `moduli`: of a cell, and the two of a row.
    """
    stack = np.zeros(_STACK, np.int64)
    stack[0], depth = root, 1
    left = len(m) // page_size
    while depth:
        depth -= 1
        base = (stack[depth] - 1) * page_size
        left -= 1
        if stack[depth] < 2 or base + page_size > len(m) or left < 0:
            return False
        form, cells = byte(m, base), half(m, base + 3)
        if (form != LEAF and form != INNER) or depth + cells + 1 > _STACK or cells > page_size // 2 - 8:
            return False
        inner = form == INNER
        pointers = base + (12 if inner else 8)
        for i in range(cells):
            at = base + half(m, pointers + 2 * i)
            if inner:
                stack[depth] = word(m, at)
                depth += 1
                at += 4
            fits, total = _row(m, at, weights, nulls, moduli[0])
            if not fits:
                return False
            hashed = _rest(total, moduli[1]) * _rest(total, moduli[2])
            sums[0] += 1
            sums[1] += hashed & (1 << _HALF) - 1
            sums[2] += hashed >> _HALF
        if inner:
            stack[depth] = word(m, base + 8)
            depth += 1
    return True
