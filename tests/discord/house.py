"""The town with the real ingest, the real client and the sandbox; and, with boards, people who ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tests.discord.wire import Town
from tests.ingest.support import Desk, make_desk
from tracker.discord.bot import Front
from tracker.events.envelope import Data, Event
from tracker.events.voice import VoiceLeft
from tracker.ids import ChannelId, Ms, UserId, mint_event_id
from tracker.ingest.boards import Boards
from tracker.ingest.kept_boards import KeptBoards
from tracker.ingest.reader import Reader
from tracker.ingest.unwritten import Unwritten
from tracker.sandbox import Channel, InteractionCall, Member, Message, Role, Sandbox, User

__all__ = ["LIMITS", "BoardHouse", "House", "check_embed", "units", "until"]

Options = Mapping[str, str | int | float | bool | Role | Member | User | Channel]
LIMITS = {"title": 256, "description": 4096, "name": 256, "value": 1024, "footer": 2048, "all": 6000}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what comes through the gateway. Raises TimeoutError after five minutes."""
    async with asyncio.timeout(300):
        while not condition():
            await asyncio.sleep(0.005)  # the real ingest has no one to tell


class House(Town):
    """The town, kept in a database."""

    def __init__(self, desk: Desk, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.desk = desk
        self.front = self.new_front()

    def new_front(self) -> Front:
        desk = self.desk
        reader = Reader(desk.database, desk.clock)
        return Front(token=self.sandbox.token, intake=desk.ingest, reader=reader, rest_url=self.sandbox.rest_url)

    async def come_up(self, members: int) -> None:
        """Start, and wait until so many members are known."""
        self.desk.ingest.start()
        await self.front.start()
        await until(lambda: len(list(self.desk.ingest.sight.members(self.guild_id))) >= members)

    async def go_down(self) -> None:
        """Leave as a process does."""
        await self.front.close()
        assert await self.desk.ingest.close(10)

    def next_process(self) -> None:
        """Another process on the same database, 30 s later."""
        time = self.desk.clock.time + 30_000
        self.desk = make_desk(self.desk.database, commit_ms=0)
        self.desk.clock.time = time
        self.desk.ingest.gone(self.desk.ingest.sight.guilds(), Ms(0))
        self.front = self.new_front()

    def lefts(self) -> list[Event]:
        return [e for e in self.desk.logged(self.guild_id) if e.data == VoiceLeft(reason="outage")]

    def in_voice(self) -> dict[int, int | None]:
        sight = self.desk.ingest.sight
        return {u: sight.channel_of(self.guild_id, u) for u in sight.in_voice(self.guild_id)}


class BoardHouse(House):
    """A house whose members may ask for boards."""

    def new_front(self) -> Front:
        desk = self.desk
        reader = Reader(desk.database, desk.clock)
        kept = KeptBoards(desk.database, keep_from=0)  # every board, from the second time on that it is asked for
        unwritten = Unwritten(desk.database)
        for told in (kept, unwritten):
            desk.ingest.flushed.add(told.flushed)
            desk.ingest.looked.add(told.looked)
        return Front(
            token=self.sandbox.token,
            intake=desk.ingest,
            reader=reader,
            boards=Boards(desk.database, desk.clock, reader, kept, unwritten),
            rest_url=self.sandbox.rest_url,
        )

    async def open(self, members: int = 2) -> None:
        """Come up, with the commands registered."""
        await self.come_up(members)
        await self.front.registered()

    async def without(self, member: Member) -> None:
        """Wait until it is known that the member is gone."""
        await until(lambda: self.desk.ingest.sight.member(self.guild_id, UserId(member.id)) is None)

    async def in_rooms(self, count: int) -> None:
        """Wait until so many are in voice."""
        await until(lambda: len(self.in_voice()) == count)

    def fact(self, data: Data, user: Member | None = None, channel: Channel | None = None) -> None:
        """Something that the gateway did not say."""
        now = self.desk.clock.now()
        self.desk.ingest.accept(
            Event(
                id=mint_event_id(now),
                guild_id=self.guild_id,
                user_id=None if user is None else UserId(user.id),
                channel_id=None if channel is None else ChannelId(channel.id),
                occurred_at=now,
                data=data,
            )
        )

    async def ask(
        self, who: Member, command: str, options: Options | None = None, *, locale: str = "en-US"
    ) -> tuple[Message, InteractionCall]:
        """The answer to a command."""
        return await self.answer(self.world.use_command(who, self.text, command, options, locale=locale))

    async def press(
        self, who: Member, message: Message, button: str, *, locale: str = "en-US"
    ) -> tuple[Message, InteractionCall]:
        """The message after a button was pressed."""
        call = self.world.press_button(who, message, button, locale=locale)
        await call.acknowledged()
        if call.deferred:  # the message was there, and edited, before
            await call.until(lambda: call.revision >= 2, 15)
        return await self.answer(call)

    async def answer(self, call: InteractionCall) -> tuple[Message, InteractionCall]:
        message = await call.answered()
        assert message is not None
        assert call.acknowledged_ms is not None
        assert call.acknowledged_ms < 3000
        assert not call.errors
        return message, call


def units(value: str) -> int:
    """UTF-16 units."""
    return len(value.encode("utf-16-le")) // 2


def check_embed(embed: Mapping[str, Any]) -> None:
    """Raises AssertionError where Discord would refuse the embed, counted in UTF-16 units."""
    parts = [("title", embed["title"]), ("description", embed.get("description", ""))]
    parts.append(("footer", embed.get("footer", {}).get("text", "")))
    fields = embed.get("fields", [])
    assert len(fields) <= 25
    for field in fields:
        parts += [("name", field["name"]), ("value", field["value"])]
        assert field["name"]
        assert field["value"]
    for kind, value in parts:
        assert units(value) <= LIMITS[kind], (kind, value)
    assert sum(units(value) for _, value in parts) <= LIMITS["all"]
