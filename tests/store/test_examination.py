"""A database tells how big it is, who writes to it, how far its figures are, and which guilds are not seen."""

from __future__ import annotations

from dataclasses import replace

import store.lease
import store.log
import store.rebuild
from store import examination
from store.engine import Database
from tests.ingest.support import make_desk
from tests.projections.history import GUILD
from tests.store.support import OTHER_GUILD, START, fact
from tracker.events.member import MemberJoined
from tracker.events.ticks import TrackerLost
from tracker.ids import GuildId, Ms


def test_an_empty_database_has_nothing_to_tell(database: Database) -> None:
    assert examination.who_writes(database, now=START) is None
    assert examination.backlogs(database) == []
    assert examination.guilds(database) == []
    assert examination.unfinished(database) == 0
    assert examination.size_bytes(database) > 10_000
    name = "SQLite 3." if database.dialect == "sqlite" else "PostgreSQL "
    assert examination.schema_version(database).startswith(name)


def test_who_writes_is_known_to_live_on_this_machine_and_nobody_knows_of_another(database: Database) -> None:
    lease = store.lease.acquire(database, now=START)
    here = examination.who_writes(database, now=Ms(START + 31_000))
    assert here is not None
    assert (here.pid, here.alive, here.since, here.silent_ms) == (lease.holder.pid, True, START, 31_000)
    assert not here.is_writing  # it lives, and has lost the lease
    store.lease.release(database, lease)
    dead = replace(lease.holder, pid=2**22 + 1)
    lease = store.lease.acquire(database, now=START, holder=dead)
    found = examination.who_writes(database, now=START)
    assert found is not None
    assert (found.alive, found.is_writing) == (False, False)
    store.lease.release(database, lease)
    store.lease.acquire(database, now=START, holder=replace(dead, host="elsewhere"))
    elsewhere = examination.who_writes(database, now=Ms(START + 30_000))
    assert elsewhere is not None
    assert (elsewhere.host, elsewhere.alive, elsewhere.is_writing) == ("elsewhere", None, True)


async def test_the_figures_are_behind_until_a_flush(database: Database) -> None:
    desk = make_desk(database)
    desk.join()
    await desk.ingest.commit()
    (behind,) = examination.backlogs(database)
    assert (behind.last, behind.head, behind.counted) == (1, 1, 0)
    await desk.ingest.close(10)
    (level,) = examination.backlogs(database)
    assert (level.last, level.head, level.counted, level.as_of) == (2, 2, 2, desk.clock.now())
    assert not level.is_broken


def test_events_that_are_missing_at_the_end_are_seen(database: Database) -> None:
    store.log.append(database, [fact(), fact()], recorded_at=START)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM events WHERE position = 2")
    (broken,) = examination.backlogs(database)
    assert broken.is_broken


async def test_guilds_are_told_with_their_members_and_since_when_they_are_lost(database: Database) -> None:
    desk = make_desk(database)
    for user in (1, 2):
        desk.ingest.accept(desk.fact(MemberJoined(name="Ana"), user, None))
    other = replace(desk.fact(MemberJoined(name="Ben"), 3, None), guild_id=OTHER_GUILD)
    desk.ingest.accept(other)
    desk.ingest.accept(replace(desk.fact(TrackerLost(), None, None), guild_id=OTHER_GUILD))
    await desk.ingest.close(10)
    found = {g.guild_id: (g.members, g.lost_at) for g in examination.guilds(database)}
    assert found == {GUILD: (2, None), OTHER_GUILD: (1, desk.clock.now())}


def test_guilds_that_await_a_rebuild_are_counted(database: Database) -> None:
    store.rebuild.mark_for_rebuild(database, [GUILD, GuildId(9 << 22)])
    assert examination.unfinished(database) == 2
