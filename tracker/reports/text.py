"""How reports are worded: texts, durations, numbers and dates in the languages of `LOCALES`.

Every function takes the guild's locale as it is known (None, `ko`, `ko-KR`…).
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from tracker.clock import from_ms
from tracker.projections.days import date_of
from tracker.reports.catalogue import Translate, catalogue, locale_of

__all__ = [
    "change",
    "day_text",
    "duration",
    "moment_text",
    "month_text",
    "number",
    "range_text",
    "signed_duration",
    "translate",
]

_LOCALES = Path(__file__).parent / "locales"
MINUS = "\N{MINUS SIGN}"


def translate(locale: str | None) -> Translate:
    """The report texts in the language nearest to `locale`."""
    return catalogue(_LOCALES, locale_of(locale))


@lru_cache(maxsize=4096)  # Babel takes 30 µs, and a full answer has some hundred numbers
def number(value: int, locale: str | None) -> str:
    """`12,345`, with a true minus sign."""
    from babel.numbers import format_decimal  # only those who show texts pay for the import

    return (MINUS if value < 0 else "") + str(format_decimal(abs(value), locale=locale_of(locale)))


def change(value: int, locale: str | None) -> str:
    """A difference: `+12`, `−3`, `±0`."""
    return _signed(value, number(abs(value), locale))


def duration(ms: int, locale: str | None) -> str:
    """`3 h 12 min` / `3시간 12분`: whole minutes, rounded down; seconds only below a minute; `0 min` for nothing."""
    t = translate(locale)
    minutes = ms // 60_000
    if minutes == 0 and ms >= 1000:
        return t("duration.seconds", seconds=number(ms // 1000, locale))
    hours, rest = divmod(minutes, 60)
    parts = [t("duration.hours", hours=number(hours, locale))] if hours else []
    if rest or not hours:
        parts.append(t("duration.minutes", minutes=number(rest, locale)))
    return " ".join(parts)


def signed_duration(ms: int, locale: str | None) -> str:
    """A difference of durations: `+1 h 5 min`, `−20 min`, `±0 min`."""
    return _signed(ms, duration(abs(ms), locale))


def day_text(day: int, locale: str | None) -> str:
    """A date (yyyymmdd): `Wed, 18 Feb 2026` / `2026년 2월 18일 (수)`."""
    return _dated(date_of(day), "format.day", locale_of(locale))


def month_text(day: int, locale: str | None) -> str:
    """The month of a date (yyyymmdd): `February 2026` / `2026년 2월`."""
    return _dated(date_of(day), "format.month", locale_of(locale))


def range_text(first_day: int, last_day: int, locale: str | None) -> str:
    """From one date to another, both included (yyyymmdd), the year once; one date if they are the same."""
    if first_day == last_day:
        return day_text(first_day, locale)
    if first_day // 10_000 == last_day // 10_000:
        days = (("format.range_first", first_day), ("format.range_last", last_day))
        first, last = (_dated(date_of(day), pattern, locale_of(locale)) for pattern, day in days)
        return translate(locale)("format.range", first=first, last=last)
    return translate(locale)("format.range", first=day_text(first_day, locale), last=day_text(last_day, locale))


def moment_text(moment: int, zone: ZoneInfo, locale: str | None) -> str:
    """An instant (Unix ms UTC) as a clock in `zone` shows it: `18 Feb, 15:16` / `2월 18일 15:16`."""
    from babel.dates import format_datetime

    local = from_ms(moment).astimezone(zone)
    return str(format_datetime(local, translate(locale)("format.moment"), tzinfo=zone, locale=locale_of(locale)))


@lru_cache(maxsize=1024)
def _dated(value: date, pattern: str, locale: str) -> str:
    from babel.dates import format_date

    return str(format_date(value, translate(locale)(pattern), locale=locale))


def _signed(value: int, text: str) -> str:
    return ("+" if value > 0 else MINUS if value < 0 else "±") + text
