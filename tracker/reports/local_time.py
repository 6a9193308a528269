"""A local date and time that somebody typed, as an instant; and whether the clock jumps over it or shows it twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from tracker.clock import to_ms
from tracker.ids import Ms

__all__ = ["LocalTime", "local_time"]

_FORMATS: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_YEARS: Final = range(2015, 2101)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """`kind` `gap`: the clock is set forward over it, and both are the instant at which it is. `twice`: the clock is
    set back, `first` and `last` are an hour or so apart. Otherwise both are the same.
    """

    first: Ms
    last: Ms
    kind: Literal["plain", "gap", "twice"]


def local_time(zone: ZoneInfo, typed: str) -> LocalTime | None:
    """What `2026-03-07 00:00` (or only a date: its midnight) means in `zone`; None if it is no date and time."""
    wall = _parsed(" ".join(typed.split()))
    if wall is None or wall.year not in _YEARS:
        return None
    local = wall.replace(tzinfo=zone)
    once, again = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if once == again:
        return LocalTime(first=to_ms(once), last=to_ms(once), kind="plain")
    if once < again:
        return LocalTime(first=to_ms(once), last=to_ms(again), kind="twice")
    jump = to_ms(_jump(zone, again, once))
    return LocalTime(first=jump, last=jump, kind="gap")


def _parsed(typed: str) -> datetime | None:
    for each in _FORMATS:
        try:
            return datetime.strptime(typed, each)  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _jump(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant in (low, high] at which the clock was set forward."""
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high
