"""The way of an event from the front-end into the log, the fold and the read models.

`accept` is the hot path: it stamps, folds and buffers, and does no I/O. The buffer goes to the log in group commits;
a flush ends the running minute with a tick and writes the read models' deltas with their checkpoint. A look brings what
is kept in memory to now, without the tables.

Order is what makes live, replayed and recovered state equal: events are folded in the order in which they are
buffered, and appended in that order by one writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import store.log
import store.state
from store.engine import Database
from store.exchanging import Exchange
from store.lease import Lease
from store.log import AppendResult
from store.state import FlushBatch
from tracker.clock import Clock, from_ms
from tracker.errors import LeaseLostError
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.ticks import TrackerLost, tick
from tracker.events.voice import VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import EventId, GuildId, Ms, Partition, Position, mint_event_id, partition_of
from tracker.ingest.health import Health
from tracker.ingest.held import Held
from tracker.ingest.observers import Observers
from tracker.ingest.recount_adoption import adopt, apart, mend
from tracker.ingest.sight import FoldSight
from tracker.ingest.writer import Writer
from tracker.projections.guild import GuildState
from tracker.projections.ledger import Deltas
from tracker.projections.state import PartitionState

__all__ = ["Ingest", "Limits"]

T = TypeVar("T")

_Point = tuple[Partition, Position, Ms, Deltas]

_NATURAL_IDS = (MessageSent, MessageDeleted, InteractionUsed)
_ACTIVITY = (VoiceJoined, VoiceMoved, VoiceLeft, VoiceFlagsChanged, MessageSent, InteractionUsed)
_ABOUT_MEMBERS = (MemberJoined, MemberRenamed, MemberRolesChanged)
_REMEMBERED_IDS = 50_000
_BIGGEST_APPEND = 5_000
_PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A group commit starts `commit_ms` after its first event or at `commit_events`, whichever is first; 0 ms: at once.

    `buffer_events`: how many events may wait for the database before `room` makes the gateway's reader wait.
    """

    commit_ms: int = 1000
    commit_events: int = 500
    buffer_events: int = 100_000


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
        self.health = Health()
        self.flushed = Observers()
        self.uncounted: set[GuildId] = set()
        self.looked = Observers()
        self._database = database
        self._lease = lease
        self._states = dict(states)
        self._heads = dict(heads)
        self._limits = limits
        self._fatal = fatal
        self.sight = FoldSight(self._states)
        self._writer = Writer(self.health)
        self._buffer: list[Event] = []
        self._appending = 0
        self._timer: asyncio.TimerHandle | None = None
        self._recent: set[EventId] = set()
        self._older: set[EventId] = set()
        self._holds: dict[object, Ms] = {}
        self._due = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._writing = asyncio.Lock()
        self._committer: asyncio.Task[None] | None = None
        self._next_flush: asyncio.Task[bool] | None = None
        self._next_looks: dict[Partition, asyncio.Task[bool]] = {}
        self._held = Held()
        self._merging: asyncio.Task[None] | None = None

    # -- taking in (event loop, no I/O) ----------------------------------------------------------------------------

    def accept(self, *events: Event) -> None:
        """Stamp, fold and buffer. What was accepted already is passed over, and so is what those do who opted out.

        What they are called too: who was forgotten and wants to stay uncounted is not made known again.
        """
        for event in events:
            state = self._states[partition_of(event.guild_id, len(self._states))]
            guild = state.guild(event.guild_id)
            if self._is_unwanted(event, guild):
                continue
            floor = Ms(guild.last_at if guild.lost_at is not None else max(guild.last_at, state.as_of))
            if event.occurred_at < floor:
                event = replace(event, occurred_at=floor)  # a live append never goes back in time
            self._put(event)
            state.apply(event)

    def _put(self, event: Event) -> None:
        self._buffer.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._limits.commit_ms / 1000, self._due.set)
        size = len(self._buffer)
        if size - self._appending >= self._limits.commit_events:
            self._due.set()
        if size >= self._limits.buffer_events:
            self._roomy.clear()

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
        if kind in _ABOUT_MEMBERS:
            return guild.roster.is_opted_out(event.user_id)
        return kind in _ACTIVITY and not guild.is_tracked(event.user_id)

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
        self._holds.setdefault(key, self.clock.now())

    def release(self, key: object) -> None:
        """Undo `hold`; harmless if there was none."""
        self._holds.pop(key, None)
        if not self._holds:
            self.health.good("gateway")

    async def room(self) -> None:
        """Wait while the buffer is full; return at once otherwise."""
        if not self._roomy.is_set():
            await self._roomy.wait()

    @property
    def waiting(self) -> int:
        """Events that are not durable yet."""
        return len(self._buffer)

    # -- writing ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the group commits."""
        self._committer = asyncio.create_task(self._commit_forever(), name="group commit")

    async def _commit_forever(self) -> None:
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                await self.commit()
        except Exception as error:  # whatever it is: without commits this process must not go on
            self._fatal(error)

    async def commit(self) -> None:
        """Make durable all that was accepted so far. Waits for as long as the database is away."""
        async with self._writing:
            await self._append_buffered()

    async def flush(self) -> bool:
        """End the minute: tick, append, and write the read models with their checkpoint in one transaction.

        False if a hold keeps time from advancing: then events are made durable, and the read models stay at the last
        tick. Callers that wait for the same flush share it, and a caller that gives up does not undo it.
        """
        if self._next_flush is None:
            self._next_flush = asyncio.create_task(self._flush(), name="flush")
        return await asyncio.shield(self._next_flush)

    async def _flush(self) -> bool:
        try:
            async with self._writing:
                self._next_flush = None  # from here on, newcomers wait for the next one
                return await self._flush_now()
        except Exception as error:
            self._fatal(error)  # the deltas it held are in the log, from which the next start takes them
            raise

    async def exchange(self, partition: Partition, exchange: Exchange | None = None) -> bool:
        """A flush that also exchanges the rows and states of guilds that were counted anew (`store.recounting`).

        It ends the minute in `partition` even if no guild is known there; with `exchange` None it does no more. False:
        a hold keeps time from advancing, and nothing was exchanged. What stands in the way of single guilds is said in
        `exchange.obstacles`. A caller that gives up does not undo it.
        """
        return await asyncio.shield(asyncio.create_task(self._exchange(partition, exchange), name="exchange"))

    async def _exchange(self, partition: Partition, exchange: Exchange | None) -> bool:
        try:
            async with self._writing:
                return await self._flush_now(exchange, partition)
        except Exception as error:
            self._fatal(error)  # as in a flush
            raise

    async def _flush_now(self, exchange: Exchange | None = None, also: Partition | None = None) -> bool:
        if self._holds:
            self._complain_of_silence()
            await self._append_buffered()
            return False
        taken = self._tick(also=also)
        while await self._append_buffered():
            taken = self._tick(also=also)
        points = self._points(taken)
        if exchange is not None and not await self._caught_up(exchange):
            exchange = None
        tried = False

        def write() -> bool:
            nonlocal tried
            leave, tried = tried, exchange is not None  # what failed once is left out: nobody else waits for it
            return self._write(_batches(points), exchange, leave=leave)

        committed = await self._writer.until_done("flush", write)
        if exchange is not None:
            if committed:
                self._adopt(exchange)
            else:
                exchange.give_up("the database did not take what was counted")
        self._noted()
        return True

    async def _caught_up(self, exchange: Exchange) -> bool:
        upto, as_of = self._heads[exchange.partition], self._states[exchange.partition].as_of
        return await self._writer.once(partial(exchange.catch_up, upto, as_of))

    def _adopt(self, exchange: Exchange) -> None:
        """The states that were counted anew are the guilds' states from now on; their rows are written."""
        for guild in exchange.guilds:
            before, after = adopt(self._states[exchange.partition], exchange.fresh, guild, self._buffer)
            self.uncounted.discard(guild)
            if after is not None:
                now = Ms(max(self.clock.now(), self._states[exchange.partition].as_of))
                self.accept(*mend(before, after, now, late=guild in exchange.behind))

    def _points(self, taken: Mapping[Partition, Deltas]) -> list[_Point]:
        return [(p, self._heads[p], self._states[p].as_of, deltas) for p, deltas in taken.items()]

    def _write(self, batches: Sequence[FlushBatch], exchange: Exchange | None = None, *, leave: bool = False) -> bool:
        """On the writer's thread, as making rows of the deltas: thousands keep a loop busy.

        `leave`: the exchange was tried, and is left out now. Gives whether it is committed.
        """
        given = None if exchange is None or leave else exchange
        whole = self._whole(batches, given)
        fresh = store.state.flush(self._database, whole, self._lease, also=None if given is None else given.write)
        if leave and not fresh:  # that try was committed, and only its answer was lost
            given = exchange
            whole = self._whole(batches, given)
        self._held.clear()
        self.flushed.tell(whole)  # once: a try that was committed and whose answer was lost did not come here
        return given is not None

    def _whole(self, batches: Sequence[FlushBatch], exchange: Exchange | None) -> list[FlushBatch]:
        """What a flush has to write."""
        whole = self._held.with_held(batches if exchange is None else apart(batches, exchange))
        for batch in whole:
            for guild in self.uncounted & batch.changes.standing.keys():
                del batch.changes.standing[guild]
        return whole

    def _noted(self) -> None:
        self.health.flushes += 1
        self.health.last_flush_at = self.clock.now()

    async def look(self, guild: GuildId) -> bool:
        """Bring what is kept in memory of the guild to now, as a flush would: tick, append, and tell `looked`.

        What is told is durable in the log; the tables follow with the next flush, which is made at once where deltas
        cannot wait for it. False, sharing and giving up: as `flush`.
        """
        partition = partition_of(guild, len(self._states))
        if partition not in self._next_looks:
            self._next_looks[partition] = asyncio.create_task(self._look(partition), name="look")
        return await asyncio.shield(self._next_looks[partition])

    async def _look(self, partition: Partition) -> bool:
        try:
            async with self._writing:
                del self._next_looks[partition]  # from here on, newcomers wait for the next one
                if self._holds:
                    return await self._flush_now()
                taken = self._tick(partition)
                if await self._append_buffered():
                    return await self._flush_now()  # of the fold that was reloaded
                points = self._points(taken)
                if not await self._writer.once(lambda: self._told(_batches(points))):
                    await self._writer.until_done("flush", lambda: self._write(_batches(points)))
                    self._noted()
                self._tidy_up()
                return True
        except Exception as error:
            self._fatal(error)  # as in a flush
            raise

    def _tidy_up(self) -> None:
        """What a look leaves to be done is done while nobody waits for it."""
        if not self._held.full:
            self._merging = asyncio.create_task(self._writer.once(self._held.merge), name="merge looks")
        elif self._next_flush is None:
            self._next_flush = asyncio.create_task(self._flush(), name="flush")

    def _told(self, batches: Sequence[FlushBatch]) -> bool:
        """Tell of a look. False: these deltas erase somebody, and do not wait."""
        if any(batch.changes.forgotten for batch in batches):
            return False
        self.looked.tell([self._held.look(batch) for batch in batches])
        return True

    def _complain_of_silence(self) -> None:
        since = min(self._holds.values())
        if self.clock.now() - since > _PATIENCE_MS:
            self.health.bad("gateway", f"no connection to Discord since {from_ms(since):%Y-%m-%d %H:%M:%S} UTC")

    def _tick(self, only: Partition | None = None, *, also: Partition | None = None) -> dict[Partition, Deltas]:
        """Bring every partition (or one) that has guilds to now, and take what has changed; nothing runs in between.

        `also`: this one even if it has none.
        """
        taken = {}
        for partition, state in self._states.items():
            if (state.guilds or partition == also) and only in (None, partition):
                newest = max((guild.last_at for guild in state.guilds.values()), default=0)
                event = tick(partition, Ms(max(self.clock.now(), newest, state.as_of + 1)))
                self._buffer.append(event)
                state.apply(event)
                taken[partition] = state.take()
        return taken

    async def write(self, job: Callable[[], T]) -> T:
        """Run another job on the writer's thread, between commits, and hand on whatever it raises."""
        return await self._writer.once(job)

    async def _append_buffered(self) -> bool:
        """Append all that is buffered now, under the lock; what comes in meanwhile waits for the next commit.

        Events leave the buffer only when they are durable. True if the fold had to be reloaded: see `_reload`.
        """
        if self._timer is not None:  # it was for an event that goes now: the next one begins to wait anew
            self._timer.cancel()
            self._timer = None
        self._due.clear()
        self._appending = len(self._buffer)
        try:
            reloaded = await self._append_parts()
        finally:
            self._appending = 0
        if len(self._buffer) < self._limits.buffer_events:
            self._roomy.set()
        return reloaded

    async def _append_parts(self) -> bool:
        reloaded = False
        while self._appending:
            part = self._buffer[: min(self._appending, _BIGGEST_APPEND)]
            result = await self._writer.until_done("append", lambda part=part: self._append(part))  # type: ignore[misc]
            del self._buffer[: len(part)]
            self._appending -= len(part)
            self.health.committed_events += result.appended
            stale = any(d.position <= self._heads[d.partition] for d in result.duplicates) or result.repeated
            self._heads.update(result.last)
            if stale:
                await self._reload()
                reloaded = True
        return reloaded

    def _append(self, events: list[Event]) -> AppendResult:
        return store.log.append(self._database, events, recorded_at=self.clock.now(), lease=self._lease)

    async def _reload(self) -> None:
        """The log knew an event that the fold took for new: take the fold's state from the log, which is the truth.

        A duplicate *after* the last confirmed position is no such case: it is this process's own append, whose
        acknowledgement was lost.
        """
        fresh = await self._writer.until_done("reload", lambda: store.state.recover_all(self._database))
        for event in self._buffer:
            fresh[partition_of(event.guild_id, len(fresh))].apply(event)
        self._states.clear()
        self._states.update(fresh)
        self._held.clear()  # they are among what the new state has not written yet

    async def close(self, within: float) -> bool:
        """Append, flush and stop, `within` so many seconds. False if the database did not let us in that time.

        What could not be appended is lost with the process, and said so in the log by the caller.
        """
        self._writer.hurry()
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
            self._writer.close()


def _batches(points: Iterable[_Point]) -> list[FlushBatch]:
    return [FlushBatch(partition=p, position=n, as_of=at, changes=d.changes()) for p, n, at, d in points]
