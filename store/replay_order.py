"""Events of several guilds, side by side and in canonical order, and things by number: the part that numba compiles.

`store.replay_groups` and `store.replay_feed` know the same in numpy, which sorts where this counts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tracker.projections.machine import Machine

__all__ = ["MACHINE", "guilds", "numbered", "righted", "scattered"]

_GUILD: Final = 1
_CHANNEL: Final = 2
_AT: Final = 3
_ARG: Final = 4
_BASES, _WIDTHS, _NUMBERED, _EPOCH, _HEAD = 0, 6, 12, 13, 14
_INSTANT_BITS = 22
_START, _FIRST, _EVENTS, _WHOLE = range(4)
"""As `replay_arranging` has them."""

_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)

MACHINE: Final = Machine(__name__)
_FORMS: Final = ("uint8[::1]", "uint16[::1]", "uint32[::1]", "int64[::1]")


def _slot(a: int, b: int, mask: int) -> Any:
    """Where to begin to look for a pair of numbers."""
    mixed = (np.uint64(a) ^ np.uint64(b) * _FACTOR) * _FACTOR
    return np.int64(mixed >> _SHIFT) & mask


@MACHINE.entry("int64[::1]", "int64[::1]", "int32[::1]", "int64[::1]", "int64[::1]", results=1)
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


def _fill(ones: Any, twos: Any, fours: Any, eights: Any, start: int, width: int, base: int, n: int, out: Any) -> None:
    """The `n` numbers of `width` bytes each that begin at the byte `start`, the base added. Of no width: 0, 1, …"""
    if width == 0:
        for i in range(n):
            out[i] = base + i
    elif width == 4:
        for i in range(n):
            out[i] = base + np.int64(fours[np.uint64((start >> 2) + i)])
    elif width == 2:
        for i in range(n):
            out[i] = base + np.int64(twos[np.uint64((start >> 1) + i)])
    elif width == 8:
        for i in range(n):
            out[i] = base + eights[np.uint64((start >> 3) + i)]
    else:
        for i in range(n):
            out[i] = base + np.int64(ones[np.uint64(start + i)])


def _column(ones: Any, twos: Any, fours: Any, eights: Any, where: Any, c: int, ids: Any, out: Any) -> None:
    """A column of a stretch (start, first, events, whole); see `replay_arranging.HEAD`."""
    head, n = where[_START] >> 3, where[_EVENTS]
    at = where[_START] + 8 * _HEAD
    for before in range(c):
        at += where[_WHOLE] * eights[head + _WIDTHS + before] + 7 & ~7
    width, base = eights[head + _WIDTHS + c], eights[head + _BASES + c]
    if width == 0:
        base += where[_FIRST]
    _fill(ones, twos, fours, eights, at + where[_FIRST] * width, width, base, n, out)
    if c in (_GUILD, _CHANNEL) and eights[head + _NUMBERED]:
        zero = eights[head + _NUMBERED] - 1
        for i in range(n):
            out[i] = ids[np.uint64(zero + out[i])]


@MACHINE.entry(*_FORMS, "int64[:,::1]", "int64[::1]", "int64[::1]")
def guilds(ones: Any, twos: Any, fours: Any, eights: Any, where: Any, ids: Any, out: Any) -> None:
    """The guild of each event of these stretches. `ones`, `twos`, `fours`, `eights`: the bytes in which they are, as
    numbers of so many of them.
    """
    row = 0
    for s in range(len(where)):
        end = row + where[s, _EVENTS]
        _column(ones, twos, fours, eights, where[s], _GUILD, ids, out[row:end])
        row = end


@MACHINE.entry(
    *_FORMS, "int64[:,::1]", *["int64[::1]"] * 3, "uint8[::1]", "int64[:,::1]", "int64[::1]", "int64",
)  # fmt: skip
def scattered(
    ones: Any, twos: Any, fours: Any, eights: Any, where: Any, ids: Any, place: Any, moved: Any, kind: Any,
    columns: Any, some: Any, message: int,
) -> None:  # fmt: skip
    """Bring the events of these stretches (see `guilds`) to their places. `place`: by the number of a guild, where its
    next event goes.

    `moved`: the number of each event's guild, and then where it went. `columns`: subject, guild, channel, at, arg,
    position. `some`: room for a column of any of the stretches. `message`: the kind of those whose ids may lack
    their instants.
    """
    for row in range(len(moved)):
        guild = np.uint64(moved[row])
        moved[row] = place[guild]
        place[guild] += 1
    row = 0
    for s in range(len(where)):
        n = where[s, _EVENTS]
        for c in range(6):
            _column(ones, twos, fours, eights, where[s], c, ids, some)
            if c == 0:
                for i in range(n):
                    kind[np.uint64(moved[row + i])] = some[i] & 255
                    some[i] >>= 8
            for i in range(n):
                columns[c, np.uint64(moved[row + i])] = some[i]
        epoch = eights[(where[s, _START] >> 3) + _EPOCH]
        if epoch:
            for i in range(n):
                to = np.uint64(moved[row + i])
                if kind[to] == message:
                    columns[_ARG, to] += columns[_AT, to] - epoch << _INSTANT_BITS
        row += n


@MACHINE.entry(*["int64[::1]"] * 4, "int64", results=1)
def righted(guild: Any, at: Any, position: Any, came: Any, most: int) -> int:
    """Find the canonical order of rows that are by guild, and nearly in it. `came`: the row that belongs in each place.

    Returns by how many places rows are to be moved, all together; -1: by more than `most`.
    """
    steps = 0
    for i in range(len(came)):
        to = i
        while to > 0 and guild[to - 1] == guild[i]:
            before = np.uint64(came[to - 1])
            if at[before] < at[i] or (at[before] == at[i] and position[before] <= position[i]):
                break
            if steps == most:
                return -1
            came[to] = before
            to -= 1
            steps += 1
        came[to] = i
    return steps
