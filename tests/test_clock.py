"""Clocks and instants."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.clock import PlayClock, SystemClock, from_ms, to_ms
from tracker.errors import ConfigError

POINTS = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=5).map(
    lambda steps: tuple(
        (sum(a for a, _ in steps[: i + 1]), sum(b for _, b in steps[: i + 1])) for i in range(len(steps))
    )
)


@given(ms=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_instants_survive_the_way_to_a_datetime_and_back(ms: int) -> None:
    moment = from_ms(ms)
    assert moment.tzinfo is UTC
    assert to_ms(moment) == ms
    assert to_ms(moment + timedelta(microseconds=999)) == ms


def test_the_offset_of_a_datetime_counts_and_a_naive_one_has_no_instant() -> None:
    assert to_ms(datetime(2026, 2, 18, 15, 16, 52, tzinfo=timezone(timedelta(hours=9)))) == 1_771_395_412_000
    with pytest.raises(ValueError, match="naive"):
        to_ms(datetime(2026, 2, 18))  # noqa: DTZ001


def test_the_system_clock_tells_the_machines_time() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= SystemClock().now() <= time.time_ns() // 1_000_000


def test_a_play_clock_stands_still_then_runs_through_its_points_then_keeps_the_machines_pace() -> None:
    clock = PlayClock.parse("1000:50000,2000:110000,4000:111000")
    assert [clock.at(t) for t in (0, 1000, 1001, 1500, 2000, 3000, 4000, 9000)] == [
        50_000, 50_000, 50_060, 80_000, 110_000, 110_500, 111_000, 116_000,
    ]  # fmt: skip


def test_a_play_clock_now_is_its_time_at_the_machines_now() -> None:
    clock = PlayClock.parse("0:5")
    before = time.time_ns() // 1_000_000
    assert before + 5 <= clock.now() <= time.time_ns() // 1_000_000 + 5


@given(points=POINTS)
def test_a_play_clock_is_its_text(points: tuple[tuple[int, int], ...]) -> None:
    clock = PlayClock(points=points)
    assert PlayClock.parse(clock.text()) == clock


@given(points=POINTS, a=st.integers(0, 10**7), b=st.integers(0, 10**7))
def test_a_play_clock_never_goes_back(points: tuple[tuple[int, int], ...], a: int, b: int) -> None:
    clock = PlayClock(points=points)
    assert clock.at(min(a, b)) <= clock.at(max(a, b))


@given(points=POINTS, ahead=st.integers(0, 10**7))
def test_the_real_instant_of_a_played_one_is_the_first_that_shows_it(
    points: tuple[tuple[int, int], ...], ahead: int
) -> None:
    clock = PlayClock(points=points)
    played = points[0][1] + ahead
    real = clock.real(played)
    assert clock.at(real) >= played
    assert ahead == 0 or clock.at(real - 1) < played


@pytest.mark.parametrize("text", ["", "5", "a:b", "1:2:3", "1:2,1:3", "1:2,2:2", "5:5,1:9", "1.5:2", "1:2,"])
def test_a_play_clock_refuses_anything_else(text: str) -> None:
    with pytest.raises(ConfigError, match="TRACKER_CLOCK"):
        PlayClock.parse(text)
