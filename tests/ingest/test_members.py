"""Asking who is due costs nothing while nothing is owed, and misses nothing."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

import store.member_sync
import store.tally
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import Ms, UserId
from tracker.ingest.members import Members
from tracker.ingest.reader import Reader

TIER = {"name": "Bronze", "role_id": "77", "min_level": 1}


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    yield desk
    await desk.ingest.close(10)


async def owe(desk: Desk, user: int) -> None:
    desk.ingest.accept(desk.fact(SettingsChanged(settings={"tiers": {"list": [TIER]}}), user=None, channel=None))
    desk.ingest.accept(desk.fact(ExpAdjusted(amount=100, reason="", by=UserId(9)), user=user, channel=None))
    desk.clock.time += 1000
    assert await desk.ingest.flush()


async def test_the_database_is_asked_once_after_each_flush_and_not_between(desk: Desk, database: Database) -> None:
    members = Members(database, desk.ingest)
    with store.tally.tally(database) as asked:
        for _ in range(5):
            assert list(await members.due_guilds(desk.clock.now())) == []
        assert asked.statements == 1
    await owe(desk, 1)
    assert list(await members.due_guilds(desk.clock.now())) == [GUILD]


async def test_what_is_owed_later_is_found_when_its_time_has_come(desk: Desk, database: Database) -> None:
    members = Members(database, desk.ingest)
    await owe(desk, 1)
    (sync,) = await members.due(GUILD, desk.clock.now(), limit=5)
    await members.mark_failed(sync, "HTTP 503", Ms(desk.clock.now() + 5_000))
    for ahead, found in ((0, []), (4_999, []), (5_000, [GUILD])):
        assert list(await members.due_guilds(Ms(desk.clock.now() + ahead))) == found


async def test_a_guild_that_is_put_off_and_one_that_is_woken_are_found_in_time(desk: Desk, database: Database) -> None:
    members = Members(database, desk.ingest)
    await owe(desk, 1)
    members.postpone(GUILD, Ms(desk.clock.now() + 5_000))
    for ahead, found in ((0, []), (4_999, []), (5_000, [GUILD])):
        assert list(await members.due_guilds(Ms(desk.clock.now() + ahead))) == found
    (sync,) = await members.due(GUILD, Ms(desk.clock.now() + 5_000), limit=5)
    await members.mark_blocked(sync, "too high", managed=False, set_nick=None)
    assert list(await members.due_guilds(Ms(desk.clock.now() + 5_000))) == []
    assert await members.retry_blocked(GUILD) == 1
    assert list(await members.due_guilds(desk.clock.now())) == [GUILD]


async def test_what_only_reads_does_not_hold_up_the_writer(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(database, desk.clock)
    members = Members(database, desk.ingest, reader)
    await owe(desk, 1)
    threads: list[str] = []
    for name in ("desired", "counts", "blocked"):
        ask = getattr(store.member_sync, name)

        def noted(*args: Any, ask: Any = ask, **options: Any) -> Any:
            threads.append(threading.current_thread().name)
            return ask(*args, **options)

        monkeypatch.setattr(store.member_sync, name, noted)
    assert list(await members.desired(GUILD)) == [1]
    assert await members.counts(GUILD) == {"pending": 1}
    assert list(await members.blocked(GUILD)) == []
    assert [name.startswith("reader") for name in threads] == [True] * 3
    reader.close()
