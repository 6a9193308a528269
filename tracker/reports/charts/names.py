"""What stands along the edges of the charts: hours, weekdays, days of the month, dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from babel.dates import format_date, get_day_names

from tracker.projections.days import date_of
from tracker.reports import text
from tracker.reports.catalogue import locale_of
from tracker.reports.chart_data import HOURS, WEEKDAYS
from tracker.reports.charts.scale import every
from tracker.reports.window import Window

__all__ = ["hours", "step_names", "weekdays"]

_DATES_ABREAST = 6


def weekdays(locale: str | None) -> Sequence[str]:
    """Short names, Monday first."""
    names = get_day_names("abbreviated", locale=locale_of(locale))
    return [str(names[day]) for day in range(WEEKDAYS)]


def hours(step: int = 3) -> Sequence[str]:
    """Each `step`th hour of the day, empty for the others."""
    return [str(hour) if hour % step == 0 else "" for hour in range(HOURS)]


def step_names(window: Window, count: int, locale: str | None) -> Sequence[str]:
    """What each of a window's `count` days is called: its weekday, its number in the month or its date; often empty."""
    first = date_of(window.first_day)
    days = [first + timedelta(days=index) for index in range(count)]
    if count <= WEEKDAYS:
        short = weekdays(locale)
        return [short[day.weekday()] for day in days]
    if window.period == "monthly":
        return [str(day.day) if day.day == 1 or day.day % 5 == 0 else "" for day in days]
    step, pattern = every(count, _DATES_ABREAST, (1, 2, 3, 5, 7, 14)), text.translate(locale)("format.chart_day")
    return [
        str(format_date(day, pattern, locale=locale_of(locale)))
        if index % step == 0 and index + step / 2 < count
        else ""
        for index, day in enumerate(days)
    ]
