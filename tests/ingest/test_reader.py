"""Reports come out of memory where they are kept, and out of the database where they are not; they say the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import store.tally
from store import queries
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD
from tracker.errors import NotFoundError
from tracker.events.member import MemberJoined
from tracker.events.rule import ExpAdjusted
from tracker.ids import GuildId, RoleId, UserId
from tracker.ingest.kept_reports import KeptReports
from tracker.ingest.reader import Reader
from tracker.reports.window import containing_moment


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    yield desk
    await desk.ingest.close(10)


async def told(desk: Desk, user: int) -> None:
    desk.ingest.accept(desk.fact(MemberJoined(name=f"member {user}"), user=user, channel=None))
    desk.ingest.accept(desk.fact(ExpAdjusted(amount=5, reason="", by=None), user=user, channel=None))
    desk.clock.time += 1000
    assert await desk.ingest.flush()


async def test_a_report_is_the_same_with_and_without_what_is_kept_and_true_after_each_flush(
    desk: Desk, database: Database
) -> None:
    kept = KeptReports(database, keep_from=0)
    desk.ingest.flushed.add(kept.flushed)
    desk.ingest.health.caches["reports"] = kept.figures
    readers = [Reader(database, desk.clock, kept), Reader(database, desk.clock)]
    for user in (1, 2, 3):
        await told(desk, user)
        window = containing_moment("weekly", desk.clock.now(), queries.settings_of(database, GUILD).zone)
        days = [await reader.report(GUILD, None, "daily", None) for reader in readers]
        weeks = [await reader.report_of(GUILD, None, window) for reader in readers]
        assert days[0] == days[1]
        assert weeks[0] == weeks[1]
        assert (days[0].members, days[0].sums.exp) == (user, 5 * user)
    with store.tally.tally(database) as asked:
        await readers[0].report(GUILD, None, "daily", None)
    assert not [text for text in asked.texts if "FROM daily" in text]
    found = desk.ingest.health.report(waiting=0)["caches"]
    assert isinstance(found, dict)
    assert (found["reports"]["hits"], found["reports"]["misses"]) == (5, 2)
    for reader in readers:
        reader.close()


async def test_who_asks_for_what_there_is_not_is_told_so(desk: Desk, database: Database) -> None:
    reader = Reader(database, desk.clock, KeptReports(database, keep_from=0))
    await told(desk, 1)
    with pytest.raises(NotFoundError, match="role"):
        await reader.report(GUILD, RoleId(99), "daily", None)
    with pytest.raises(NotFoundError, match="guild"):
        await reader.report(GuildId(99), None, "daily", None)
    assert list(await reader.read(lambda: queries.member_names(database, GUILD))) == [UserId(1)]
    reader.close()
