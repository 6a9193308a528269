"""Events that are handled at once: in order, without a task, and whatever a listener does."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import hikari
import pytest

from tracker.discord.gate import GatedEvents


def _manager() -> GatedEvents:
    nothing = cast("Any", None)  # neither decodes nor caches here
    return GatedEvents(nothing, nothing, hikari.Intents.NONE, auto_chunk_members=False)


def _resumed() -> hikari.ShardResumedEvent:
    return hikari.ShardResumedEvent(app=cast("Any", None), shard=cast("Any", None))


async def test_an_event_is_handled_before_dispatch_returns_and_without_a_task() -> None:
    events, seen = _manager(), []

    async def listener(event: hikari.Event) -> None:
        seen.append(event)

    events.hear(hikari.ShardResumedEvent, listener)
    first, second, tasks = _resumed(), _resumed(), len(asyncio.all_tasks())
    events.dispatch(first)
    events.dispatch(second)
    assert seen == [first, second]
    assert len(asyncio.all_tasks()) == tasks


async def test_whoever_waits_for_the_listeners_need_not_wait() -> None:
    events, seen = _manager(), []

    async def listener(event: hikari.Event) -> None:
        seen.append(event)

    events.hear(hikari.ShardResumedEvent, listener)
    await events.dispatch(_resumed(), return_tasks=True)
    assert len(seen) == 1


async def test_a_listener_that_fails_is_logged_and_the_gateway_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    events = _manager()

    async def listener(_: hikari.Event) -> None:
        raise ValueError("no")

    events.hear(hikari.ShardResumedEvent, listener)
    with caplog.at_level(logging.ERROR):
        events.dispatch(_resumed())
    assert "ShardResumedEvent could not be handled" in caplog.text


async def test_a_listener_that_awaits_is_a_mistake_that_shows() -> None:
    events = _manager()

    async def listener(_: hikari.Event) -> None:
        await asyncio.sleep(0)

    events.hear(hikari.ShardResumedEvent, listener)
    with pytest.raises(RuntimeError, match="awaited something"):
        events.dispatch(_resumed())


async def test_other_kinds_are_dispatched_as_hikari_does() -> None:
    events, seen = _manager(), asyncio.Event()

    async def listener(_: hikari.Event) -> None:
        await asyncio.sleep(0)
        seen.set()

    events.subscribe(hikari.ShardConnectedEvent, listener)
    events.dispatch(hikari.ShardConnectedEvent(app=cast("Any", None), shard=cast("Any", None)))
    async with asyncio.timeout(300):
        await seen.wait()
