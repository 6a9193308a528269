"""Asking for what is due costs nothing while nothing is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from store.engine import Database
from store.tally import tally
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD, MINUTE
from tracker.events.member import MemberJoined
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import MessageId, Ms, UserId
from tracker.ingest.posts import Posts


@dataclass
class Office:
    desk: Desk
    posts: Posts

    @property
    def now(self) -> Ms:
        return self.desk.clock.now()

    async def owe(self, key: str) -> None:
        await self.posts.owe_post(GUILD, None, kind="report", key=key, payload="{}")

    async def keys(self) -> list[str]:
        return [owed.key for owed in await self.posts.due(self.now)]


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    desk = make_desk(database)
    yield Office(desk=desk, posts=Posts(database, desk.ingest))
    await desk.ingest.close(10)


async def test_when_nothing_is_owed_the_database_is_asked_once(office: Office) -> None:
    assert await office.keys() == []
    with tally(office.desk.database) as asked:
        for _ in range(10):
            assert await office.keys() == []
    assert asked.statements == 0


async def test_what_is_owed_after_that_is_due(office: Office) -> None:
    assert await office.keys() == []
    await office.owe("a")
    assert await office.keys() == ["a"]


async def test_what_failed_is_due_again_at_its_time(office: Office) -> None:
    await office.owe("a")
    (owed,) = await office.posts.due(office.now)
    await office.posts.mark_failed(owed, "no", Ms(office.now + MINUTE))
    assert await office.keys() == []
    office.desk.clock.time += MINUTE - 1
    with tally(office.desk.database) as asked:
        assert await office.keys() == []
    assert asked.statements == 0
    office.desk.clock.time += 1
    assert await office.keys() == ["a"]


async def test_what_is_sent_is_due_no_more(office: Office) -> None:
    await office.owe("a")
    (owed,) = await office.posts.due(office.now)
    await office.posts.mark_sent(owed, MessageId(7))
    assert await office.keys() == []


async def test_what_a_flush_owes_is_found_at_once(office: Office) -> None:
    assert await office.keys() == []
    announced = {"announcements": {"mode": "channel", "channel_id": "5"}}
    office.desk.ingest.accept(office.desk.fact(SettingsChanged(settings=announced), None, None))
    await office.desk.ingest.flush()
    assert await office.keys() == []
    office.desk.ingest.accept(office.desk.fact(ExpAdjusted(amount=100, reason="", by=UserId(9)), 1, None))
    await office.desk.ingest.flush()
    office.desk.clock.time += MINUTE
    assert await office.keys() == [f"level:{GUILD}:1:1"]


async def test_what_is_dropped_is_due_no_more(office: Office) -> None:
    await office.owe("a")
    (owed,) = await office.posts.due(office.now)
    await office.posts.mark_dropped(owed, "not wanted")
    assert await office.keys() == []


async def test_a_member_is_called_what_they_are_known_by(office: Office) -> None:
    office.desk.ingest.accept(office.desk.fact(MemberJoined(bot=False, name="민준"), 1, None))
    await office.desk.ingest.flush()
    assert await office.posts.member_name(GUILD, UserId(1)) == "민준"
    assert await office.posts.member_name(GUILD, UserId(2)) is None
