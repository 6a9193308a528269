"""Starting, registering and leaving, when things do not go as they should."""

from __future__ import annotations

import asyncio

import hikari
import pytest

from tests.discord.wire import Wire
from tracker.discord.bot import INTENTS


async def test_only_what_counting_needs_is_asked_for(wire: Wire) -> None:
    await wire.start()
    (session,) = wire.sandbox.hub.sessions.values()
    assert int(session.intents) == int(INTENTS)
    assert not INTENTS & hikari.Intents.MESSAGE_CONTENT
    assert not INTENTS & hikari.Intents.GUILD_PRESENCES


async def test_commands_that_discord_does_not_take_are_offered_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tracker.discord.bot._FIRST_PAUSE_S", 0.001)
    wire.sandbox.faults.fail_rest(500, "/commands", times=1)
    await wire.start()
    await wire.front.registered()
    assert [c["name"] for c in wire.world.commands()] == ["report"]
    assert "Discord did not take the commands (HTTP 500)" in caplog.text


async def test_a_start_that_is_given_up_leaves_nothing_open(wire: Wire) -> None:
    delay = wire.sandbox.faults.delay_rest(30, "/gateway/bot")
    starting = asyncio.create_task(wire.front.start())
    async with asyncio.timeout(300):
        while not delay.hits:
            await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not wire.front._bot.is_alive


async def test_a_goodbye_that_takes_too_long_is_not_waited_for(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.start()
    monkeypatch.setattr("tracker.discord.bot._GOODBYE_S", 0.0)
    await wire.front.close()
    assert "leaving all the same" in caplog.text
    await wire.front._bot.join()


async def test_nothing_is_heard_once_leaving_has_begun(wire: Wire) -> None:
    await wire.start()
    await wire.front.close()
    before = len(wire.intake.events)
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.front.close()
    assert len(wire.intake.events) == before
