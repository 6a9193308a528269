"""The demo's day: the same for a seed, and playable."""

from __future__ import annotations

import pytest

from tracker.demo.cast import MEMBER, PEOPLE, STUDY
from tracker.demo.script import Step, write_script
from tracker.demo.timetable import CUT, EVENING, MIDNIGHT, NOON, START, at, pace, play_clock

SEEDS = range(1, 13)


def test_the_same_seed_gives_the_same_day() -> None:
    assert write_script(7) == write_script(7)


def test_another_seed_gives_another_day() -> None:
    assert write_script(7) != write_script(8)


def test_the_community_has_24_people_some_of_whom_study() -> None:
    assert len({person.username for person in PEOPLE}) == len({person.shown for person in PEOPLE}) == 24
    assert all(MEMBER in person.roles for person in PEOPLE)
    assert 0 < sum(STUDY in person.roles for person in PEOPLE) < 24


@pytest.mark.parametrize("seed", SEEDS)
def test_everyone_joins_before_moving_and_has_left_at_the_end(seed: int) -> None:
    connected: set[str] = set()
    for step in write_script(seed):
        if step.act == "join":
            assert step.who not in connected, step
            connected.add(step.who)
        elif step.act in ("move", "leave", "mute", "unmute", "stream"):
            assert step.who in connected, step
            if step.act == "leave":
                connected.remove(step.who)
    assert not connected


@pytest.mark.parametrize("seed", SEEDS)
def test_steps_come_in_order_and_only_when_the_clock_is_slow(seed: int) -> None:
    script = write_script(seed)
    assert list(script) == sorted(script, key=lambda step: step.at)
    assert all(START <= step.at < NOON or step.at > EVENING for step in script)


@pytest.mark.parametrize("seed", SEEDS)
def test_around_the_cut_only_what_is_shown_there_happens(seed: int) -> None:
    near = [step for step in write_script(seed) if CUT - 20_000 < step.at < CUT + 50_000]
    assert [step.act for step in near] == ["cut", "say", "say", "join", "say", "say"]


@pytest.mark.parametrize("seed", SEEDS)
def test_some_are_in_voice_at_midnight(seed: int) -> None:
    joined = {step.who for step in _between(seed, EVENING, MIDNIGHT) if step.act == "join"}
    left = {step.who for step in _between(seed, MIDNIGHT, at(25)) if step.act == "leave"}
    assert joined == left
    assert joined


def _between(seed: int, start: int, end: int) -> list[Step]:
    return [step for step in write_script(seed) if start <= step.at < end]


def test_the_clock_stands_still_at_first_and_runs_as_everywhere_at_last() -> None:
    clock = play_clock(1_000_000)
    assert clock.at(999_000) == clock.at(1_000_000) == START
    assert pace(clock, 1_000_000) > 500
    assert pace(clock, clock.real(at(24, 6)) + 1) == 1


def test_the_clock_is_slow_while_the_gateway_is_cut() -> None:
    clock = play_clock(1_000_000)
    assert pace(clock, clock.real(CUT)) <= 2


def test_the_day_fits_into_half_a_minute() -> None:
    clock = play_clock(0)
    assert clock.real(at(24, 6)) <= 30_000
