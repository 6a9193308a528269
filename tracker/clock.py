"""Where "now" comes from. Only the edges hold a clock; folds are given their time as events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Protocol

from tracker.errors import ConfigError
from tracker.ids import Ms

__all__ = ["Clock", "PlayClock", "SystemClock", "from_ms", "to_ms"]


class Clock(Protocol):
    """Anything that can tell the time."""

    def now(self) -> Ms:
        """The present instant, Unix milliseconds UTC."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Ms:
        """The present instant, Unix milliseconds UTC."""
        return Ms(time.time_ns() // 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayClock:
    """A clock that plays a stretch of time faster than it passes, for the demo and for tests.

    `points` are (real ms, played ms) pairs, both rising; between two points time runs evenly, after the last one at
    the pace of the machine. Two processes that are given the same text tell the same time.
    """

    points: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> PlayClock:
        """Read `real:played,real:played,…` (Unix ms). Raises ConfigError if it is anything else."""
        try:
            points = tuple((int(real), int(played)) for real, played in (p.split(":") for p in text.split(",")))
        except ValueError:
            points = ()
        if not points or any(a[0] >= b[0] or a[1] >= b[1] for a, b in pairwise(points)):
            raise ConfigError(f"TRACKER_CLOCK: {text!r} is not `real:played,real:played,…` in rising milliseconds")
        return cls(points=points)

    def text(self) -> str:
        """What `parse` reads."""
        return ",".join(f"{real}:{played}" for real, played in self.points)

    def now(self) -> Ms:
        """The played instant, Unix milliseconds UTC."""
        return self.at(time.time_ns() // 1_000_000)

    def at(self, real: int) -> Ms:
        """The played instant at the real one `real`; before the first point time stands still."""
        first = self.points[0]
        if real <= first[0]:
            return Ms(first[1])
        for (r0, p0), (r1, p1) in pairwise(self.points):
            if real < r1:
                return Ms(p0 + (real - r0) * (p1 - p0) // (r1 - r0))
        r0, p0 = self.points[-1]
        return Ms(p0 + real - r0)

    def real(self, played: int) -> int:
        """The real instant (Unix ms) at which this clock shows `played`."""
        for (r0, p0), (r1, p1) in pairwise(self.points):
            if played < p1:
                return r0 + -(-(played - p0) * (r1 - r0) // (p1 - p0))
        r0, p0 = self.points[-1]
        return r0 + played - p0


def from_ms(ms: int) -> datetime:
    """An aware UTC datetime for Unix milliseconds."""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def to_ms(moment: datetime) -> Ms:
    """Unix milliseconds of an aware datetime (rounded down)."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no instant")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Ms((delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000)
