"""Every refused login is one sentence that says what to do, without the token in it."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
from collections.abc import AsyncIterator

import pytest

from tests.discord.intake import FoldIntake
from tests.discord.wire import CannedReader, Wire
from tracker.discord.bot import Front
from tracker.errors import LoginError
from tracker.sandbox import Sandbox, SandboxOptions

SECRET = "c2VjcmV0"


def token_of(user: int) -> str:
    return f"{base64.b64encode(str(user).encode()).decode()}.{SECRET}.{SECRET}"


@pytest.fixture
async def refusing(intake: FoldIntake) -> AsyncIterator[Sandbox]:
    options = SandboxOptions(members_intent_granted=False)
    async with Sandbox(options, clock=intake.clock) as sandbox:
        yield sandbox


async def refused(front: Front) -> str:
    with pytest.raises(LoginError) as caught:
        await front.start()
    assert caught.value.exit_code == 2
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_a_wrong_token_says_where_to_get_another(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = await refused(wire.new_front(token=token_of(wire.world.bot.id)))
    assert "Reset Token" in said
    assert "DISCORD_TOKEN" in said
    assert SECRET not in said + caplog.text
    assert "Traceback" not in caplog.text


def test_a_token_that_can_be_none_is_refused_before_anything_is_sent(intake: FoldIntake) -> None:
    with pytest.raises(LoginError, match="Reset Token") as caught:
        Front(token="notatoken", intake=intake, reader=CannedReader())
    assert "notatoken" not in str(caught.value)


async def test_the_missing_members_intent_says_which_switch(
    intake: FoldIntake, refusing: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(intake, refusing)
    said = await refused(wire.front)
    assert "Server Members Intent" in said
    assert "Privileged Gateway Intents" in said
    assert "https://discord.com/developers/applications" in said
    assert "Traceback" not in caplog.text
    assert refusing.token not in caplog.text


async def test_a_token_that_the_gateway_refuses_is_a_wrong_one(wire: Wire) -> None:
    wire.world.token = token_of(wire.world.bot.id)
    assert "Reset Token" in await refused(wire.new_front(token=token_of(wire.world.bot.id) + "x"))


async def test_a_server_that_is_away_is_said_to_be(wire: Wire) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api/v10"
        said = await refused(wire.new_front(rest_url=url))
    assert url in said
    assert "cannot be reached" in said


async def test_a_server_that_fails_is_said_to_refuse(wire: Wire) -> None:
    wire.sandbox.faults.fail_rest(403, "/gateway/bot")
    assert "HTTP 403" in await refused(wire.front)


async def test_too_many_logins_are_said_to_be(intake: FoldIntake) -> None:
    async with Sandbox(SandboxOptions(session_start_total=0), clock=intake.clock) as sandbox:
        assert "no more logins today" in await refused(Wire(intake, sandbox).front)


async def test_a_token_that_is_reset_later_ends_the_wait(wire: Wire) -> None:
    await wire.start()
    waiting = asyncio.create_task(wire.front.wait())
    wire.sandbox.faults.close(4004)
    with pytest.raises(LoginError, match="Reset Token"):
        await waiting


async def test_a_front_that_is_closed_ends_the_wait(wire: Wire) -> None:
    await wire.start()
    waiting = asyncio.create_task(wire.front.wait())
    await asyncio.sleep(0)
    await wire.front.close()
    await waiting
    assert not waiting.cancelled()


async def test_closing_twice_or_unstarted_is_harmless(wire: Wire) -> None:
    await wire.front.close()
    await wire.front.close()
    assert wire.sandbox.counters.connects == 0


async def test_a_server_that_does_not_say_goodbye_is_not_waited_for(wire: Wire) -> None:
    await wire.start()
    wire.sandbox.faults.pause_gateway()
    started = asyncio.get_running_loop().time()
    await wire.front.close()
    assert asyncio.get_running_loop().time() - started < 4
    wire.sandbox.faults.resume_gateway()
