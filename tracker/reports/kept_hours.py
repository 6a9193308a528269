"""Voice time by quarters of an hour and by the hour on the clock, out of what is kept in memory.

What it means is defined by `chart_data.quarters_of` and `hours_on_clock`; tests hold them equal.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from tracker.ids import Ms
from tracker.reports.chart_data import HOURS, QUARTER_MS, Quarter, spread
from tracker.reports.kept import Numbers
from tracker.reports.kept_packed import Packed
from tracker.reports.window import Window

__all__ = ["hours_of", "quarters_in"]

_QUARTER_S: Final = QUARTER_MS // 1000
_PIECE: Final = 96
"""So many quarters are looked up at once, for all windows that they are in."""


def quarters_in(packed: Packed, start: Ms, end: Ms) -> list[Quarter]:
    """The voice time in [start, end) by quarters of an hour. `packed`: as `KeptDays.turns` gives it from `start` on."""
    low, high, voice = _columns(packed, start, end)
    return [Quarter(Ms(a), Ms(b), v) for a, b, v in zip(low.tolist(), high.tolist(), voice.tolist(), strict=True)]


def hours_of(window: Window, packed: Packed, end: Ms) -> tuple[int, ...]:
    """The voice time from the window's start to `end` by the hour on the clock, whatever the day."""
    hours = np.zeros(HOURS, dtype=np.int64)
    voice = _columns(packed, window.start, end)[2]
    first, count = window.start // QUARTER_MS, -(-window.end // QUARTER_MS) - window.start // QUARTER_MS
    clock = np.concatenate([_on_clock(window.zone, at) for at in range(first // _PIECE, (first + count) // _PIECE + 1)])
    np.add.at(hours, clock[first % _PIECE :][: len(voice)], voice)
    return tuple(hours.tolist())


def _columns(packed: Packed, start: Ms, end: Ms) -> tuple[Numbers, Numbers, Numbers]:
    """Where each quarter begins and ends, and the voice time in it."""
    count = max(0, -(-end // QUARTER_MS) - start // QUARTER_MS)
    begins = (start // QUARTER_MS + np.arange(count, dtype=np.int64)) * QUARTER_MS
    low, high = np.maximum(begins, start), np.minimum(begins + QUARTER_MS, end)
    people, offsets = packed.changes[:, :count]
    present = np.cumsum(people) - people
    voice = present * (high - low) + people * (high - begins) - offsets
    if packed.parts:
        voice += np.array(spread([*low.tolist(), end], packed.parts), dtype=np.int64)
    return low, high, voice


@lru_cache(maxsize=4096)
def _on_clock(zone: ZoneInfo, piece: int) -> Numbers:
    """The hour that the clock shows in each of the quarters of a piece, the `piece`th since 1970."""
    begins = range(piece * _PIECE * _QUARTER_S, (piece + 1) * _PIECE * _QUARTER_S, _QUARTER_S)
    return np.array([datetime.fromtimestamp(second, zone).hour for second in begins], dtype=np.int64)
