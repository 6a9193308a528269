"""Voice by the hour against a count minute by minute, and days of 23 and 25 hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.ids import Ms
from tracker.reports.chart_data import (
    QUARTER_MS,
    DaySum,
    PartSession,
    Quarter,
    Turn,
    hours_of_day,
    quarters_of,
    steps_by_day,
    week_of,
)
from tracker.reports.window import Window, between, containing

MINUTE, HOUR = 60_000, 3_600_000
SEOUL, NEW_YORK, KATHMANDU = (ZoneInfo(z) for z in ("Asia/Seoul", "America/New_York", "Asia/Kathmandu"))
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")

Session = tuple[int, int]


def turns_of(sessions: Sequence[Session], window: Window, end: int) -> list[Turn]:
    """As the database sums them up."""
    people, offsets = Counter[int](), Counter[int]()
    for began, ended in sessions:
        first, last = max(began, window.start), min(ended, end)
        for at, sign in ((first, 1), (last, -1)) if first < last else ():
            people[at // QUARTER_MS] += sign
            offsets[at // QUARTER_MS] += sign * (at % QUARTER_MS)
    return [Turn(quarter, people[quarter], offsets[quarter]) for quarter in people]


def quarters(window: Window, sessions: Sequence[Session], end: int | None = None) -> list[Quarter]:
    end = window.end if end is None else end
    return quarters_of(window.start, Ms(end), turns_of(sessions, window, end), [])


minutes = st.integers(-600, 3 * 24 * 60)
spans = st.lists(st.tuples(minutes, st.integers(1, 900)), max_size=12)


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        (SEOUL, 20260217, 20260218),
        (KATHMANDU, 20260217, 20260218),
        (NEW_YORK, 20260307, 20260308),  # 23 hours
        (NEW_YORK, 20261031, 20261101),  # 25 hours
        (LORD_HOWE, 20260404, 20260405),  # the clock goes back by half an hour
    ],
)
@given(drawn=spans, known=st.integers(1, 2 * 24 * 60))
def test_the_hours_of_the_week_are_what_a_count_of_every_minute_gives(
    zone: ZoneInfo, first: int, last: int, drawn: list[tuple[int, int]], known: int
) -> None:
    window = between(first, last, zone)
    end = min(window.end, window.start + known * MINUTE)
    sessions = [(window.start + m * MINUTE, window.start + (m + long) * MINUTE) for m, long in drawn]
    voice, length = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for minute in range(window.start, end, MINUTE):
        local = datetime.fromtimestamp(minute / 1000, zone)
        length[local.weekday(), local.hour] += MINUTE
        voice[local.weekday(), local.hour] += MINUTE * sum(began <= minute < ended for began, ended in sessions)
    week = week_of(zone, quarters(window, sessions, end))
    for day in range(7):
        for hour in range(24):
            cell = week[day][hour]
            assert (cell.voice_ms, cell.length_ms) == (voice[day, hour], length[day, hour])


@given(
    drawn=st.lists(st.tuples(st.integers(-HOUR, 30 * HOUR), st.integers(1, 9 * HOUR)), max_size=8),
    parts=st.lists(st.tuples(st.integers(0, 20 * HOUR), st.integers(1, 4 * HOUR), st.integers(0, HOUR)), max_size=4),
)
def test_no_millisecond_is_lost_or_counted_twice(
    drawn: list[tuple[int, int]], parts: list[tuple[int, int, int]]
) -> None:
    window = containing("daily", 20260218, SEOUL)
    sessions = [(window.start + at, window.start + at + long) for at, long in drawn]
    partly = [
        PartSession(Ms(window.start + at), Ms(window.start + at + long), Ms(min(long, voice)))
        for at, long, voice in parts
    ]
    found = quarters_of(window.start, window.end, turns_of(sessions, window, window.end), partly)
    inside = sum(max(0, min(e, window.end) - max(b, window.start)) for b, e in sessions)
    assert sum(q.voice_ms for q in found) == inside + sum(p.voice_ms for p in partly)
    assert [q.start for q in found[1:]] == [q.end for q in found[:-1]]
    assert (found[0].start, found[-1].end) == (window.start, window.end)


def test_a_session_that_is_partly_tracked_is_spread_over_its_time_and_cut_to_the_window() -> None:
    window = containing("daily", 20260218, SEOUL)
    part = PartSession(Ms(window.start - HOUR), Ms(window.start + HOUR), 20 * MINUTE)
    found = quarters_of(window.start, window.end, [], [part, PartSession(window.start, window.start, 5)])
    assert [q.voice_ms for q in found[:5]] == [150_000, 150_000, 150_000, 150_000, 0]


@pytest.mark.parametrize(
    ("day", "length", "hour", "voice"), [(20260308, 23, 2, 0), (20261101, 25, 1, 2 * HOUR), (20260309, 24, 2, HOUR)]
)
def test_an_hour_that_the_clock_skips_has_nothing_and_one_that_it_shows_twice_has_both(
    day: int, length: int, hour: int, voice: int
) -> None:
    window = containing("daily", day, NEW_YORK)
    assert window.end - window.start == length * HOUR
    steps = hours_of_day(window, quarters(window, [(window.start, window.end)]))
    assert [step.hour for step in steps] == list(range(24))
    assert steps[hour].voice_ms == voice
    assert sum(step.voice_ms for step in steps) == length * HOUR
    assert {step.messages for step in steps} == {None}


def test_hours_end_where_the_figures_do() -> None:
    window = containing("daily", 20260218, SEOUL)
    steps = hours_of_day(window, quarters(window, [(window.start, window.end)], window.start + 90 * MINUTE))
    assert [(step.hour, step.voice_ms) for step in steps] == [(0, HOUR), (1, HOUR // 2)]
    assert hours_of_day(window, quarters(window, [], window.start)) == ()


def test_days_are_those_that_have_begun_with_nothing_where_there_was_nothing() -> None:
    window = containing("weekly", 20260218, SEOUL)
    sums = {20260217: DaySum(day=20260217, voice_ms=5, messages=2)}
    steps = steps_by_day(window, 20260218, sums)
    assert [(s.day, s.voice_ms, s.messages) for s in steps] == [(20260216, 0, 0), (20260217, 5, 2), (20260218, 0, 0)]
    assert len(steps_by_day(window, 20991231, sums)) == 7
    assert steps_by_day(window, 20260101, sums) == ()
