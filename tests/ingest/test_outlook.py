"""What is owed is counted now and then, and shown without asking the database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.engine import Database
from store.tally import tally
from tests.ingest.support import Desk, make_desk
from tests.store.support import CHANNEL, GUILD, START
from tests.store.test_outlook import member, owe
from tracker.ids import Ms
from tracker.ingest.outlook import Outlook
from tracker.ingest.reader import Reader

KINDS = ("report",)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = make_desk(database)
    yield desk
    await desk.ingest.close(10)


@pytest.fixture
async def outlook(desk: Desk) -> AsyncIterator[Outlook]:
    reader = Reader(desk.database, desk.clock)
    yield Outlook(desk.database, reader, desk.ingest.health)
    reader.close()


async def test_the_health_report_shows_what_was_counted_last_and_asks_nothing(desk: Desk, outlook: Outlook) -> None:
    owe(desk.database, "a", "blocked")
    assert desk.ingest.health.report(waiting=0)["outbox"] == {}
    before = outlook.anything_blocked
    await outlook.refresh()
    with tally(desk.database) as asked:
        report = desk.ingest.health.report(waiting=0)["outbox"]
        assert (before, outlook.anything_blocked) == (False, True)
    assert isinstance(report, dict)
    assert report["posts"] == {"pending": 0, "sent": 0, "failed": 0, "blocked": 1}
    assert asked.statements == 0


async def test_what_is_blocked_is_named_for_a_guild(desk: Desk, outlook: Outlook) -> None:
    owe(desk.database, "a", "blocked")
    member(desk.database, 5, "blocked")
    (guild,) = await outlook.blocked_by_guild(posts_since=Ms(0), kinds=KINDS, but_for=())
    assert guild == GUILD
    assert [m.user_id for m in await outlook.blocked_members(guild, but_for=(), limit=3)] == [5]
    assert [p.key for p in await outlook.blocked_posts(guild, since=START, kinds=KINDS, limit=3)] == ["a"]
    assert not await outlook.takes_posts(guild, CHANNEL)
