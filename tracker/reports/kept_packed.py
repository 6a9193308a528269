"""Voice sessions as what changes in each quarter of an hour: thousands of them in a few numbers, to be added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.ids import Ms
from tracker.reports.chart_data import QUARTER_MS, PartSession
from tracker.reports.kept import Numbers

__all__ = ["Packed", "pack"]


@dataclass(frozen=True, slots=True)
class Packed:
    """Sessions of some users: what changes in each quarter of an hour, and those of which only a part is tracked.

    `changes`: two rows, how many came less how many went, and how far into the quarter (ms, with the same signs).
    """

    changes: Numbers
    parts: list[PartSession]

    def __add__(self, other: Packed) -> Packed:
        return Packed(self.changes + other.changes, self.parts + other.parts)


def pack(spans: Numbers, start: Ms, end: Ms, *, until: Ms | None = None) -> Packed:
    """`spans`: columns (start, end, voice ms) of sessions. They are cut to [start, end).

    The quarters go from that of `start` to that of `until` (None: `end`).
    """
    first = start // QUARTER_MS
    count = (end if until is None else until) // QUARTER_MS - first + 1
    began, ended, voice = spans
    whole = voice == ended - began
    parts = spans[:, ~whole].T.tolist()
    began, ended = np.maximum(began[whole], start), np.minimum(ended[whole], end)
    there = began < ended
    began, ended = began[there], ended[there]
    changes = np.zeros((2, count), dtype=np.int64)
    for sign, at in ((1, began), (-1, ended)):
        quarters = at // QUARTER_MS
        # As floats they are exact: sums of milliseconds stay far below 2 ** 53.
        offsets = np.bincount(quarters - first, weights=at - quarters * QUARTER_MS, minlength=count)
        changes[0] += sign * np.bincount(quarters - first, minlength=count)
        changes[1] += sign * offsets.astype(np.int64)
    return Packed(changes, [PartSession(Ms(low), Ms(high), ms) for low, high, ms in parts])
