"""Events of several guilds, side by side and in canonical order, and things by number: the part that numba compiles.

`store.replay_groups` and `store.replay_feed` know the same in numpy, which sorts where this counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

__all__ = ["numbered", "scattered"]

_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    return cast("F", numba.njit(cache=True, nogil=True)(function))


@_compiled
def _slot(a: int, b: int, mask: int) -> Any:
    """Where to begin to look for a pair of numbers."""
    mixed = (np.uint64(a) ^ np.uint64(b) * _FACTOR) * _FACTOR
    return np.int64(mixed >> _SHIFT) & mask


@_compiled
def numbered(a: Any, b: Any, slots: Any, number: Any, firsts: Any) -> int:
    """Give each pair (a[i], b[i]) a number, from 0 on in the order of their coming; returns how many there are.

    `firsts`: by number, the first i. `slots`: zeros, a power of two of them; -1: twice as many as pairs they are not.
    """
    mask, count = len(slots) - 1, 0
    before = np.int64(-1)
    for i in range(len(a)):
        if before >= 0 and a[i] == a[i - 1] and b[i] == b[i - 1]:
            number[i] = before
            continue
        slot = _slot(a[i], b[i], mask)
        found = np.int64(slots[np.uint64(slot)]) - 1
        while found >= 0 and (a[firsts[found]] != a[i] or b[firsts[found]] != b[i]):
            slot = (slot + 1) & mask
            found = np.int64(slots[np.uint64(slot)]) - 1
        if found < 0:
            if 2 * count >= mask:
                return -1
            slots[np.uint64(slot)] = count + 1
            firsts[count] = i
            found = np.int64(count)
            count += 1
        number[i] = before = found
    return count


@_compiled
def scattered(raw: Any, starts: Any, sizes: Any, place: Any, moved: Any, kind: Any, columns: Any) -> None:
    """Bring events to their places. `raw`: of each stretch, from starts[s] on, six times sizes[s] numbers: subject and
    kind in one, guild, channel, at, arg, position. `place`: by the number of a guild, where its next event goes.

    `moved`: the number of each event's guild, and then where it went. `columns`: subject, guild, channel, at, arg,
    position.
    """
    row = 0
    for s in range(len(starts)):
        at, n = starts[s], sizes[s]
        for i in range(n):
            guild = moved[np.uint64(row)]
            to = place[np.uint64(guild)]
            place[np.uint64(guild)] = to + 1
            moved[np.uint64(row)] = to
            row += 1
            both = raw[np.uint64(at + i)]
            kind[np.uint64(to)] = both & 255
            columns[0, np.uint64(to)] = both >> 8
            for c in range(1, 6):
                columns[np.uint64(c), np.uint64(to)] = raw[np.uint64(at + c * n + i)]
