"""When scheduled reports are due, and about what."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tracker.clock import from_ms, to_ms
from tracker.events.settings import ReportEntry, parse_settings
from tracker.ids import GuildId
from tracker.reports.due import due_key, latest_due, window_of

SEOUL = ZoneInfo("Asia/Seoul")
NEW_YORK = ZoneInfo("America/New_York")


def entry(**given: object) -> ReportEntry:
    return parse_settings({"reports": [{"role_id": "7", **given}]}).reports[0]


def local(zone: ZoneInfo, text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


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
    ],
)
def test_an_entry_is_due_at_its_local_time_about_the_window_that_has_ended(
    given: dict[str, object], now: str, due: str, first: int, last: int
) -> None:
    found = latest_due(entry(**given), SEOUL, local(SEOUL, now))
    assert found == local(SEOUL, due)
    window = window_of(entry(**given), SEOUL, found)
    assert (window.first_day, window.last_day) == (first, last)


def test_a_time_that_the_clock_skips_is_due_once_it_has_been_set_forward() -> None:
    spring = latest_due(entry(at="02:30"), NEW_YORK, local(NEW_YORK, "2026-03-08T12:00"))
    assert from_ms(spring).astimezone(NEW_YORK).isoformat() == "2026-03-08T03:30:00-04:00"


def test_a_time_that_comes_twice_is_due_the_first_time_only() -> None:
    autumn = latest_due(entry(at="01:30"), NEW_YORK, local(NEW_YORK, "2026-11-01T12:00"))
    assert from_ms(autumn).astimezone(NEW_YORK).isoformat() == "2026-11-01T01:30:00-04:00"


def test_the_key_tells_guild_entry_and_window_apart() -> None:
    daily, weekly = entry(), entry(period="weekly")
    monday = local(SEOUL, "2026-02-16T00:00")
    keys = {due_key(GuildId(g), e, window_of(e, SEOUL, monday)) for g in (1, 2) for e in (daily, weekly)}
    assert len(keys) == 4
