"""Events by group of guilds: the part that numba compiles of putting the log down (`columns_slices`)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tracker.projections.machine import Machine

__all__ = ["MACHINE", "counted", "laid", "ranged"]

MACHINE: Final = Machine(__name__)


@MACHINE.entry(
    "int64[::1]", "int64[::1]", "int64", "int64[::1]", "int64[::1]", "int64", "int16[::1]", "int32[::1]", "int64[::1]"
)
def counted(
    guild: Any, at: Any, until: int, bounds: Any, near: Any, shift: int, group: Any, place: Any, counts: Any
) -> None:
    """For each event its group (-1: it occurred after `until`) and its place there; and how many each group has.

    `near`: how many bounds are not beyond the first one + (its index << shift): from there on one looks.
    """
    most, last = len(bounds), len(near) - 1
    for n in range(len(guild)):
        if at[n] > until:
            group[n] = -1
            continue
        g = np.int64(0)
        if most and guild[n] >= bounds[0]:
            g = near[np.uint64(min((guild[n] - bounds[0]) >> shift, last))]
            while g < most and bounds[np.uint64(g)] <= guild[n]:
                g += 1
        group[n] = g
        place[n] = counts[np.uint64(g)]
        counts[np.uint64(g)] += 1


@MACHINE.entry("int64[::1]", "int16[::1]", "int64", "int64[:,::1]", "int64[:,::1]")
def ranged(values: Any, group: Any, column: int, low: Any, high: Any) -> None:
    """The lowest and the highest value of a column in each group, where there are lower or higher ones."""
    for n in range(len(values)):
        g = np.int64(group[n])
        if g >= 0:
            value = values[n]
            low[np.uint64(g), column] = min(low[np.uint64(g), column], value)
            high[np.uint64(g), column] = max(high[np.uint64(g), column], value)


@MACHINE.entry(
    "int64[::1]", "int16[::1]", "int32[::1]", "int64", *["int64[:,::1]"] * 3, "uint8[::1]", "uint16[::1]",
    "uint32[::1]", "uint64[::1]",
)  # fmt: skip
def laid(
    values: Any, group: Any, place: Any, column: int, starts: Any, bases: Any, widths: Any, ones: Any, twos: Any,
    fours: Any, eights: Any,
) -> None:  # fmt: skip
    """Put a column's values where its group's begin (`starts`, in bytes), less the base, in so many bytes each.

    `ones`, `twos`, `fours`, `eights`: what is filled, as numbers of so many bytes.
    """
    for n in range(len(values)):
        if group[n] < 0:
            continue
        g = np.uint64(group[n])
        width, start = widths[g, column], starts[g, column]
        value = values[n] - bases[g, column]
        if width == 4:
            fours[np.uint64((start >> 2) + place[n])] = value
        elif width == 2:
            twos[np.uint64((start >> 1) + place[n])] = value
        elif width == 8:
            eights[np.uint64((start >> 3) + place[n])] = value
        else:
            ones[np.uint64(start + place[n])] = value
