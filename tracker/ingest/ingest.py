"""The way of an event from the front-end into the log, the fold and the read models.

`accept` is the hot path: it stamps, folds and buffers, and does no I/O. The buffer goes to the log in group commits;
a flush ends the running minute with a tick and writes the read models' deltas with their checkpoint. A look brings what
is kept in memory to now, without the tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from store.engine import Database
from store.exchanging import Exchange
from store.lease import Lease
from tracker.clock import Clock
from tracker.errors import LeaseLostError
from tracker.events.envelope import Event, later
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.ticks import TrackerLost
from tracker.events.voice import VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import EventId, GuildId, Ms, Partition, Position, mint_event_id, partition_of
from tracker.ingest.buffer import Limits
from tracker.ingest.calm import Calm
from tracker.ingest.flushing import Flushing
from tracker.ingest.holds import Holds
from tracker.ingest.live_fold import LiveFold
from tracker.ingest.looks import Looks
from tracker.ingest.observers import Keeper
from tracker.ingest.sight import FoldSight
from tracker.projections.guild import GuildState
from tracker.projections.state import PartitionState

__all__ = ["Ingest", "Limits"]

T = TypeVar("T")

_NATURAL_IDS = frozenset({MessageSent, MessageDeleted, InteractionUsed})
_ACTIVITY = frozenset({VoiceJoined, VoiceMoved, VoiceLeft, VoiceFlagsChanged, MessageSent, InteractionUsed})
_ABOUT_MEMBERS = frozenset({MemberJoined, MemberRenamed, MemberRolesChanged})
_REMEMBERED_IDS: Final = 50_000


class Ingest:
    """Owns the fold states of this process's partitions and everything that changes them.

    `uncounted`: guilds whose figures were incomplete when this process started (an import was cut off, or the tables
    are new): what their members should look like stays as it is until they are counted anew.
    """

    def __init__(
        self,
        database: Database,
        lease: Lease | None,
        states: Mapping[Partition, PartitionState],
        heads: Mapping[Partition, Position],
        clock: Clock,
        limits: Limits,
        *,
        fatal: Callable[[Exception], None],
    ) -> None:
        self.clock = clock
        self.uncounted: set[GuildId] = set()
        self._fold = LiveFold(database, lease, states, heads, clock, limits, fatal)
        self.health = self._fold.health
        self.sight = FoldSight(self._fold.states)
        self._states = self._fold.states
        self._buffer = self._fold.buffer
        self._holds = Holds(clock, self.health)
        self._flushing = Flushing(self._fold, self._holds, self.uncounted, self.accept)
        self.calm = Calm()
        self._looks = Looks(self._fold, self._holds, self._flushing, self.flush, self.calm)
        self.upkeep = self._looks.upkeep
        self.flushed, self.looked = self._flushing.told, self._looks.told
        self._recent: set[EventId] = set()
        self._older: set[EventId] = set()
        self._committer: asyncio.Task[None] | None = None
        self._next_flush: asyncio.Task[bool] | None = None

    def tell(self, keeper: Keeper) -> None:
        """Of each flush and look; between answers it is kept up."""
        self.flushed.add(keeper.flushed)
        self.looked.add(keeper.looked)
        self._looks.gathered.add(keeper.gathered)
        self.upkeep.add(keeper.keep_up)

    # -- taking in (event loop, no I/O) ----------------------------------------------------------------------------

    def accept(self, *events: Event) -> None:
        """Stamp, fold and buffer. What was accepted already is passed over, and so is what those do who opted out.

        What they are called too: who was forgotten and wants to stay uncounted is not made known again.
        """
        states = self._states
        for event in events:
            state = states[partition_of(event.guild_id, len(states))]
            guild = state.guild(event.guild_id)
            if self._is_unwanted(event, guild):
                continue
            floor = guild.floor(state.as_of)
            if event.occurred_at < floor:
                event = later(event, Ms(floor))  # a live append never goes back in time
            self._buffer.put(event)
            guild.apply(event)

    def _is_unwanted(self, event: Event, guild: GuildState) -> bool:
        kind = type(event.data)
        if kind in _NATURAL_IDS:
            if event.id in self._recent or event.id in self._older:
                return True
            self._recent.add(event.id)
            if len(self._recent) >= _REMEMBERED_IDS:
                self._older, self._recent = self._recent, set()
        if event.user_id is None:
            return False
        if kind in _ACTIVITY:
            return not guild.is_tracked(event.user_id)
        return kind in _ABOUT_MEMBERS and guild.roster.is_opted_out(event.user_id)

    def gone(self, guild_ids: Iterable[GuildId], at: Ms) -> None:
        """The tracker lost sight of these guilds at `at`; those lost already, or never seen, stay as they are."""
        for guild_id in guild_ids:
            state = self._states[partition_of(guild_id, len(self._states))]
            guild = state.guilds.get(guild_id)
            if guild is not None and guild.lost_at is None:
                moment = Ms(max(at, guild.last_at, state.as_of))
                self.accept(Event(id=mint_event_id(moment), guild_id=guild_id, occurred_at=moment, data=TrackerLost()))

    def hold(self, key: object) -> None:
        """No tick, and so no flush, from now on until `key` is released."""
        self._holds.hold(key)

    def release(self, key: object) -> None:
        """Undo `hold`; harmless if there was none."""
        self._holds.release(key)

    async def room(self) -> None:
        """Wait while the buffer is full; return at once otherwise."""
        await self._buffer.room()

    @property
    def waiting(self) -> int:
        """Events that are not durable yet."""
        return len(self._buffer.events)

    # -- writing ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the group commits."""
        self._committer = asyncio.create_task(self._commit_forever(), name="group commit")

    async def _commit_forever(self) -> None:
        try:
            while True:
                await self._buffer.due.wait()
                self._buffer.due.clear()
                await self.commit()
        except Exception as error:  # whatever it is: without commits this process must not go on
            self._fold.fatal(error)

    async def commit(self) -> None:
        """Make durable all that was accepted so far. Waits for as long as the database is away."""
        async with self._fold.turn:
            await self._fold.append()

    async def flush(self) -> bool:
        """End the minute: tick, append, and write the read models with their checkpoint in one transaction.

        False if a hold keeps time from advancing: then events are made durable, and the read models stay at the last
        tick. Callers that wait for the same flush share it, and a caller that gives up does not undo it.
        """
        if self._next_flush is None:
            self._next_flush = asyncio.create_task(self._flush(), name="flush")
        return await asyncio.shield(self._next_flush)

    async def _flush(self) -> bool:
        async with self._fold.flushing():
            self._next_flush = None  # from here on, newcomers wait for the next one
            return await self._flushing.now()

    async def exchange(self, partition: Partition, exchange: Exchange | None = None) -> bool:
        """A flush that also exchanges the rows and states of guilds that were counted anew (`store.recounting`).

        It ends the minute in `partition` even if no guild is known there; with `exchange` None it does no more. False:
        a hold keeps time from advancing, and nothing was exchanged. What stands in the way of single guilds is said in
        `exchange.obstacles`. A caller that gives up does not undo it.
        """
        return await asyncio.shield(asyncio.create_task(self._exchange(partition, exchange), name="exchange"))

    async def _exchange(self, partition: Partition, exchange: Exchange | None) -> bool:
        async with self._fold.flushing():
            return await self._flushing.now(exchange, partition)

    async def look(self, guild: GuildId) -> bool:
        """Bring what is kept in memory of the guild to now, as a flush would: tick, append, and tell `looked`.

        What is told is durable in the log; the tables follow with the next flush, which is made at once where deltas
        cannot wait for it. False, sharing and giving up: as `flush`.
        """
        return await self._looks.look(partition_of(guild, len(self._states)))

    async def write(self, job: Callable[[], T]) -> T:
        """Run another job on the writer's thread, between commits, and hand on whatever it raises."""
        return await self._fold.writer.once(job)

    async def close(self, within: float) -> bool:
        """Append, flush and stop, `within` so many seconds. False if the database did not let us in that time.

        What could not be appended is lost with the process, and said so in the log by the caller.
        """
        self._fold.writer.hurry()
        await self._looks.close()
        if self._committer is not None:
            self._committer.cancel()
        try:
            async with asyncio.timeout(within):
                await self.flush()
        except (TimeoutError, LeaseLostError):
            return False
        else:
            return True
        finally:
            self._fold.writer.close()
