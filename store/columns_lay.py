"""Events by group of guilds: the part that numba compiles of putting the log down (`columns_slices`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from store.columns_btree import compiled

__all__ = ["counted", "laid"]


@compiled
def counted(guild: Any, at: Any, until: int, bounds: Any, group: Any, place: Any, counts: Any) -> None:
    """For each event its group (-1: it occurred after `until`) and its place there; and how many each group has."""
    before, same = np.int64(-1), np.int64(0)
    for n in range(len(guild)):
        if at[n] > until:
            group[n] = -1
            continue
        if guild[n] != before:
            before, low, high = guild[n], np.int64(0), np.int64(len(bounds))
            while low < high:
                middle = (low + high) >> 1
                if bounds[np.uint64(middle)] <= before:
                    low = middle + 1
                else:
                    high = middle
            same = low
        group[n] = same
        place[n] = counts[np.uint64(same)]
        counts[np.uint64(same)] += 1


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
