"""The front-end with the real ingest behind it, down to the tables of a real database."""

from __future__ import annotations

import pytest

from store.engine import Database
from tests.discord.house import House, until
from tests.ingest.support import Desk, make_desk
from tracker.ids import UserId
from tracker.sandbox import Member, Sandbox


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
