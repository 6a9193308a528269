"""Events by group of guilds: the part that numba compiles of putting the log down (`columns_slices`)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.replay_arranging import KIND_BITS
from tracker.events import kinds
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "laid", "measured"]

MACHINE: Final = Machine(__name__)

_TICKED: Final = kinds.TICKED
_KIND_BITS: Final = KIND_BITS
_SAID: Final = "uint8[::1]", *["int64[::1]"] * 6
"""What events say: `kind`, `subject`, `guild`, `channel`, `at`, `arg`, `position`."""


def _stretched(low: Any, high: Any, g: Any, column: int, value: Any) -> None:
    """Have a value within what is known of its column."""
    low[g, column] = min(low[g, column], value)
    high[g, column] = max(high[g, column], value)


@MACHINE.entry(
    *_SAID, "int64[::1]", "int64", "int64[::1]", "int64[::1]", "int64", "int16[::1]", "int32[::1]", "int64[::1]",
    "int64[:,::1]", "int64[:,::1]", results=1,
)  # fmt: skip
def measured(
    kind: Any, subject: Any, guild: Any, channel: Any, at: Any, arg: Any, position: Any, whose: Any, until: int,
    bounds: Any, near: Any, shift: int, group: Any, place: Any, counts: Any, low: Any, high: Any,
) -> Any:  # fmt: skip
    """For each event its group (-1: it occurred after `until`) and its place there; how many each group has, and the
    lowest and the highest value of each column in it. Returns the last instant of which the events speak, 0 at least.

    `guild` is put down, by `whose`, the guild itself, one finds the group. `near`: how many bounds are not beyond the
    first one + (its index << shift): from there on one looks.
    """
    most, last, newest = len(bounds), len(near) - 1, np.int64(0)
    for n in range(len(whose)):
        if at[n] > until:
            group[n] = -1
            continue
        g = np.int64(0)
        if most and whose[n] >= bounds[0]:
            g = near[np.uint64(min((whose[n] - bounds[0]) >> shift, last))]
            while g < most and bounds[np.uint64(g)] <= whose[n]:
                g += 1
        group[n] = g
        u = np.uint64(g)
        place[n] = counts[u]
        counts[u] += 1
        newest = max(newest, arg[n] if kind[n] == _TICKED else at[n])
        _stretched(low, high, u, 0, subject[n] << _KIND_BITS | np.int64(kind[n]))
        _stretched(low, high, u, 1, guild[n])
        _stretched(low, high, u, 2, channel[n])
        _stretched(low, high, u, 3, at[n])
        _stretched(low, high, u, 4, arg[n])
        _stretched(low, high, u, 5, position[n])
    return newest


def _lay_one(
    value: Any, g: Any, column: int, place: Any, starts: Any, bases: Any, widths: Any, ones: Any, twos: Any,
    fours: Any, eights: Any,
) -> None:  # fmt: skip
    """Put a value down in its column."""
    width, start, less = widths[g, column], starts[g, column], value - bases[g, column]
    if width == 4:
        fours[np.uint64((start >> 2) + place)] = less
    elif width == 2:
        twos[np.uint64((start >> 1) + place)] = less
    elif width == 8:
        eights[np.uint64((start >> 3) + place)] = less
    else:
        ones[np.uint64(start + place)] = less


@MACHINE.entry(
    *_SAID, "int16[::1]", "int32[::1]", *["int64[:,::1]"] * 3, "uint8[::1]", "uint16[::1]", "uint32[::1]", "uint64[::1]"
)
def laid(
    kind: Any, subject: Any, guild: Any, channel: Any, at: Any, arg: Any, position: Any, group: Any, place: Any,
    starts: Any, bases: Any, widths: Any, ones: Any, twos: Any, fours: Any, eights: Any,
) -> None:  # fmt: skip
    """Put the columns' values where those of their group begin (`starts`, in bytes), less the base, in so many bytes
    each. The columns are those of `replay_arranging.COLUMNS`.

    `ones`, `twos`, `fours`, `eights`: what is filled, as numbers of so many bytes.
    """
    for n in range(len(kind)):
        if group[n] < 0:
            continue
        g, p = np.uint64(group[n]), np.int64(place[n])
        both = subject[n] << _KIND_BITS | np.int64(kind[n])
        _lay_one(both, g, 0, p, starts, bases, widths, ones, twos, fours, eights)
        _lay_one(guild[n], g, 1, p, starts, bases, widths, ones, twos, fours, eights)
        _lay_one(channel[n], g, 2, p, starts, bases, widths, ones, twos, fours, eights)
        _lay_one(at[n], g, 3, p, starts, bases, widths, ones, twos, fours, eights)
        _lay_one(arg[n], g, 4, p, starts, bases, widths, ones, twos, fours, eights)
        _lay_one(position[n], g, 5, p, starts, bases, widths, ones, twos, fours, eights)
