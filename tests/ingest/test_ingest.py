"""Events on their way into the log and the read models, on a real database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import store.engine
import store.lease
import store.log
import store.state
from store.engine import Database
from tests.ingest.support import Desk, make_desk, until
from tests.projections.history import GUILD, MINUTE
from tests.servers import PostgresServer
from tracker.errors import DatabaseError
from tracker.events.member import MemberOptedOut
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.ticks import TrackerLost
from tracker.events.voice import VoiceJoined
from tracker.ids import Ms


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = make_desk(database, commit_ms=5)
    yield desk
    await desk.ingest.close(10)


async def test_a_group_commit_makes_events_durable_without_being_asked(desk: Desk) -> None:
    desk.ingest.start()
    desk.join()
    desk.message(1001)
    await until(lambda: desk.ingest.waiting == 0)
    assert [e.type for e in desk.logged()] == ["voice.joined", "message.sent"]


async def test_a_full_group_is_committed_before_its_time(database: Database) -> None:
    desk = make_desk(database, commit_ms=60_000, commit_events=3)
    desk.ingest.start()
    for message in (1001, 1002):
        desk.message(message)
    await asyncio.sleep(0.05)
    assert desk.ingest.waiting == 2
    desk.message(1003)
    await until(lambda: desk.ingest.waiting == 0)
    await desk.ingest.close(10)


async def test_a_flush_writes_what_a_fresh_fold_of_the_log_gives(desk: Desk) -> None:
    desk.join(1)
    desk.clock.time += 7 * MINUTE
    desk.message(1001, 2)
    assert await desk.ingest.flush()
    desk.clock.time += 4 * MINUTE
    desk.leave(1)
    desk.join(2)
    desk.clock.time += MINUTE
    assert await desk.ingest.flush()
    desk.check()
    assert desk.ingest.health.last_flush_at == desk.clock.now()


async def test_a_restart_goes_on_where_the_log_ends(desk: Desk) -> None:
    desk.join(1)
    await desk.ingest.flush()
    desk.clock.time += 3 * MINUTE
    desk.message(1001)
    await desk.ingest.commit()  # durable, but not flushed: the tail that recovery folds
    again = make_desk(desk.database)
    again.clock.time = desk.clock.time + MINUTE
    again.message(1002)
    await again.ingest.flush()
    again.check()
    assert again.ingest.sight.channel_of(GUILD, 1) == 10  # type: ignore[arg-type]


async def test_an_event_never_goes_back_in_time(desk: Desk) -> None:
    desk.join(1)
    before = desk.clock.now()
    desk.clock.time -= 5000
    desk.message(1001)
    await desk.ingest.flush()
    assert [e.occurred_at for e in desk.logged()] == [before, before]
    desk.message(1002)  # the tick came to `before` + something: nothing may slip in behind it
    await desk.ingest.flush()
    desk.check()


async def test_what_the_gateway_sends_twice_counts_once(desk: Desk) -> None:
    for _ in range(3):
        desk.message(1001)
    await desk.ingest.flush()
    assert len(desk.logged()) == 1


async def test_an_event_that_the_log_has_already_is_not_counted_again(desk: Desk) -> None:
    """Another process (an import, an earlier life) appended it: the fold must follow the log, not its own memory."""
    early = desk.fact(MessageSent(), 1, 20, id=message_sent_id(1001))
    store.log.append(desk.database, [early], recorded_at=desk.clock.now())
    fresh = make_desk(desk.database)
    fresh.clock.time += MINUTE
    fresh.message(1001)
    fresh.message(1002, 2)
    await fresh.ingest.flush()
    fresh.check()
    assert [e.id for e in fresh.logged()] == ["message:1001", "message:1002"]
    assert fresh.ingest.sight.guilds() == [GUILD]


async def test_an_append_whose_acknowledgement_was_lost_is_not_counted_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = store.log.append, []

    def append(*args: object, **kwargs: object) -> object:
        result = plain(*args, **kwargs)  # type: ignore[arg-type]
        calls.append(result)
        if len(calls) == 1:
            raise DatabaseError("the connection broke while committing")
        return result

    monkeypatch.setattr(store.log, "append", append)
    desk.join(1)
    desk.message(1001)
    await desk.ingest.commit()
    desk.clock.time += MINUTE
    await desk.ingest.flush()
    assert len(calls) >= 2
    assert len(desk.logged()) == 2
    desk.check()


async def test_a_flush_that_fails_loses_nothing_and_doubles_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, failures = store.state.flush, ["the disk is full", "the database is locked"]

    def flush(*args: object, **kwargs: object) -> bool:
        if failures:
            if len(failures) == 1:
                plain(*args, **kwargs)  # type: ignore[arg-type]
            raise DatabaseError(failures.pop())
        return plain(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(store.state, "flush", flush)
    told: list[int] = []
    desk.ingest.flushed.add(lambda batches: told.extend(b.position for b in batches))
    desk.join(1)
    desk.clock.time += 5 * MINUTE
    await desk.ingest.flush()
    assert failures == []
    assert told == [2]  # committed by the try whose answer was lost, and told once
    assert desk.ingest.health.well
    assert desk.ingest.health.failures == 2
    desk.check()


async def test_who_is_told_of_a_flush_and_fails_does_no_harm(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    def fail(batches: object) -> None:
        raise ValueError("planted")

    desk.ingest.flushed.add(fail)
    desk.ingest.flushed.add(lambda batches: told.append(len(batches)))
    desk.join(1)
    assert await desk.ingest.flush()
    assert told == [1]
    assert "somebody who was told of a flush failed" in caplog.text
    desk.check()


async def test_events_wait_while_the_database_is_locked_and_land_in_order(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    database = store.engine.open_database(str(path), busy_ms=10)
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for message in range(1001, 1021):
        desk.clock.time += 1
        desk.message(message)
    await until(lambda: not desk.ingest.health.well)
    assert "locked" in desk.ingest.health.report(waiting=0)["trouble"]["append"]  # type: ignore[index]
    assert desk.ingest.waiting == 20
    holder.execute("ROLLBACK")
    holder.close()
    await desk.ingest.flush()
    assert [e.id for e in desk.logged()] == [f"message:{n}" for n in range(1001, 1021)]
    assert desk.ingest.health.well
    desk.check()
    await desk.ingest.close(10)
    database.close()


async def test_events_wait_while_the_disk_is_full_and_land_in_order(tmp_path: Path) -> None:
    path = tmp_path / "tracker.db"
    database = store.engine.open_database(str(path))
    desk = make_desk(database, commit_ms=0)
    with database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    desk.ingest.start()
    for message in range(1001, 3001):
        desk.clock.time += 1
        desk.message(message)
    await until(lambda: not desk.ingest.health.well)
    assert "full" in str(desk.ingest.health.trouble["append"])
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    await desk.ingest.flush()
    assert len(desk.logged()) == 2000
    desk.check()
    await desk.ingest.close(10)
    database.close()


async def test_events_wait_while_the_database_is_read_only_and_land_in_order(tmp_path: Path) -> None:
    database = store.engine.open_database(str(tmp_path / "tracker.db"))
    desk = make_desk(database, commit_ms=0)

    def read_only(on: int) -> None:
        with database.engine.connect() as connection:
            connection.connection.driver_connection.execute(f"PRAGMA query_only = {on}")  # type: ignore[union-attr]

    read_only(1)
    desk.ingest.start()
    desk.join(1)
    await until(lambda: not desk.ingest.health.well)
    assert "read-only" in desk.ingest.health.trouble["append"]
    read_only(0)
    await desk.ingest.flush()
    assert [e.type for e in desk.logged()] == ["voice.joined"]
    desk.check()
    await desk.ingest.close(10)
    database.close()


async def test_events_wait_while_the_server_is_away_and_land_in_order(postgres: PostgresServer) -> None:
    name = postgres.create()
    database = store.engine.open_database(postgres.url(name))
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    desk.message(1001)
    await desk.ingest.flush()
    postgres.shut(name)
    for message in range(1002, 1012):
        desk.message(message)
    await until(lambda: not desk.ingest.health.well)
    assert desk.ingest.waiting >= 10
    postgres.open(name)
    await desk.ingest.flush()
    assert [e.id for e in desk.logged()] == [f"message:{n}" for n in range(1001, 1012)]
    assert desk.ingest.health.well
    desk.check()
    await desk.ingest.close(10)
    database.close()
    postgres.drop(name)


async def test_a_full_buffer_makes_the_reader_wait_until_there_is_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = True
    plain = store.log.append

    def append(*args: object, **kwargs: object) -> object:
        if away:
            raise DatabaseError("the database is away")
        return plain(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(store.log, "append", append)
    desk = make_desk(database, commit_ms=0, commit_events=1, buffer_events=5)
    desk.ingest.start()
    for message in range(1001, 1006):
        await asyncio.wait_for(desk.ingest.room(), 300)
        desk.message(message)
    waiting = asyncio.create_task(desk.ingest.room())
    await until(lambda: not desk.ingest.health.well)
    assert not waiting.done()
    away = False
    await asyncio.wait_for(waiting, 300)
    await desk.ingest.flush()
    assert len(desk.logged()) == 5
    await desk.ingest.close(10)


async def test_no_tick_comes_while_something_holds_time(desk: Desk) -> None:
    desk.join(1)
    desk.ingest.hold("shard 0")
    desk.clock.time += MINUTE
    assert not await desk.ingest.flush()
    assert [e.type for e in desk.logged()] == ["voice.joined"]
    desk.ingest.release("shard 0")
    assert await desk.ingest.flush()
    desk.check()


async def test_a_gateway_that_stays_silent_turns_the_health_bad_until_it_is_back(desk: Desk) -> None:
    desk.join(1)
    desk.ingest.hold("shard 0")
    desk.clock.time += MINUTE + 1
    await desk.ingest.flush()
    assert "no connection to Discord since 2026-02-18 07:33:20 UTC" in desk.ingest.health.trouble["gateway"]
    desk.ingest.release("shard 0")
    assert desk.ingest.health.well


async def test_a_guild_out_of_sight_is_lost_once_and_not_before_its_last_event(desk: Desk) -> None:
    desk.join(1)
    last = desk.clock.now()
    desk.ingest.gone([GUILD], Ms(last - 1000))
    desk.ingest.gone([GUILD], Ms(last + 1000))
    await desk.ingest.commit()
    lost = [e for e in desk.logged() if isinstance(e.data, TrackerLost)]
    assert [e.occurred_at for e in lost] == [last]


async def test_who_opted_out_makes_no_events(desk: Desk) -> None:
    desk.ingest.accept(desk.fact(MemberOptedOut(), channel=None))
    desk.join(1)
    desk.message(1001)
    desk.message(1002, 2)
    await desk.ingest.commit()
    assert [e.type for e in desk.logged()] == ["member.opted_out", "message.sent"]


async def test_flushes_asked_for_together_are_one(desk: Desk) -> None:
    desk.join(1)
    first = asyncio.create_task(desk.ingest.flush())
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the first one has begun: those that come now share the next one
    await asyncio.gather(first, *(desk.ingest.flush() for _ in range(50)))
    assert desk.ingest.health.flushes == 2


async def test_a_caller_that_gives_up_does_not_undo_the_flush(desk: Desk) -> None:
    desk.join(1)
    desk.clock.time += MINUTE
    caller = asyncio.create_task(desk.ingest.flush())
    await asyncio.sleep(0)
    caller.cancel()
    await desk.ingest.flush()
    desk.check()


async def test_without_the_lease_it_stops_at_once(database: Database, open_again: Callable[[], Database]) -> None:
    lease = store.lease.acquire(database, now=Ms(0))
    desk = make_desk(database, lease=lease, commit_ms=0)
    desk.ingest.start()
    store.lease.acquire(open_again(), now=Ms(60_000))  # the first one gave no heartbeat for too long
    desk.ingest.accept(desk.fact(VoiceJoined()))
    await until(lambda: bool(desk.fatal))
    assert "lease" in str(desk.fatal[0])
    assert desk.logged() == []
    assert not await desk.ingest.close(5)
