"""The roll of each guild's members: asked for in chunks after its snapshot, compared with who is known."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

import hikari

from tracker.discord import describe
from tracker.discord.sight import Intake
from tracker.events.envelope import Event
from tracker.ids import GuildId, UserId

__all__ = ["Roll"]

_LOG = logging.getLogger("tracker.discord.roll")


@dataclass(slots=True, kw_only=True)
class _Call:
    """One guild's roll call. `missing`: who is known and has not answered yet; None before the first chunk."""

    shard: hikari.api.GatewayShard
    nonce: str
    missing: set[UserId] | None = None


class Roll:
    """Asks for the members of one guild after the other, and turns what differs into events.

    hikari keeps the requests within the gateway's rate limit by making the caller wait, so they are sent by a task of
    their own. A call that was interrupted (the connection was replaced, Discord limited it) is made again.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._calls: dict[GuildId, _Call] = {}
        self._queue: asyncio.Queue[GuildId] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many guilds have not answered in full."""
        return len(self._calls)

    def calls(self, guild: GuildId) -> bool:
        """Whether the guild has not answered in full."""
        return guild in self._calls

    def call(self, shard: hikari.api.GatewayShard, guild: GuildId) -> None:
        """Ask for all members of the guild."""
        self._calls[guild] = _Call(shard=shard, nonce=os.urandom(8).hex())
        self._queue.put_nowait(guild)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="member roll call")

    def call_again(self, shard_id: int) -> None:
        """The shard's connection was replaced and resumed: requests may be lost, so make the open calls again."""
        for guild, call in list(self._calls.items()):
            if call.shard.id == shard_id:
                self.call(call.shard, guild)

    def limited(self, event: hikari.RequestGuildMembersRateLimitedEvent) -> None:
        """Discord wants the request for this guild later."""
        guild = GuildId(event.guild_id)
        call = self._calls.get(guild)
        if call is not None and event.nonce in (None, call.nonce):
            asyncio.get_running_loop().call_later(event.retry_after, self._retry, call, guild)

    def _retry(self, call: _Call, guild: GuildId) -> None:
        if self._calls.get(guild) is call:
            self.call(call.shard, guild)

    def drop(self, guild: GuildId) -> None:
        """The guild is not seen any more."""
        self._calls.pop(guild, None)

    def joined(self, guild: GuildId, user: UserId) -> None:
        """Somebody joined during the call: the chunks may have been made before."""
        call = self._calls.get(guild)
        if call is not None and call.missing is not None:
            call.missing.discard(user)

    def answered(self, event: hikari.MemberChunkEvent) -> Iterator[Event]:
        """One chunk: who is new or different; after the last one, who is gone."""
        guild = GuildId(event.guild_id)
        sight, now = self._intake.sight, self._intake.clock.now()
        for member in event.members.values():
            yield from describe.member(member, sight, now)
        call = self._calls.get(guild)
        if call is None or call.nonce != event.nonce:
            return
        if call.missing is None:
            call.missing = set(sight.members(guild))
        call.missing.difference_update(map(UserId, event.members))
        if event.chunk_index + 1 == event.chunk_count:
            del self._calls[guild]
            for user in sorted(call.missing):
                yield from describe.left(guild, user, sight, now)

    async def close(self) -> None:
        """Ask for nothing more."""
        self._calls.clear()
        if self._sender is not None:
            self._sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sender

    async def _send(self) -> None:
        while True:
            guild = await self._queue.get()
            call = self._calls.get(guild)
            if call is not None:
                await self._ask(call.shard, guild, call.nonce)

    async def _ask(self, shard: hikari.api.GatewayShard, guild: GuildId, nonce: str) -> None:
        try:
            await shard.request_guild_members(guild, nonce=nonce)
        except asyncio.CancelledError:
            # hikari cancels those who wait for the rate limit of a connection when it replaces the connection.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        except (hikari.ComponentStateConflictError, OSError, AssertionError):
            # The connection went away before or while we waited (then hikari asserts that there is one).
            _LOG.debug("could not ask for the members of guild %s: the shard is not connected", guild)
        # Whatever happened, READY or RESUMED brings an open call back.
