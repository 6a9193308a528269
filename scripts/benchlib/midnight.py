"""Thousands of reports that come due at the same midnight, and thousands that were missed: what the event loop feels.

The real ingest, schedule, outbox and SQLite database; only Discord is a stand-in that answers after a while. Charts are
left out: they are drawn in a process of their own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import store.lease
import store.log
import store.state
from scripts.benchlib.figures import Figure, percentile
from scripts.benchlib.place import Place
from store import deliveries
from store.engine import Database, open_database
from tracker import heap
from tracker.clock import SystemClock, to_ms
from tracker.discord.outbox import Outbox
from tracker.events.channel import RoleDescribed
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.rule import SettingsChanged
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, GuildId, Ms, RoleId, UserId, mint_event_id
from tracker.ingest import Ingest, Limits
from tracker.ingest.posts import Posts
from tracker.ingest.reader import Reader
from tracker.ingest.report_runs import ReportRuns
from tracker.schedule import ReportSchedule

__all__ = ["measure"]

_ROLES = 4  # and everyone: five reports a guild
_MEMBERS = 6
_TURN_S = 0.000_5  # as `tracker run`
_TICK_S = 0.005
_ANSWER_S = 0.05
_AIM_MS = 50.0
_MORNING = to_ms(datetime(2026, 2, 18, 9, tzinfo=ZoneInfo("Asia/Seoul")))
_MIDNIGHT = to_ms(datetime(2026, 2, 19, tzinfo=ZoneInfo("Asia/Seoul")))
_DAY_MS = 86_400_000


class _Hand:
    """A clock that goes on in real time from where it was set."""

    def __init__(self) -> None:
        self.set(_MORNING)

    def set(self, at: int) -> None:
        self._at, self._since = at, time.monotonic()

    def now(self) -> Ms:
        return Ms(self._at + int((time.monotonic() - self._since) * 1000))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Felt:
    """Milliseconds that the event loop let something due wait, each 5 ms; seconds that the work took; how many."""

    lags: list[float]
    seconds: float
    count: int


def measure(place: Place) -> list[Figure]:
    """How long the event loop is kept, and when the last report is owed and posted."""
    guilds = place.scaled(2_000, 10)
    url = place.new_url("sqlite")
    database = open_database(url)
    try:
        _settle(database, guilds)
        found = asyncio.run(_run(database))
    finally:
        database.close()
    reports = guilds * (_ROLES + 1)
    note = f"{guilds:,} guilds of {_ROLES + 1} daily reports each, SQLite; one run"
    whats = {
        "quiet": f"a minute's looks at {reports:,} schedules",
        "owing": f"{reports:,} reports come due",
        "posting": f"… and are posted, Discord answering after {_ANSWER_S * 1000:.0f} ms",
        "start": f"a start after a week away, {reports * 7:,} reports missed",
    }
    expected = {"owing": reports, "posting": reports, "start": reports * 7}
    figures = []
    for name, what in whats.items():
        felt = found[name]
        if name in expected and felt.count != expected[name]:
            raise RuntimeError(f"{name}: {felt.count} reports instead of {expected[name]}")
        for part, value in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            figures.append(
                Figure(
                    name=f"midnight.{name}.{part}",
                    what=f"event loop lag {part}, {what}",
                    unit="ms",
                    runs=(percentile(felt.lags, value),),
                    aim=_AIM_MS if part == "p99" else None,
                    note=note,
                )
            )
        figures.append(
            Figure(name=f"midnight.{name}.seconds", what=f"time, {what}", unit="s", runs=(felt.seconds,), note=note)
        )
    return figures


async def _run(database: Database) -> dict[str, _Felt]:
    sys.setswitchinterval(_TURN_S)
    clock, found = _Hand(), {}
    async with _house(database, clock) as house:
        await house.schedule.look()
        heap.settle()
        found["quiet"] = await _felt(house.look_for_a_minute)
        clock.set(_MIDNIGHT + 1_000)
        found["owing"] = await _felt(house.look)
        found["posting"] = await _felt(house.post_all)
    clock.set(_MIDNIGHT + 7 * _DAY_MS + 3_600_000)
    async with _house(database, clock) as house:
        found["start"] = await _felt(house.look)
    return found


class _House:
    """What stands between the clock and Discord."""

    def __init__(self, database: Database, ingest: Ingest, reader: Reader) -> None:
        self._database = database
        posts = Posts(database, ingest)
        self.schedule = ReportSchedule(ingest.clock, ingest.sight, ReportRuns(database, ingest, posts))
        self._outbox = Outbox(
            rest=cast("Any", _Discord()), intake=cast("Any", ingest), reports=reader, deliveries=posts
        )

    async def look_for_a_minute(self) -> int:
        """As often as in a minute, one right after the other."""
        for _ in range(12):
            await self.schedule.look()
            await asyncio.sleep(0.02)
        return 0

    async def look(self) -> int:
        """Owe what is due; how many are owed."""
        await self.schedule.look()
        return deliveries.count_by_state(self._database).get("pending", 0)

    async def post_all(self) -> int:
        """Post what is owed; how many are posted."""
        while await self._outbox.deliver():
            await self.schedule.look()
        return deliveries.count_by_state(self._database).get("sent", 0)


class _Discord:
    """Takes every message."""

    def __init__(self) -> None:
        self._last = 0

    async def create_message(self, *_: object, **__: object) -> SimpleNamespace:
        """The message, after a while."""
        await asyncio.sleep(_ANSWER_S)
        self._last += 1
        return SimpleNamespace(id=self._last)


@asynccontextmanager
async def _house(database: Database, clock: _Hand) -> AsyncIterator[_House]:
    lease = store.lease.acquire(database, now=SystemClock().now())
    states = store.state.recover_all(database)
    failed: list[Exception] = []
    ingest = Ingest(database, lease, states, store.log.head(database), clock, Limits(), fatal=failed.append)
    ingest.start()
    reader = Reader(database, clock)
    try:
        yield _House(database, ingest, reader)
    finally:
        reader.close()
        await ingest.close(60)
        store.lease.release(database, lease)
    if failed:
        raise RuntimeError(f"the ingest failed: {failed[0]}")


async def _felt(work: Callable[[], Awaitable[int]]) -> _Felt:
    """Do the work beside something that wants to run every few milliseconds."""
    lags: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            lags.append(max(0.0, (time.perf_counter() - began - _TICK_S) * 1000))

    ticking, began = asyncio.create_task(tick()), time.perf_counter()
    count = await work()
    seconds = time.perf_counter() - began
    ticking.cancel()
    return _Felt(lags=lags or [0.0], seconds=seconds, count=count)


def _settle(database: Database, guilds: int) -> None:
    """A log in which each guild has its members, roles and schedule, and something was done that day."""
    for first in range(0, guilds, 200):
        events: list[Event] = []
        for number in range(first, min(first + 200, guilds)):
            events += _guild(GuildId((_MORNING - 10**9 - DISCORD_EPOCH_MS + number) << 22))
        store.log.append(database, events, recorded_at=Ms(_MORNING))


def _guild(guild: GuildId) -> list[Event]:
    at = Ms(_MORNING - 3_600_000)

    def fact(data: Data, user: int | None = None, channel: int | None = None) -> Event:
        return Event(
            id=message_sent_id(guild + (user or 0)) if isinstance(data, MessageSent) else mint_event_id(at),
            guild_id=guild,
            user_id=None if user is None else UserId(guild + user),
            channel_id=None if channel is None else ChannelId(guild + channel),
            occurred_at=at,
            data=data,
        )

    roles = [RoleId(guild + 50 + number) for number in range(_ROLES)]
    channels = [str(guild + 70 + number) for number in range(_ROLES + 1)]
    reports: list[dict[str, Any]] = [
        {"role_id": str(role), "channel_id": channel} for role, channel in zip(roles, channels, strict=False)
    ]
    document = {"timezone": "Asia/Seoul", "locale": "ko", "reports": [*reports, {"channel_id": channels[-1]}]}
    events = [fact(SettingsChanged(settings=document))]
    events += [fact(RoleDescribed(role_id=role, name=f"role {role % 100}")) for role in roles]
    for user in range(1, _MEMBERS + 1):
        events.append(fact(MemberJoined(name=f"회원 {user}"), user))
        events.append(fact(MemberRolesChanged(role_ids=tuple(roles[: 1 + user % _ROLES])), user))
        events.append(fact(MessageSent(), user, 90))
    return events
