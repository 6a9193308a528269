"""The front-end with the real ingest behind it, down to the tables of a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from store.engine import Database
from tests.discord.wire import Town
from tests.ingest.support import Desk, make_desk
from tracker.discord.bot import Front
from tracker.events.envelope import Event
from tracker.events.voice import VoiceLeft
from tracker.ids import Ms, UserId
from tracker.ingest.reader import Reader
from tracker.sandbox import Member, Sandbox


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


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what comes through the gateway. Raises TimeoutError after 20 s."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)  # the real ingest has no one to tell


@pytest.fixture
def desk(database: Database) -> Desk:
    return make_desk(database, commit_ms=0)


async def crowd(house: House, count: int) -> list[Member]:
    return [house.world.add_member(house.guild, f"member{n}") for n in range(count)]


async def test_five_hundred_at_once_are_all_counted_and_found_again(desk: Desk) -> None:
    async with Sandbox(clock=desk.clock) as sandbox:
        house = House(desk, sandbox)
        people = await crowd(house, 500)
        await house.come_up(502)
        for person in people:
            house.world.join_voice(person, house.talk)
        await until(lambda: len(house.in_voice()) == 500)
        house.desk.clock.time += 60_000
        for person in people[:100]:
            house.world.move_voice(person, house.study)
        for person in people[100:200]:
            house.world.leave_voice(person)
        await until(lambda: len(house.in_voice()) == 400)
        await house.go_down()
        house.desk.check()

        house.next_process()
        assert len(house.in_voice()) == 400
        for person in people[:50]:
            house.world.leave_voice(person)
        house.world.join_voice(people[150], house.study)
        await house.come_up(502)
        await until(lambda: len(house.in_voice()) == 351)
        assert house.in_voice()[UserId(people[150].id)] == house.study.id
        assert house.in_voice()[UserId(people[300].id)] == house.talk.id
        await house.go_down()
        house.desk.check()
        assert len(house.lefts()) == 50


async def test_a_report_holds_what_happened_right_before_it_was_asked_for(desk: Desk) -> None:
    async with Sandbox(clock=desk.clock) as sandbox:
        house = House(desk, sandbox)
        await house.come_up(2)
        await house.front.registered()
        house.world.join_voice(house.ana, house.talk)
        await until(lambda: len(house.in_voice()) == 1)
        house.desk.clock.time += 2 * 3_600_000 + 300_000
        call = house.world.use_command(
            house.minjun, house.text, "report", {"role": house.role, "period": "weekly"}, locale="ko"
        )
        message = await call.answered()
        assert message is not None
        assert message.embeds, message.content
        shown = str(message.embeds[0])
        assert "2시간 5분" in shown
        assert "Ana" in shown
        await house.go_down()
        house.desk.check()
