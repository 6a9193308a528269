"""The roll call survives what connections do to it."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import hikari
import pytest

from tests.discord.intake import FoldIntake
from tests.discord.wire import Wire
from tracker.discord.roll import Roll
from tracker.ids import GuildId


class Shard:
    """Fails once with `failure`, then notes who was asked for."""

    id = 0

    def __init__(self, failure: BaseException) -> None:
        self.failures = [failure]
        self.asked: asyncio.Queue[int] = asyncio.Queue()

    async def request_guild_members(self, guild: int, **_: Any) -> None:
        if self.failures:
            raise self.failures.pop()
        self.asked.put_nowait(guild)


@pytest.mark.parametrize(
    "failure",
    [asyncio.CancelledError(), AssertionError(), ConnectionResetError(), hikari.ComponentStateConflictError("away")],
)
async def test_a_lost_request_does_not_end_the_asking(failure: BaseException) -> None:
    roll, shard = Roll(FoldIntake()), Shard(failure)
    made: Any = shard
    roll.call(made, GuildId(1))
    roll.call(made, GuildId(2))
    assert await asyncio.wait_for(shard.asked.get(), 300) == 2
    roll.call_again(0)
    assert {await asyncio.wait_for(shard.asked.get(), 300) for _ in range(2)} == {1, 2}
    await roll.close()


async def test_a_limited_request_is_made_again_when_discord_says(wire: Wire) -> None:
    await wire.start()
    roll: Roll = wire.front._listeners._roll
    shard = Shard(ConnectionResetError())
    made: Any = shard
    roll.call(made, wire.guild_id)
    nonce = roll._calls[wire.guild_id].nonce
    event = Mock(guild_id=wire.guild_id, nonce=nonce, retry_after=0.01)
    roll.limited(event)
    assert await asyncio.wait_for(shard.asked.get(), 300) == wire.guild_id


async def test_closing_ends_the_asking() -> None:
    roll = Roll(FoldIntake())
    shard: Any = Shard(ConnectionResetError())
    roll.call(shard, GuildId(1))
    await roll.close()
    assert roll.waiting == 0
