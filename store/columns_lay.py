"""Events by group of guilds: the part that numba compiles of putting the log down (`columns_slices`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from store.columns_bytes import compiled

__all__ = ["counted", "laid"]


@compiled
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


@compiled
def laid(
    position: Any, kind: Any, guild: Any, subject: Any, channel: Any, at: Any, arg: Any, ticked: int, group: Any,
    place: Any, starts: Any, counts: Any, numbers: Any,
) -> Any:  # fmt: skip
    """Put each event's numbers where its group's begin in `numbers`, column after column; see `Laid.content`.

    Returns the last instant of which the events speak, 0 at least.
    """
    newest = np.int64(0)
    for n in range(len(guild)):
        g = np.int64(group[n])
        if g < 0:
            continue
        i, size = starts[np.uint64(g)] + place[n], counts[np.uint64(g)]
        numbers[np.uint64(i)] = subject[n] << 8 | np.int64(kind[n])
        numbers[np.uint64(i + size)] = guild[n]
        numbers[np.uint64(i + 2 * size)] = channel[n]
        numbers[np.uint64(i + 3 * size)] = at[n]
        numbers[np.uint64(i + 4 * size)] = arg[n]
        numbers[np.uint64(i + 5 * size)] = position[n]
        newest = max(newest, arg[n] if kind[n] == ticked else at[n])
    return newest
