"""After a start, what the first reports of big guilds are made of is read before anybody asks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import store.kept_rows
import store.tally
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD
from tracker.errors import DatabaseError
from tracker.events.channel import RoleDescribed
from tracker.events.member import MemberJoined
from tracker.events.rule import SettingsChanged
from tracker.ids import RoleId
from tracker.ingest.kept_reports import KeptReports
from tracker.ingest.reader import Reader
from tracker.ingest.warming import Warming
from tracker.reports.window import PERIODS, containing_moment

ROLE = RoleId(70)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """A guild of three with a report for a role each day."""
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    for user in (1, 2, 3):
        desk.ingest.accept(desk.fact(MemberJoined(name=f"member {user}"), user=user, channel=None))
    desk.ingest.accept(desk.fact(RoleDescribed(role_id=ROLE, name="Study"), user=None, channel=None))
    document = {"timezone": "Asia/Seoul", "reports": [{"role_id": str(ROLE), "period": "daily", "at": "09:00"}]}
    desk.ingest.accept(desk.fact(SettingsChanged(settings=document), user=None, channel=None))
    desk.clock.time += 1000
    assert await desk.ingest.flush()
    yield desk
    await desk.ingest.close(10)


async def test_the_first_reports_after_a_start_come_out_of_memory(desk: Desk) -> None:
    kept = KeptReports(desk.database, keep_from=3)
    reader = Reader(desk.database, desk.clock, kept)
    warming = Warming(reader, desk.ingest.sight, desk.clock)
    await warming.warm()
    zone = desk.ingest.sight.settings(GUILD).zone
    for role in (None, ROLE):
        for period in PERIODS:
            assert reader.keeps(GUILD, role, containing_moment(period, desk.clock.now(), zone))
            with store.tally.tally(desk.database) as asked:
                await reader.report(GUILD, role, period, None)
            assert not [text for text in asked.texts if "FROM daily" in text]
    assert (kept.figures()["hits"], kept.figures()["misses"]) == (6, 0)
    reader.close()


async def test_small_guilds_are_left_alone_and_so_is_everybody_once_there_is_no_room(desk: Desk) -> None:
    for kept in (KeptReports(desk.database, keep_from=4), KeptReports(desk.database, keep_from=0, most_bytes=0)):
        reader = Reader(desk.database, desk.clock, kept)
        await Warming(reader, desk.ingest.sight, desk.clock).warm()
        assert kept.figures()["bytes"] == 0
        reader.close()
    kept = KeptReports(desk.database, keep_from=0)
    reader = Reader(desk.database, desk.clock, kept)
    await Warming(reader, desk.ingest.sight, desk.clock, most_guilds=0).warm()
    assert kept.figures()["bytes"] == 0
    reader.close()


async def test_a_database_that_is_away_is_asked_again_by_whoever_wants_a_report(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    kept = KeptReports(desk.database, keep_from=0)
    reader = Reader(desk.database, desk.clock, kept)
    warming = Warming(reader, desk.ingest.sight, desk.clock)
    with monkeypatch.context() as patch:
        patch.setattr(store.kept_rows, "read_days", away)
        warming.start()
        await warming.close()
        await warming.warm()
    assert (await reader.report(GUILD, None, "monthly", None)).members == 3
    reader.close()
