"""Windows: local days, ISO weeks, months and any dates, across every clock change."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.errors import ConfigError
from tracker.projections.days import DAY_MS, date_of, day_of, day_start, next_day
from tracker.reports.window import PERIODS, Period, Window, between, containing, containing_moment, parse_day

HOUR = 3_600_000
SEOUL = ZoneInfo("Asia/Seoul")
zones = st.sampled_from(
    [
        "Asia/Seoul", "America/New_York", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Australia/Lord_Howe",
        "America/Havana", "Pacific/Chatham", "Asia/Kathmandu", "UTC",
    ]
).map(ZoneInfo)  # fmt: skip
periods = st.sampled_from(PERIODS)
days = st.dates(date(2015, 1, 1), date(2060, 1, 1)).map(day_of)


def days_of(window: Window) -> tuple[int, int]:
    return window.first_day, window.last_day


@pytest.mark.parametrize(
    ("period", "day", "first", "last", "hours"),
    [
        ("daily", 20260218, 20260218, 20260218, 24),
        ("weekly", 20260218, 20260216, 20260222, 7 * 24),
        ("weekly", 20260216, 20260216, 20260222, 7 * 24),
        ("weekly", 20260222, 20260216, 20260222, 7 * 24),
        ("weekly", 20260101, 20251229, 20260104, 7 * 24),
        ("monthly", 20240229, 20240201, 20240229, 29 * 24),
        ("monthly", 20261231, 20261201, 20261231, 31 * 24),
    ],
)
def test_a_window_contains_its_date(period: Period, day: int, first: int, last: int, hours: int) -> None:
    window = containing(period, day, SEOUL)
    assert (window.period, *days_of(window)) == (period, first, last)
    assert window.end - window.start == hours * HOUR


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", 20260308, 23),
        ("America/New_York", 20261101, 25),
        ("America/Sao_Paulo", 20181104, 23),
        ("Asia/Beirut", 20260329, 23),
        ("Africa/Cairo", 20260424, 23),
        ("America/Havana", 20261101, 25),
    ],
)
def test_a_day_on_which_the_clock_changes_has_23_or_25_hours(zone: str, day: int, hours: int) -> None:
    window = containing("daily", day, ZoneInfo(zone))
    assert window.end - window.start == hours * HOUR
    week = containing("weekly", day, ZoneInfo(zone))
    assert week.end - week.start == 6 * DAY_MS + hours * HOUR


def test_the_window_before_is_of_the_same_kind() -> None:
    assert days_of(containing("daily", 20260301, SEOUL).previous()) == (20260228, 20260228)
    assert days_of(containing("weekly", 20260218, SEOUL).previous()) == (20260209, 20260215)
    assert days_of(containing("monthly", 20260331, SEOUL).previous()) == (20260201, 20260228)
    assert days_of(between(20260218, 20260220, SEOUL).previous()) == (20260215, 20260217)


@given(zone=zones, period=periods, day=days)
def test_windows_of_a_kind_meet_without_hole_or_overlap(zone: ZoneInfo, period: Period, day: int) -> None:
    window = containing(period, day, zone)
    before = window.previous()
    assert (before.period, before.end) == (period, window.start)
    assert before.following() == window
    assert next_day(before.last_day) == window.first_day
    assert before.start < before.end < window.end
    assert containing(period, before.last_day, zone) == before


@given(zone=zones, period=periods, moment=st.integers(1_420_070_400_000, 4_102_444_800_000))
def test_an_instant_is_in_its_window(zone: ZoneInfo, period: Period, moment: int) -> None:
    window = containing_moment(period, moment, zone)
    assert window.start <= moment < window.end


@given(zone=zones, day=days, length=st.integers(0, 400))
def test_any_dates_last_from_the_first_midnight_to_the_one_after_the_last(
    zone: ZoneInfo, day: int, length: int
) -> None:
    last = day_of(date_of(day) + timedelta(days=length))
    window = between(day, last, zone)
    assert (window.start, window.end) == (day_start(zone, day), day_start(zone, next_day(last)))
    assert window.previous().end == window.start
    assert (date_of(window.previous().last_day) - date_of(window.previous().first_day)).days == length
    assert window.following().previous() == window


def test_dates_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ConfigError, match="2026-02-17 is before 2026-02-18"):
        between(20260218, 20260217, SEOUL)


def test_a_date_is_read() -> None:
    assert parse_day("2026-02-18") == 20260218


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30", "20260218", "2026-2-18", "2014-12-31", "2200-01-01", "٢٠٢٦-02-18"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a date"):
        parse_day(text)
