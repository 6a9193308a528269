"""When the demo's day is played, and how fast.

The pace differs: ten minutes a second while people come and go, about real time while the gateway is cut (what people
do then is stamped when it arrives), hours a second from noon to the evening, and slower again around midnight.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tracker.clock import PlayClock, to_ms
from tracker.ids import Ms

__all__ = ["CUT", "DAY", "EVENING", "MIDNIGHT", "NOON", "START", "ZONE", "at", "pace", "play_clock"]

ZONE: Final = ZoneInfo("Asia/Seoul")
DAY: Final = 20260306
"""The local day that is played, a Friday."""

_MORNING: Final = datetime(2026, 3, 6, tzinfo=ZONE)


def at(hour: int, minute: int = 0, second: int = 0) -> Ms:
    """An instant of the played day, by its local time; hour 24 is the next day's first."""
    return to_ms(_MORNING + timedelta(hours=hour, minutes=minute, seconds=second))


START: Final = at(9)
CUT: Final = at(10, 30)
"""When the gateway is cut."""

NOON: Final = at(12)
EVENING: Final = at(23, 44)
MIDNIGHT: Final = at(24)

_STRETCHES: Final = (
    (8.5, CUT),
    (4.0, Ms(CUT + 8_000)),
    (8.5, NOON),
    (2.0, EVENING),
    (4.0, MIDNIGHT),
    (2.0, at(24, 6)),
)
"""How many real seconds it takes from the instant before to this one; after the last, time runs as everywhere."""


def play_clock(begins: int) -> PlayClock:
    """The clock that stands at `START` until the real instant `begins` (Unix ms) and then plays the day."""
    points = [(begins, int(START))]
    for seconds, played in _STRETCHES:
        points.append((points[-1][0] + int(seconds * 1000), int(played)))
    return PlayClock(points=tuple(points))


def pace(clock: PlayClock, real: int) -> float:
    """How many times faster than real the clock runs at the real instant `real` (Unix ms)."""
    return (clock.at(real + 500) - clock.at(real)) / 500
