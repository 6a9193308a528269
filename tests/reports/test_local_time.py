"""Local times that people type."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tracker.clock import to_ms
from tracker.ids import Ms
from tracker.reports.local_time import LocalTime, local_time

SEOUL, PARIS, NEW_YORK = (ZoneInfo(name) for name in ("Asia/Seoul", "Europe/Paris", "America/New_York"))


def at(text: str) -> Ms:
    return to_ms(datetime.fromisoformat(text))


@pytest.mark.parametrize("typed", ["2026-03-07 00:00", " 2026-03-07  00:00 ", "2026-03-07", "2026-03-07T00:00"])
def test_a_time_is_the_zones_own_and_a_date_alone_is_its_midnight(typed: str) -> None:
    moment = at("2026-03-07T00:00+09:00")
    assert local_time(SEOUL, typed) == LocalTime(first=moment, last=moment, kind="plain")


def test_a_time_that_the_clock_jumps_over_is_the_instant_of_the_jump() -> None:
    jump = at("2026-03-29T03:00+02:00")
    for typed in ("2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29 02:59"):
        assert local_time(PARIS, typed) == LocalTime(first=jump, last=jump, kind="gap")
    assert local_time(PARIS, "2026-03-29 03:00") == LocalTime(first=jump, last=jump, kind="plain")
    assert local_time(ZoneInfo("Africa/Cairo"), "2026-04-24") == LocalTime(
        first=at("2026-04-24T01:00+03:00"), last=at("2026-04-24T01:00+03:00"), kind="gap"
    )


def test_a_time_that_comes_twice_is_both() -> None:
    found = local_time(NEW_YORK, "2026-11-01 01:30")
    assert found == LocalTime(first=at("2026-11-01T01:30-04:00"), last=at("2026-11-01T01:30-05:00"), kind="twice")


@pytest.mark.parametrize("typed", ["", "tomorrow", "2026-02-30 00:00", "2026-03-07 24:00", "1999-01-01", "9999-12-31"])
def test_what_is_no_time_of_these_years_is_none(typed: str) -> None:
    assert local_time(SEOUL, typed) is None
