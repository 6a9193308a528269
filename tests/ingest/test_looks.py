"""A look brings what is kept in memory to now, as a flush would have; the tables follow with the next flush."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store.state
from store.engine import Database, open_database
from store.reporting import read_report
from store.state import FlushBatch
from tests.examples import examples
from tests.ingest.shelf import Fresh
from tests.ingest.support import Desk, make_desk, until
from tests.projections.history import GUILD
from tests.properties.communities import GUILD as PLAYED
from tests.properties.communities import Community, communities
from tests.properties.documents import ROLES
from tests.store.living import Writer, tables
from tests.store.support import START, fact
from tracker.events.channel import RoleDescribed
from tracker.events.member import MemberForgotten, MemberJoined, MemberLeft, MemberRenamed, MemberRolesChanged
from tracker.events.rule import SettingsChanged
from tracker.ids import Ms, RoleId
from tracker.ingest.held import Held
from tracker.ingest.kept_reports import KeptReports
from tracker.ingest.unwritten import Unwritten
from tracker.reports.kept_days import KeptDays
from tracker.reports.model import Report
from tracker.reports.window import PERIODS

HOUR = 3_600_000


@dataclass
class Looker:
    """A writer that looks more often than it flushes, and its twin that flushes each time."""

    db: Database
    twin: Database
    kept: KeptReports = field(init=False)
    held: Held = field(default_factory=Held)
    answered: int = 0

    def __post_init__(self) -> None:
        self.kept = KeptReports(self.db, keep_from=0)
        self.writer, self.other = Writer(self.db), Writer(self.twin)

    def write(self, events: list[Any]) -> None:
        self.writer.write(events)
        self.other.write(events)

    def advance(self, at: int, *, flush: bool) -> None:
        store.state.flush(self.twin, self.other.batches(at))
        batches = self.writer.batches(at)
        if not flush and not any(batch.changes.forgotten for batch in batches):
            self.kept.looked([self.held.look(batch) for batch in batches])
            for left_off in range(at % 5):  # upkeep may stop at any step
                self.held.merge() if left_off % 2 else self.kept.keep_up()
            if at % 3:
                self.kept.gathered(self.held.gather(least=at % 3))
            return
        whole = self.held.with_held(batches)
        store.state.flush(self.db, whole)
        self.held.clear()
        self.kept.flushed(whole)

    def check(self, now: int) -> None:
        """What is told out of memory is what is read where everything is written."""
        for period in PERIODS:
            for role in (*map(RoleId, ROLES), None):
                kept = self.kept.report(PLAYED, role, period, None, Ms(now))
                if kept is not None:
                    read = read_report(
                        self.twin, guild_id=PLAYED, role_id=role, period=period, day=None, now=Ms(now)
                    )  # fmt: skip
                    assert kept == read, (period, role)
                    self.answered += 1


@given(community=communities(moves=60), steps=st.lists(st.booleans(), min_size=2, max_size=12))
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_a_look_tells_what_a_flush_would_and_the_tables_come_out_the_same(
    fresh: Fresh,
    tmp_path: Path,
    sqlite_template: Path,
    community: Community,
    steps: list[bool],
) -> None:
    path = tmp_path / "twin.db"
    shutil.copy(sqlite_template, path)
    with fresh() as db, closing(open_database(str(path))) as twin:
        looker, events = Looker(db, twin), community.events
        begun = events[0].occurred_at - START if events else 0
        looker.write(
            [
                fact(RoleDescribed(role_id=RoleId(r), name="r"), user=None, channel=None, guild=PLAYED, at=begun)
                for r in ROLES
            ]
        )
        size = max(1, len(events) // len(steps))
        parts = [events[begin : begin + size] for begin in range(0, len(events), size)]
        for part, flush in zip(parts, [True, *steps, *[False] * len(parts)], strict=False):
            looker.write(list(part))
            looker.advance(part[-1].occurred_at, flush=flush)
            looker.check(part[-1].occurred_at)
        looker.advance(community.until, flush=False)
        looker.check(community.until)
        looker.advance(community.until + 1, flush=True)
        looker.check(community.until + 1)
        assert tables(db) == tables(twin)
        assert looker.answered >= 3 * (len(ROLES) + 1)
    path.unlink()


async def opened(database: Database) -> Desk:
    """Somebody is in voice since a second, somebody else is there."""
    desk = make_desk(database, commit_ms=0)
    desk.ingest.start()
    for user in (1, 2):
        desk.ingest.accept(desk.fact(MemberJoined(name=f"member {user}"), user=user, channel=None))
    desk.join(1)
    desk.clock.time += 1000
    assert await desk.ingest.flush()
    return desk


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    desk = await opened(database)
    yield desk
    assert not desk.fatal
    await desk.ingest.close(10)
    desk.check()


def keep(desk: Desk) -> KeptReports:
    kept = KeptReports(desk.database, keep_from=0)
    desk.ingest.tell(kept)
    return kept


def daily(desk: Desk, kept: KeptReports) -> Report:
    found = kept.report(GUILD, None, "daily", None, desk.clock.now())
    assert found is not None
    return found


def written(desk: Desk) -> Report:
    return read_report(
        desk.database, guild_id=GUILD, role_id=None, period="daily", day=None, now=desk.clock.now()
    )  # fmt: skip


async def test_a_look_is_in_the_log_and_in_memory_and_not_yet_in_the_tables(desk: Desk) -> None:
    kept = keep(desk)
    before = daily(desk, kept)
    desk.clock.time += HOUR
    desk.message(7, user=2)
    assert await desk.ingest.look(GUILD)
    seen = daily(desk, kept)
    assert (seen.sums.voice_ms, seen.sums.messages, seen.as_of) == (HOUR + 1000, 1, desk.clock.time)
    assert written(desk).sums == before.sums
    assert [event.type for event in desk.logged()][-1] == "message.sent"
    assert await desk.ingest.flush()
    assert daily(desk, kept) == written(desk)
    assert written(desk).sums.messages == 1
    assert kept.figures()["misses"] == 1


async def restarted(desk: Desk) -> Desk:
    """The one before is never heard of again, as after a kill."""
    again = make_desk(desk.database, commit_ms=0)
    again.clock.time = desk.clock.time
    again.ingest.start()
    return again


async def test_what_a_look_told_is_told_again_after_a_kill(database: Database) -> None:
    desk = await opened(database)
    kept = keep(desk)
    daily(desk, kept)
    desk.clock.time += HOUR
    desk.message(7, user=2)
    await desk.ingest.look(GUILD)
    seen = daily(desk, kept)
    again = await restarted(desk)
    assert await again.ingest.flush()
    assert written(again).sums.messages == seen.sums.messages == 1
    await again.ingest.close(10)
    again.check()


async def test_after_upkeep_nothing_is_left_for_who_asks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(desk)
    daily(desk, kept)
    for n in range(3):
        desk.clock.time += HOUR
        desk.message(7 + n, user=2)
        assert await desk.ingest.look(GUILD)
    await desk.ingest.upkeep.done()
    assert not kept.keep_up()
    with monkeypatch.context() as patch:
        patch.setattr(KeptDays, "apply", None)
        seen = daily(desk, kept)
    assert (seen.sums.voice_ms, seen.sums.messages) == (3 * HOUR + 1000, 3)
    assert await desk.ingest.flush()
    assert daily(desk, kept) == written(desk)


async def test_after_upkeep_nothing_is_stale(desk: Desk) -> None:
    kept = keep(desk)
    desk.leave(1)  # the flush is of the next millisecond
    for change, user in (
        (SettingsChanged(settings={"timezone": "Asia/Seoul"}), None),
        (RoleDescribed(role_id=RoleId(77), name="Night owls"), None),
        (MemberRolesChanged(role_ids=(RoleId(77),)), 1),
        (MemberLeft(), 2),
        (MemberJoined(name="Ben"), 2),
        (MemberRolesChanged(role_ids=()), 1),
        (MemberForgotten(), 2),
    ):
        role_known = desk.ingest.sight.role_name(GUILD, RoleId(77)) is not None
        for what in (None, desk.fact(change, user=user, channel=None)):
            desk.clock.time += 1000
            if what is not None:
                desk.ingest.accept(what)
            assert await desk.ingest.look(GUILD)
            await desk.ingest.upkeep.done()
        for role in (None, RoleId(77)) if role_known else (None,):
            seen = kept.report(GUILD, role, "daily", None, desk.clock.now())
            assert await desk.ingest.flush()
            read = read_report(
                desk.database, guild_id=GUILD, role_id=role, period="daily", day=None, now=desk.clock.now()
            )
            for found in (seen, kept.report(GUILD, role, "daily", None, desk.clock.now())):
                assert found is None or replace(found, as_of=read.as_of) == read, change
            assert found is not None


async def test_names_and_members_are_those_of_the_look(desk: Desk) -> None:
    kept = keep(desk)
    daily(desk, kept)
    desk.clock.time += 1000
    desk.ingest.accept(desk.fact(MemberRenamed(name="Ann"), user=1, channel=None))
    desk.ingest.accept(desk.fact(MemberJoined(name="Cat"), user=3, channel=None))
    await desk.ingest.look(GUILD)
    assert [entry.name for entry in daily(desk, kept).low] == ["Ann", "member 2", "Cat"]


async def test_what_only_the_tables_tell_is_left_to_a_flush(desk: Desk) -> None:
    kept = keep(desk)
    daily(desk, kept)
    desk.clock.time += 1000
    desk.ingest.accept(desk.fact(SettingsChanged(settings={"timezone": "Asia/Seoul"}), user=None, channel=None))
    await desk.ingest.look(GUILD)
    assert kept.report(GUILD, None, "daily", None, desk.clock.now()) is None
    assert await desk.ingest.flush()
    assert daily(desk, kept) == written(desk)


async def test_who_is_forgotten_is_erased_at_once(desk: Desk) -> None:
    kept = keep(desk)
    daily(desk, kept)
    flushes = desk.ingest.health.flushes
    desk.ingest.accept(desk.fact(MemberForgotten(), user=2, channel=None))
    desk.clock.time += 1000
    assert await desk.ingest.look(GUILD)
    assert desk.ingest.health.flushes == flushes + 1
    assert daily(desk, kept) == written(desk)
    assert daily(desk, kept).members == 1


async def test_a_fold_that_is_loaded_anew_is_not_counted_twice(database: Database) -> None:
    desk = await opened(database)
    desk.message(7, user=2)
    desk.clock.time += 1000
    assert await desk.ingest.flush()
    again = await restarted(desk)  # remembers no message: the log does
    kept = keep(again)
    daily(again, kept)
    again.clock.time += 1000
    again.message(8, user=2)
    await again.ingest.look(GUILD)
    assert daily(again, kept).sums.messages == 2
    again.message(7, user=2)
    again.clock.time += 1000
    assert await again.ingest.look(GUILD)
    assert daily(again, kept).sums.messages == 2
    assert daily(again, kept) == written(again)
    await again.ingest.close(10)
    again.check()


async def test_looks_do_not_wait_in_memory_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keep(desk)
    daily(desk, kept)
    flushes = desk.ingest.health.flushes
    monkeypatch.setattr(desk.ingest.upkeep, "begin", lambda: None)  # there is no time for it
    for n in range(70):
        desk.clock.time += 1000
        desk.message(100 + n, user=2)
        await desk.ingest.look(GUILD)
    await until(lambda: desk.ingest.health.flushes > flushes)
    assert daily(desk, kept).sums.messages == 70


async def test_a_flush_that_waits_for_calm_is_not_waited_for_at_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await opened(database)
    before = asyncio.all_tasks()
    monkeypatch.setattr(desk.ingest.upkeep, "begin", lambda: None)
    with desk.ingest.calm.disturbed():
        for n in range(64):
            desk.clock.time += 1000
            desk.message(100 + n, user=2)
            await desk.ingest.look(GUILD)
        assert asyncio.all_tasks() - before
        flushes = desk.ingest.health.flushes
        assert await desk.ingest.close(10)
        assert not asyncio.all_tasks() - before
    assert desk.ingest.health.flushes == flushes + 1
    assert not desk.fatal
    desk.check()


async def test_what_is_held_of_many_looks_is_put_together_and_no_flush_is_needed(desk: Desk) -> None:
    kept, unwritten, told = keep(desk), Unwritten(desk.database), list[FlushBatch]()
    desk.ingest.tell(unwritten)
    desk.ingest.tell(Told(told))
    daily(desk, kept)
    flushes = desk.ingest.health.flushes
    for n in range(70):
        desk.clock.time += 1000
        desk.message(100 + n, user=2)
        await desk.ingest.look(GUILD)
        await desk.ingest.upkeep.done()
    assert [len(batch.changes.rows["totals"]) for batch in told] == [2] * 4  # of both, up to each 16th look
    weekly = kept.report(GUILD, None, "weekly", None, desk.clock.now())  # read now: what it missed is told as one
    assert weekly is not None
    assert daily(desk, kept).sums == weekly.sums
    assert weekly.sums.messages == 70
    assert desk.ingest.health.flushes == flushes
    assert await desk.ingest.flush()
    assert daily(desk, kept) == written(desk)


@dataclass
class Told:
    """Is told of everything, and keeps what it is given of all looks."""

    gathered_ones: list[FlushBatch]

    def gathered(self, batches: Sequence[FlushBatch]) -> None:
        self.gathered_ones += batches

    def looked(self, _: Sequence[FlushBatch]) -> None:
        """It does not matter here."""

    flushed = looked

    def keep_up(self) -> bool:
        return False


async def test_while_anything_holds_a_look_is_of_the_last_tick(desk: Desk) -> None:
    kept = keep(desk)
    before = daily(desk, kept)
    desk.ingest.hold("gateway")
    desk.clock.time += HOUR
    assert not await desk.ingest.look(GUILD)
    assert daily(desk, kept).sums == before.sums
    desk.ingest.release("gateway")
    assert await desk.ingest.look(GUILD)
    assert daily(desk, kept).sums.voice_ms == HOUR + 1000
