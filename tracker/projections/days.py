"""Local days: where midnight is in a zone, daylight-saving days of 23 and 25 hours and odder ones included.

A day starts at the first instant whose local date has come that far and lasts to the start of the next one, so that the
days of a zone follow each other without a hole or an overlap even where midnight is skipped (a clock set forward at
00:00) or happens twice. A date that a zone left out altogether (Pacific/Apia, 2011-12-30) is a day of no length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tracker.ids import Ms

__all__ = ["DAY_MS", "LocalDay", "date_of", "day_of", "day_start", "local_day", "next_day", "previous_day"]

DAY_MS = 86_400_000
_ONE_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDay:
    """The local day `day` (yyyymmdd), which is [start, end) in Unix ms UTC."""

    day: int
    start: Ms
    end: Ms


def local_day(zone: ZoneInfo, moment: int) -> LocalDay:
    """The local day that contains the instant `moment` (Unix ms UTC)."""
    for day in _days_touching(zone, moment // DAY_MS):
        if moment < day.end:
            return day
    raise AssertionError(f"{zone.key} has no day at {moment}")


@lru_cache(maxsize=8192)
def day_start(zone: ZoneInfo, day: int) -> Ms:
    """The first instant (Unix ms UTC) whose local date is `day` (yyyymmdd) or later."""
    wanted = date_of(day)
    midnight = datetime(wanted.year, wanted.month, wanted.day, tzinfo=zone)
    wall = (wanted - _EPOCH).days * 86_400
    before, after = _seconds(midnight.utcoffset()), _seconds(midnight.replace(fold=1).utcoffset())
    if before >= after:  # midnight exists; where it happens twice the first one counts
        return Ms((wall - before) * 1000)
    return Ms(_transition(zone, wall - after, wall - before) * 1000)


@lru_cache(maxsize=8192)
def next_day(day: int) -> int:
    """The date after `day` (both yyyymmdd)."""
    return day_of(date_of(day) + _ONE_DAY)


@lru_cache(maxsize=8192)
def previous_day(day: int) -> int:
    """The date before `day` (both yyyymmdd)."""
    return day_of(date_of(day) - _ONE_DAY)


def date_of(day: int) -> date:
    """The date that `day` (yyyymmdd) stands for. Raises ValueError if there is none."""
    return date(day // 10_000, day // 100 % 100, day % 100)


def day_of(value: date) -> int:
    """The date as yyyymmdd."""
    return value.year * 10_000 + value.month * 100 + value.day


@lru_cache(maxsize=8192)
def _days_touching(zone: ZoneInfo, utc_day: int) -> tuple[LocalDay, ...]:
    """The local days that share an instant with a UTC day (counted from 1970-01-01), in order. The hot path's cache."""
    first, end = utc_day * DAY_MS, (utc_day + 1) * DAY_MS
    found = []
    for number in range(utc_day - 2, utc_day + 3):  # offsets stay within a day either way
        day = day_of(_EPOCH + number * _ONE_DAY)
        span = LocalDay(day=day, start=day_start(zone, day), end=day_start(zone, next_day(day)))
        if span.start < span.end and span.start < end and first < span.end:
            found.append(span)
    return tuple(found)


def _transition(zone: ZoneInfo, low: int, high: int) -> int:
    """The second in (low, high] at which the clock was set forward over midnight."""
    old = _seconds(datetime.fromtimestamp(low, UTC).astimezone(zone).utcoffset())
    while high - low > 1:
        middle = (low + high) // 2
        if _seconds(datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset()) == old:
            low = middle
        else:
            high = middle
    return high


def _seconds(offset: timedelta | None) -> int:
    if offset is None:
        raise AssertionError("a ZoneInfo knows its offset at every instant")
    return offset.days * 86_400 + offset.seconds
