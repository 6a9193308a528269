"""The past of a guild is read beside everything else, once somebody asked about dates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

import store.kept_rows
import store.tally
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD
from tracker.errors import DatabaseError
from tracker.events.member import MemberJoined
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import DISCORD_EPOCH_MS
from tracker.ingest.histories import Histories
from tracker.ingest.kept_reports import KeptReports
from tracker.ingest.reader import Reader
from tracker.projections.days import DAY_MS, local_day, previous_day
from tracker.reports.window import Window, between


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """A guild of three, five days of whose past there is something of."""
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    for day in range(5):
        for user in (1, 2, 3):
            if not day:
                desk.ingest.accept(desk.fact(MemberJoined(name=f"member {user}"), user=user, channel=None))
            message = (desk.clock.now() - DISCORD_EPOCH_MS << 22) + user
            desk.ingest.accept(desk.fact(MessageSent(), user=user, id=message_sent_id(message)))
        desk.clock.time += DAY_MS
        assert await desk.ingest.flush()
    yield desk
    await desk.ingest.close(10)


def lately(desk: Desk) -> Window:
    """Three days of the past."""
    zone = desk.ingest.sight.settings(GUILD).zone
    last = previous_day(previous_day(local_day(zone, desk.clock.now()).day))
    return between(previous_day(previous_day(last)), last, zone)


async def test_who_asks_about_dates_has_the_past_read_for_whoever_asks_next(desk: Desk) -> None:
    kept = KeptReports(desk.database, keep_from=3)
    reader = Reader(desk.database, desk.clock, kept)
    histories, window = Histories(reader, every_s=0.01), lately(desk)
    histories.start()
    first = await reader.report_of(GUILD, None, window)
    assert first.sums.messages == 9
    async with asyncio.timeout(30):
        await histories.settled()
        while not kept.history.has(GUILD, window):
            await asyncio.sleep(0.01)
    others = between(previous_day(window.first_day), previous_day(window.last_day), window.zone)
    with store.tally.tally(desk.database) as asked:
        assert (await reader.report_of(GUILD, None, others)).sums.messages == 9
    assert not [text for text in asked.texts if "daily" in text]
    await histories.close()
    reader.close()


async def test_what_cannot_be_read_is_said_and_read_when_somebody_asks_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise DatabaseError("locked")

    kept = KeptReports(desk.database, keep_from=3)
    reader, window = Reader(desk.database, desk.clock, kept), lately(desk)
    histories = Histories(reader, every_s=0.01)
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        await reader.report_of(GUILD, None, between(window.last_day, window.last_day, window.zone))
        patch.setattr(store.kept_rows, "read_day", away)
        histories.start()
        async with asyncio.timeout(30):
            while "when somebody asks again: locked" not in caplog.text:
                await asyncio.sleep(0.01)
    assert not kept.history.has(GUILD, window)
    kept.history.want(GUILD, GUILD, window.zone)
    async with asyncio.timeout(30):
        while not kept.history.has(GUILD, window):
            await asyncio.sleep(0.01)
    assert not kept.history.missing(GUILD, window)
    await histories.close()
    reader.close()


async def test_a_reader_that_keeps_nothing_has_no_past_to_read(desk: Desk) -> None:
    reader = Reader(desk.database, desk.clock)
    assert not reader.lacks_history
    assert not await reader.read_history(0)
    histories = Histories(reader)
    await histories.settled()
    await histories.close()
    reader.close()
