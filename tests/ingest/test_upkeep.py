"""What nobody waits for is done while nobody waits for an answer, a little at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

import tracker.ingest.upkeep as upkeep_module
from tests.ingest.support import until
from tracker.ingest.calm import Calm
from tracker.ingest.upkeep import Upkeep
from tracker.ingest.writer import Writer


class Turns:
    """A writer whose turns are counted."""

    def __init__(self) -> None:
        self.taken = 0

    async def once(self, job: Callable[[], Any]) -> Any:
        self.taken += 1
        await asyncio.sleep(0)
        return job()


def upkeep_of(calm: Calm) -> tuple[Upkeep, Turns]:
    turns = Turns()
    return Upkeep(cast("Writer", turns), calm), turns


def test_where_nobody_waits_it_is_calm_at_once() -> None:
    calm = Calm(pause_s=300)
    assert calm.there
    asyncio.run(asyncio.wait_for(calm.come(300), 250))


async def test_calm_comes_when_the_last_one_has_their_answer() -> None:
    calm = Calm(pause_s=0)
    with calm.disturbed():
        with calm.disturbed():
            coming = asyncio.create_task(calm.come(300))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not calm.there
        assert not coming.done()
    await asyncio.wait_for(coming, 250)


async def test_calm_comes_a_moment_after_the_answer_because_it_is_still_to_be_worded() -> None:
    calm = Calm(pause_s=0.05)
    with calm.disturbed():
        pass
    ended = time.monotonic()
    await calm.come(300)
    assert time.monotonic() - ended >= 0.049


async def test_nobody_waits_for_calm_for_ever() -> None:
    calm = Calm()
    with calm.disturbed():
        await asyncio.wait_for(calm.come(0.01), 250)
        assert not calm.there


async def test_all_that_is_left_is_done_in_the_order_in_which_it_was_added() -> None:
    upkeep, _ = upkeep_of(Calm())
    left, done = {"a": 3, "b": 2}, list[str]()

    def step(name: str) -> bool:
        left[name] -= left[name] > 0
        done.append(name)
        return left[name] > 0

    upkeep.add(lambda: step("a"))
    upkeep.add(lambda: step("b"))
    upkeep.begin()
    await upkeep.done()
    assert done == ["a", "a", "a", "b", "b"]


async def test_it_stops_at_the_next_step_when_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "_SLICE_S", 300)  # it is the asker for whom it stops, on a busy machine too
    monkeypatch.setattr(upkeep_module, "_PATIENCE_S", 300)
    calm, turns_of_steps = Calm(pause_s=0), list[int]()
    upkeep, turns = upkeep_of(calm)
    asker = calm.disturbed()

    def step() -> bool:
        turns_of_steps.append(turns.taken)
        if len(turns_of_steps) == 2:
            asker.__enter__()
        return len(turns_of_steps) < 4

    upkeep.add(step)
    upkeep.begin()
    await until(lambda: len(turns_of_steps) == 2)
    asker.__exit__(None, None, None)
    await upkeep.done()
    assert turns_of_steps == [1, 1, 2, 2]


async def test_where_somebody_always_waits_it_takes_one_step_now_and_then() -> None:
    calm, turns_of_steps = Calm(), list[int]()
    upkeep, turns = upkeep_of(calm)

    def step() -> bool:
        turns_of_steps.append(turns.taken)
        return len(turns_of_steps) < 3

    upkeep.add(step)
    with calm.disturbed():
        upkeep.begin()
        await upkeep.done()
    assert turns_of_steps == [1, 2, 3]


async def test_a_step_that_fails_is_said_and_keeps_nothing_else_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    upkeep, _ = upkeep_of(Calm())
    done: list[str] = []

    def fails() -> bool:
        raise ValueError("no")

    def works() -> bool:
        done.append("b")
        return False

    upkeep.add(fails)
    upkeep.add(works)
    upkeep.begin()
    await upkeep.done()
    assert done == ["b"]
    assert "upkeep failed" in caplog.text


async def test_what_comes_while_it_ends_is_done_too() -> None:
    upkeep, turns = upkeep_of(Calm())

    def step() -> bool:
        if turns.taken == 1:
            upkeep.begin()
        return False

    upkeep.add(step)
    upkeep.begin()
    await upkeep.done()
    assert turns.taken == 2


async def test_closing_it_leaves_the_rest_undone() -> None:
    upkeep, turns = upkeep_of(Calm())
    upkeep.add(lambda: True)
    upkeep.begin()
    await until(lambda: turns.taken > 0)
    await upkeep.close()
    taken = turns.taken
    await asyncio.sleep(0)
    assert turns.taken == taken
