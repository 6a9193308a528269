"""The running bot compares its figures when it is time to, tells what it finds, and is not held up by it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psutil
import pytest

from store import verifications
from store.engine import Database
from store.verifications import Verification
from tests.ingest.support import START, Desk, make_desk
from tests.projections.history import GUILD, HOUR
from tracker.ids import Ms
from tracker.ingest.verifying import Verifying
from tracker.recurring import Recurring
from tracker.verify_worker import Verdict

DAILY = Recurring.parse("24h")


@dataclass
class Office:
    """A bot that compares each day, and whom it tells."""

    desk: Desk
    url: str
    told: list[tuple[Verdict, Ms]] = field(default_factory=list)
    verifying: Verifying = field(init=False)

    def start(self) -> None:
        """As after a start of the process."""
        self.verifying = Verifying(self.desk.database, self.url, self.desk.ingest, DAILY, self.tell)

    async def tell(self, verdict: Verdict, at: Ms) -> None:
        self.told.append((verdict, at))

    async def look_after(self, hours: int) -> object:
        """Look again so many hours later; what the health check then says of it."""
        self.desk.clock.time += hours * HOUR
        await self.verifying.look()
        return self.desk.ingest.health.report(waiting=0)["verified"]

    def spoil(self, by: int) -> None:
        with self.desk.database.write() as connection:
            connection.exec_driver_sql(f"UPDATE totals SET messages = messages + {by}")


@pytest.fixture
async def office(database: Database, database_url: str) -> AsyncIterator[Office]:
    desk = make_desk(database)
    desk.message(77)
    await desk.ingest.flush()
    office = Office(desk=desk, url=database_url)
    office.start()
    yield office
    await office.verifying.close()
    await desk.ingest.close(10)


def found(at: int, **more: object) -> dict[str, object]:
    return {"at": at, "events": 2, "differences": 0, "guilds": 0, "more": False, **more}


async def test_it_is_done_when_due_and_not_before(office: Office) -> None:
    assert await office.look_after(1) == {}
    assert await office.look_after(22) == {}
    assert await office.look_after(1) == found(START + 24 * HOUR)
    assert await office.look_after(1) == found(START + 24 * HOUR)
    assert await office.look_after(23) == found(START + 48 * HOUR)
    assert (office.told, office.verifying.pid) == ([], None)


async def test_a_difference_is_told_and_shown_by_the_health_check_until_it_is_mended(office: Office) -> None:
    office.spoil(1)
    assert await office.look_after(24) == found(START + 24 * HOUR, differences=1, guilds=1)
    ((verdict, at),) = office.told
    assert (at, [(g.guild_id, g.differences) for g in verdict.guilds]) == (START + 24 * HOUR, [(GUILD, 1)])
    health = office.desk.ingest.health
    assert health.trouble["figures"].startswith(
        "1 figures in 1 servers are not what the log says (compared at 2026-02-19T07:33:20Z); `tracker replay --verify`"
    )
    office.spoil(-1)
    await office.look_after(24)
    assert (health.well, len(office.told)) == (True, 1)


async def test_what_was_missed_while_the_bot_was_away_is_made_up_for_once_a_start_has_settled(office: Office) -> None:
    verifications.note(office.desk.database, Verification(at=Ms(START - 30 * HOUR), events=1))
    office.start()
    assert await office.look_after(0) == found(START - 30 * HOUR, events=1)
    office.desk.clock.time += 299_999
    assert await office.look_after(0) == found(START - 30 * HOUR, events=1)
    office.desk.clock.time += 1
    assert await office.look_after(0) == found(START + 300_000)
    office.start()
    assert await office.look_after(23) == found(START + 300_000)
    assert await office.look_after(1) == found(START + 300_000 + 24 * HOUR)


async def test_what_cannot_be_compared_is_tried_again_in_an_hour(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="tracker.verify")
    office.url = "sqlite:////nowhere/at/all.db"
    office.start()
    assert await office.look_after(24) == {}
    assert caplog.messages == [
        "the figures could not be compared with the log: database /nowhere/at/all.db is not there"
    ]
    assert office.desk.ingest.health.well
    await office.look_after(0)
    assert len(caplog.messages) == 1
    await office.look_after(1)
    assert len(caplog.messages) == 2


async def until_there_is_a_process(office: Office) -> int:
    async with asyncio.timeout(300):
        while (pid := office.verifying.pid) is None:
            await asyncio.sleep(0.01)
    return pid


async def test_the_loop_goes_on_meanwhile_and_closing_ends_the_process(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="tracker.verify")
    looking = asyncio.create_task(office.look_after(24))
    pid = await until_there_is_a_process(office)
    os.kill(pid, signal.SIGSTOP)  # so that it surely takes long
    office.desk.message(78)
    await office.desk.ingest.flush()
    await office.verifying.close()
    await looking
    assert (psutil.pid_exists(pid), office.verifying.pid, caplog.messages) == (False, None, [])
    assert await office.look_after(100) == {}


async def test_a_process_that_dies_is_no_verdict(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="tracker.verify")
    looking = asyncio.create_task(office.look_after(24))
    os.kill(await until_there_is_a_process(office), signal.SIGKILL)
    assert await looking == {}
    assert caplog.messages == [
        "the figures could not be compared with the log: the process that compares did not answer (DecodeError)"
    ]
