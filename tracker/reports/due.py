"""When a scheduled report is due, and which window it is about."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tracker.clock import from_ms, to_ms
from tracker.events.settings import ReportEntry
from tracker.ids import GuildId, Ms
from tracker.reports.window import Window, containing_moment

__all__ = ["due_key", "latest_due", "window_of"]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def latest_due(entry: ReportEntry, zone: ZoneInfo, now: int) -> Ms:
    """The last instant at or before `now` (Unix ms UTC) at which the entry is due.

    A local time that a clock set forward skips is due once the clock has been set; one that comes twice, at first.
    """
    today = from_ms(now).astimezone(zone).date()
    for back in range(63):
        day = today - timedelta(days=back)
        if _falls_on(entry, day):
            due = to_ms(datetime.combine(day, time.fromisoformat(entry.at), zone))
            if due <= now:
                return due
    raise AssertionError(f"{entry} is due in no two months")


def _falls_on(entry: ReportEntry, day: date) -> bool:
    if entry.period == "weekly":
        return _WEEKDAYS[day.weekday()] == entry.weekday
    if entry.period == "monthly":
        return day.day == min(entry.day, calendar.monthrange(day.year, day.month)[1])
    return True


def window_of(entry: ReportEntry, zone: ZoneInfo, due: int) -> Window:
    """The last whole day, week or month that has ended when the entry is due."""
    return containing_moment(entry.period, due, zone).previous()


def due_key(guild_id: GuildId, entry: ReportEntry, window: Window) -> str:
    """What makes the post of this window unique."""
    return f"report:{guild_id}:{entry.key}:{window.first_day}"
