"""An ingest over a real database, with a clock that is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import store.log
import store.rebuild
import store.state
from store.engine import Database
from store.lease import Lease
from tests.projections.history import GUILD
from tracker.events.envelope import Data, Event
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, EventId, GuildId, Ms, UserId, mint_event_id
from tracker.ingest import Ingest, Limits

START = 1_771_400_000_000


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread or task brings about."""
    async with asyncio.timeout(300):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class HandClock:
    """Shows what it was set to."""

    time: int = START

    def now(self) -> Ms:
        return Ms(self.time)


@dataclass
class Desk:
    """What a test needs at hand."""

    database: Database
    ingest: Ingest
    clock: HandClock
    fatal: list[Exception] = field(default_factory=list)

    def fact(self, data: Data, user: int | None = 1, channel: int | None = 10, *, id: str | None = None) -> Event:  # noqa: A002
        """An event of the guild now."""
        return Event(
            id=EventId(id) if id else mint_event_id(self.clock.now()),
            guild_id=GUILD,
            user_id=None if user is None else UserId(user),
            channel_id=None if channel is None else ChannelId(channel),
            occurred_at=self.clock.now(),
            data=data,
        )

    def join(self, user: int = 1, channel: int = 10) -> None:
        self.ingest.accept(self.fact(VoiceJoined(), user, channel))

    def leave(self, user: int = 1, channel: int = 10) -> None:
        self.ingest.accept(self.fact(VoiceLeft(), user, channel))

    def message(self, message: int, user: int = 1) -> None:
        self.ingest.accept(self.fact(MessageSent(), user, 20, id=message_sent_id(message)))

    def logged(self, guild: GuildId = GUILD) -> list[Event]:
        """The guild's events in the log, in order."""
        found = [r for p in self.database.all_partitions for r in store.log.read(self.database, p)]
        return [r.event for r in found if r.event.guild_id == guild]

    def totals(self) -> list[dict[str, int]]:
        """The all-time sums of every member."""
        with self.database.read() as connection:
            return [dict(row) for row in connection.exec_driver_sql("SELECT user_id, exp FROM totals").mappings()]

    def check(self) -> None:
        """The log has no hole, and the live tables are what a fresh fold of it gives."""
        store.log.check_contiguity(self.database)
        assert list(store.rebuild.verify(self.database)) == []


def make_desk(database: Database, *, lease: Lease | None = None, **limits: int) -> Desk:
    """A desk whose ingest has recovered from `database`, and writes as the holder of `lease`; not started yet."""
    clock = HandClock()
    fatal: list[Exception] = []
    ingest = Ingest(
        database,
        lease,
        store.state.recover_all(database),
        store.log.head(database),
        clock,
        Limits(**limits),
        fatal=fatal.append,
    )
    return Desk(database=database, ingest=ingest, clock=clock, fatal=fatal)
