"""The stretch of time that a report is about: a local day, ISO week, calendar month, or any two dates."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from tracker.errors import ConfigError
from tracker.ids import Ms
from tracker.projections.days import date_of, day_of, day_start, local_day, next_day

__all__ = ["PERIODS", "Period", "Window", "between", "containing", "containing_moment", "parse_day"]

Period = Literal["daily", "weekly", "monthly", "range"]
PERIODS: Final = ("daily", "weekly", "monthly")
"""The periods that a single date is enough for."""

_EARLIEST, _LATEST = date(2015, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """[start, end) in Unix ms UTC; `first_day` to `last_day` (yyyymmdd, both included) in `zone`."""

    period: Period
    start: Ms
    end: Ms
    first_day: int
    last_day: int
    zone: ZoneInfo

    def previous(self) -> Window:
        """The window of the same kind that ends where this one starts; for any two dates, as many days before them."""
        first = date_of(self.first_day)
        if self.period == "range":
            days = (date_of(self.last_day) - first).days + 1
            return _window("range", first - timedelta(days=days), first - timedelta(days=1), self.zone)
        return _whole(self.period, first - timedelta(days=1), self.zone)

    def following(self) -> Window:
        """The window of the same kind that starts where this one ends; for any two dates, as many days after them."""
        first, last = date_of(self.first_day), date_of(self.last_day)
        if self.period == "range":
            return _window("range", last + timedelta(days=1), last + (last - first) + timedelta(days=1), self.zone)
        return _whole(self.period, last + timedelta(days=1), self.zone)


def containing(period: Period, day: int, zone: ZoneInfo) -> Window:
    """The local day, ISO week (Monday first) or calendar month that `day` (yyyymmdd) is in; `range`: that day."""
    return _whole(period, date_of(day), zone)


def containing_moment(period: Period, moment: int, zone: ZoneInfo) -> Window:
    """The window that contains the instant `moment` (Unix ms UTC)."""
    return containing(period, local_day(zone, moment).day, zone)


def between(first_day: int, last_day: int, zone: ZoneInfo) -> Window:
    """From one date to another, both included (yyyymmdd). Raises ConfigError if they are the wrong way round."""
    if last_day < first_day:
        raise ConfigError(f"the dates are the wrong way round: {date_of(last_day)} is before {date_of(first_day)}")
    return _window("range", date_of(first_day), date_of(last_day), zone)


def parse_day(text: str) -> int:
    """A date `YYYY-MM-DD` as yyyymmdd. Raises ConfigError if it is none, or outside 2015 to 2199."""
    try:
        value = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        value = None
    if value is None or not _EARLIEST <= value <= _LATEST:
        raise ConfigError(f"{text!r} is not a date from {_EARLIEST} to {_LATEST}, such as 2026-02-18")
    return day_of(value)


def _whole(period: Period, day: date, zone: ZoneInfo) -> Window:
    if period == "weekly":
        first = day - timedelta(days=day.weekday())
        return _window(period, first, first + timedelta(days=6), zone)
    if period == "monthly":
        last = calendar.monthrange(day.year, day.month)[1]
        return _window(period, day.replace(day=1), day.replace(day=last), zone)
    return _window(period, day, day, zone)


def _window(period: Period, first: date, last: date, zone: ZoneInfo) -> Window:
    first_day, last_day = day_of(first), day_of(last)
    return Window(
        period=period,
        start=day_start(zone, first_day),
        end=day_start(zone, next_day(last_day)),
        first_day=first_day,
        last_day=last_day,
        zone=zone,
    )
