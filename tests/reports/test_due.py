"""When scheduled reports are due, and about what."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clock import from_ms, to_ms
from tracker.events.settings import ReportEntry, parse_settings
from tracker.ids import GuildId
from tracker.reports.due import Due, due_key, dues, entry_key_of, in_reach, next_due

SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")
ZONES = [
    "Asia/Seoul", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago",
    "Africa/Cairo", "Pacific/Chatham", "America/St_Johns", "Pacific/Kiritimati", "UTC",
]  # fmt: skip
DAY = 86_400_000


def entry(**given: object) -> ReportEntry:
    return parse_settings({"reports": [{"role_id": "7", **given}]}).reports[0]


def local(zone: ZoneInfo, text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


def latest(entry: ReportEntry, zone: ZoneInfo, now: int) -> Due:
    (found,) = dues(entry, zone, after=0, now=now, most=1)
    return found


def wall(zone: ZoneInfo, at: int) -> str:
    return from_ms(at).astimezone(zone).isoformat()


@pytest.mark.parametrize(
    ("given", "now", "due", "first", "last"),
    [
        ({"period": "daily", "at": "00:00"}, "2026-02-19T00:00", "2026-02-19T00:00", 20260218, 20260218),
        ({"period": "daily", "at": "00:00"}, "2026-02-18T23:59:59", "2026-02-18T00:00", 20260217, 20260217),
        ({"period": "daily", "at": "09:30"}, "2026-02-19T09:29", "2026-02-18T09:30", 20260217, 20260217),
        ({"period": "weekly", "at": "00:00"}, "2026-02-18T12:00", "2026-02-16T00:00", 20260209, 20260215),
        (
            {"period": "weekly", "weekday": "fri", "at": "18:00"},
            "2026-02-18T12:00",
            "2026-02-13T18:00",
            20260202,
            20260208,
        ),
        ({"period": "monthly", "at": "00:00"}, "2026-03-01T00:00", "2026-03-01T00:00", 20260201, 20260228),
        ({"period": "monthly", "day": 15, "at": "08:00"}, "2026-03-15T07:59", "2026-02-15T08:00", 20260101, 20260131),
        ({"period": "monthly", "day": 28, "at": "23:59"}, "2028-02-29T12:00", "2028-02-28T23:59", 20280101, 20280131),
    ],
)
def test_an_entry_is_due_at_its_local_time_about_the_window_that_has_ended(
    given: dict[str, object], now: str, due: str, first: int, last: int
) -> None:
    found = latest(entry(**given), SEOUL, local(SEOUL, now))
    assert found.at == local(SEOUL, due)
    assert (found.window.first_day, found.window.last_day) == (first, last)


def test_a_time_that_the_clock_skips_is_due_once_it_has_been_set_forward() -> None:
    spring = latest(entry(at="02:30"), NEW_YORK, local(NEW_YORK, "2026-03-08T12:00"))
    assert wall(NEW_YORK, spring.at) == "2026-03-08T03:30:00-04:00"
    assert spring.window.first_day == 20260307


def test_a_time_that_comes_twice_is_due_the_first_time_only() -> None:
    autumn = latest(entry(at="01:30"), NEW_YORK, local(NEW_YORK, "2026-11-01T12:00"))
    assert wall(NEW_YORK, autumn.at) == "2026-11-01T01:30:00-04:00"
    assert wall(NEW_YORK, next_due(entry(at="01:30"), NEW_YORK, autumn.at)) == "2026-11-02T01:30:00-05:00"


def test_half_an_hour_of_summer_time_moves_the_hour_by_no_more() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    skipped = latest(entry(at="02:15"), zone, local(zone, "2026-10-04T12:00"))
    assert wall(zone, skipped.at) == "2026-10-04T02:45:00+11:00"


@pytest.mark.parametrize("at", ["00:00", "09:00", "23:59"])
def test_a_date_that_a_zone_leaves_out_has_no_report_and_takes_none_with_it(at: str) -> None:
    apia = ZoneInfo("Pacific/Apia")  # went from 2011-12-29 to 2011-12-31
    found = dues(entry(at=at), apia, after=0, now=local(apia, "2012-01-02T23:59:59"), most=4)
    assert [due.window.first_day for due in found] == [20111228, 20111229, 20111231, 20120101]
    assert all(due.at >= due.window.end for due in found)


def test_what_was_missed_is_given_oldest_first_and_no_more_than_asked_for() -> None:
    now = local(SEOUL, "2026-03-20T12:00")
    found = dues(entry(), SEOUL, after=0, now=now, most=3)
    assert [due.window.first_day for due in found] == [20260317, 20260318, 20260319]
    assert [d.at for d in dues(entry(), SEOUL, after=found[0].at, now=now, most=9)] == [d.at for d in found[1:]]
    assert dues(entry(), SEOUL, after=now, now=now, most=9) == []
    assert dues(entry(), SEOUL, after=now + DAY, now=now, most=9) == []


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.integers(0, 1439),
    st.sampled_from(["mon", "wed", "sun"]),
    st.integers(1, 28),
    st.integers(1_293_840_000_000, 2_000_000_000_000),
)
def test_in_every_zone_each_window_is_due_once_after_it_ended_and_in_its_order(
    zone_name: str, period: str, minute: int, weekday: str, day: int, now: int
) -> None:
    zone = ZoneInfo(zone_name)
    at = f"{minute // 60:02}:{minute % 60:02}"
    wanted = entry(period=period, at=at, weekday=weekday, day=day)
    found = dues(wanted, zone, after=0, now=now, most=12)
    assert len(found) == 12
    assert all(due.window.end <= due.at <= now for due in found)
    for one, then in pairwise(found):
        assert one.at < then.at
        assert one.window.end == then.window.start
    assert next_due(wanted, zone, found[-2].at) == found[-1].at
    upcoming = next_due(wanted, zone, now)
    assert upcoming > now
    assert upcoming - found[-1].at <= {"daily": 2, "weekly": 8, "monthly": 32}[period] * DAY
    assert latest(wanted, zone, upcoming).window.start == found[-1].window.end


def test_the_key_tells_guild_entry_and_window_apart() -> None:
    daily, weekly = entry(), entry(period="weekly")
    monday = local(SEOUL, "2026-02-16T00:00")
    keys = {due_key(GuildId(g), e.key, latest(e, SEOUL, monday).window) for g in (1, 2) for e in (daily, weekly)}
    assert len(keys) == 4
    assert {entry_key_of(key) for key in keys} == {daily.key, weekly.key}
    assert entry_key_of("report:1") is None
    assert entry_key_of("level:1:2:3:4:5") is None


def test_finding_what_is_due_in_years_of_absence_stops_at_what_is_asked_for() -> None:
    now = local(SEOUL, "2026-02-18T12:00")
    found = dues(entry(period="monthly"), SEOUL, after=0, now=now, most=31)
    assert len(found) == 31
    assert from_ms(now) - from_ms(found[0].at) > timedelta(days=900)


@pytest.mark.parametrize(("first_day", "near"), [(20260216, False), (20260217, True), (20260218, True)])
def test_a_late_window_is_in_reach_as_far_back_as_catch_up_counts(first_day: int, near: bool) -> None:
    (entry,) = parse_settings({"reports": [{"catch_up": 2}]}).reports
    due_at, now = local(SEOUL, "2026-02-17T00:00"), local(SEOUL, "2026-02-19T12:00")
    assert in_reach(entry, SEOUL, first_day=first_day, due_at=due_at, now=now) is near


def test_a_window_that_is_not_late_yet_is_in_reach_even_if_none_is_caught_up() -> None:
    (entry,) = parse_settings({"reports": [{"catch_up": 0}]}).reports
    due_at = local(SEOUL, "2026-02-19T00:00")
    found = [
        in_reach(entry, SEOUL, first_day=20260218, due_at=due_at, now=due_at + late) for late in (300_000, 300_001)
    ]
    assert found == [True, False]
