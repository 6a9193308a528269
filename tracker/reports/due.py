"""When a scheduled report is due, and which window it is about.

An entry is due on nominal local days (each day, a weekday, a day of the month) at a local time. That the window is told
by the nominal day, and not by the instant, is what makes days that a zone leaves out do no harm.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tracker.clock import from_ms, to_ms
from tracker.events.settings import ReportEntry
from tracker.ids import GuildId, Ms
from tracker.projections.days import day_of
from tracker.reports.window import Window, containing

__all__ = ["LATE_MS", "Due", "due_key", "dues", "entry_key_of", "in_reach", "next_due"]

LATE_MS: Final = 300_000
"""From when on a report says that it is late, and counts as missed."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """`at`: when a report is due (Unix ms UTC). `window`: the last whole day, week or month that has ended by then."""

    at: Ms
    window: Window


def dues(entry: ReportEntry, zone: ZoneInfo, *, after: int, now: int, most: int) -> list[Due]:
    """When the entry was due in (after, now], and about what: at most the newest `most` of them, oldest first.

    A local time that a clock set forward skips is due once the clock has been set; one that comes twice, at first. A
    date that a zone leaves out has no report.
    """
    found: list[Due] = []
    for day in _days(entry, from_ms(now).astimezone(zone).date() + _ONE_DAY, -1):
        if len(found) == most:
            break
        due = _due_on(entry, zone, day)
        if due.at <= after:
            break
        if due.at <= now and due.window.start < due.window.end:
            found.append(due)
    return found[::-1]


def next_due(entry: ReportEntry, zone: ZoneInfo, now: int) -> Ms:
    """The first instant after `now` at which the entry is due."""
    for day in _days(entry, from_ms(now).astimezone(zone).date() - _ONE_DAY, 1):
        due = _due_on(entry, zone, day)
        if due.at > now and due.window.start < due.window.end:
            return due.at
    raise AssertionError("the days do not end")


def in_reach(entry: ReportEntry, zone: ZoneInfo, *, first_day: int, due_at: int, now: int) -> bool:
    """Whether the report of a window that begins on `first_day` is still to be posted, though it may be late by now.

    Of those that are late the newest `catch_up` are, counted back from now.
    """
    if now - due_at <= LATE_MS:
        return True
    newest = dues(entry, zone, after=0, now=now, most=entry.catch_up)
    return bool(newest) and first_day >= newest[0].window.first_day


def due_key(guild_id: GuildId, entry_key: str, window: Window) -> str:
    """What makes the post of this window unique."""
    return f"report:{guild_id}:{entry_key}:{window.first_day}"


def entry_key_of(key: str) -> str | None:
    """The key of the entry that a post's key (`due_key`) names; None if it is none of a scheduled report."""
    parts = key.split(":")
    return ":".join(parts[2:5]) if len(parts) == 6 and parts[0] == "report" else None


def _due_on(entry: ReportEntry, zone: ZoneInfo, day: date) -> Due:
    at = to_ms(datetime.combine(day, time.fromisoformat(entry.at), zone))
    return Due(at=at, window=containing(entry.period, day_of(day), zone).previous())


def _days(entry: ReportEntry, start: date, step: int) -> Iterator[date]:
    """The nominal days from `start` on, into the future (`step` 1) or the past (-1); never ends."""
    if entry.period == "monthly":
        month = start.replace(day=1)
        while True:
            last = calendar.monthrange(month.year, month.month)[1]
            day = month.replace(day=min(entry.day, last))
            if (day - start).days * step >= 0:
                yield day
            month = (month + timedelta(days=last)) if step > 0 else (month - _ONE_DAY).replace(day=1)
    stride = 1
    if entry.period == "weekly":
        stride = 7
        start += timedelta(days=step * ((_WEEKDAYS.index(entry.weekday) - start.weekday()) * step % 7))
    while True:
        yield start
        start += timedelta(days=step * stride)
