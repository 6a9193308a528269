"""Local days against the plain question "what date does a clock on the wall show at this instant?"."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.projections.days import DAY_MS, LocalDay, date_of, day_of, day_start, local_day, next_day, previous_day

HOUR = 3_600_000
ZONES = sorted(z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "posix/", "right/")))
moments = st.integers(1_420_070_400_000, 4_102_444_800_000)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def wall_day(zone: ZoneInfo, moment: int) -> int:
    return day_of(datetime.fromtimestamp(moment // 1000, UTC).astimezone(zone).date())


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("Asia/Seoul", 20260218, "2026-02-17T15:00", 24),
        ("America/New_York", 20260308, "2026-03-08T05:00", 23),
        ("America/New_York", 20261101, "2026-11-01T04:00", 25),
        ("Australia/Lord_Howe", 20261004, "2026-10-03T13:30", 23.5),
        ("Australia/Lord_Howe", 20260405, "2026-04-04T13:00", 24.5),
        ("America/Sao_Paulo", 20181104, "2018-11-04T03:00", 23),  # 00:00 became 01:00
        ("America/Sao_Paulo", 20180217, "2018-02-17T02:00", 25),  # 24:00 became 23:00
        ("Asia/Beirut", 20260329, "2026-03-28T22:00", 23),
        ("Africa/Cairo", 20260424, "2026-04-23T22:00", 23),
        ("America/Havana", 20261101, "2026-11-01T04:00", 25),  # 01:00 became 00:00: midnight happens twice
        ("Pacific/Apia", 20111230, "2011-12-30T10:00", 0),  # left out altogether
        ("Pacific/Apia", 20111231, "2011-12-30T10:00", 24),
        ("America/St_Johns", 20101107, "2010-11-07T02:30", 25),  # 00:01 became 23:01 of the day before
        ("America/Toronto", 19190331, "1919-03-31T04:30", 23.5),  # 23:30 became 00:30
    ],
)
def test_a_day_starts_at_the_first_instant_of_its_date(zone: str, day: int, start: str, hours: float) -> None:
    info = ZoneInfo(zone)
    assert day_start(info, day) == utc(start)
    assert day_start(info, next_day(day)) - day_start(info, day) == int(hours * HOUR)


@given(zone=zones, moment=moments)
def test_the_day_of_an_instant_contains_it_and_has_the_date_on_the_wall(zone: ZoneInfo, moment: int) -> None:
    day = local_day(zone, moment)
    assert day.start <= moment < day.end
    assert day == LocalDay(day=day.day, start=day_start(zone, day.day), end=day_start(zone, next_day(day.day)))
    shown = wall_day(zone, moment)
    assert shown == day.day or (shown == previous_day(day.day) and wall_day(zone, day.start) == day.day)
    assert wall_day(zone, day.start) == day.day
    assert wall_day(zone, day.start - 1) < day.day


@given(zone=zones, moment=moments)
def test_days_follow_each_other_without_hole_or_overlap(zone: ZoneInfo, moment: int) -> None:
    days = [local_day(zone, moment)]
    for _ in range(4):
        days.append(local_day(zone, days[-1].end))
    assert all(a.end == b.start and a.day < b.day and a.start < a.end for a, b in pairwise(days))
    assert all(20 * HOUR <= d.end - d.start <= 28 * HOUR for d in days)


def test_the_last_millisecond_belongs_to_the_day_and_the_next_one_does_not() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    midnight = utc("2026-02-17T15:00")
    assert local_day(seoul, midnight - 1).day == 20260217
    assert local_day(seoul, midnight).day == 20260218
    assert local_day(seoul, midnight).end == midnight + DAY_MS


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_date_and_its_number_stand_for_each_other(value: date) -> None:
    assert date_of(day_of(value)) == value
    assert date_of(next_day(day_of(value))) == value + timedelta(days=1)
    assert previous_day(next_day(day_of(value))) == day_of(value)


def test_a_number_that_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="day"):
        date_of(20260230)
