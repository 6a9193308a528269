"""The live fold: the states of this process's partitions, and the way into the log of what led to them.

Order is what makes live, replayed and recovered state equal: events are folded in the order in which they are
buffered, and appended in that order by one writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

import store.log
import store.state
from store.engine import Database
from store.lease import Lease
from store.log import AppendResult
from store.state import FlushBatch
from tracker.clock import Clock
from tracker.events.envelope import Event
from tracker.events.ticks import tick
from tracker.ids import Ms, Partition, Position, partition_of
from tracker.ingest.buffer import Buffer, Limits
from tracker.ingest.health import Health
from tracker.ingest.held import Held
from tracker.ingest.writer import Writer
from tracker.projections.ledger import Deltas
from tracker.projections.state import PartitionState

__all__ = ["LiveFold", "Point", "batches_of"]

Point = tuple[Partition, Position, Ms, Deltas]
"""What a partition's flush or look has to say, up to its tick's position and instant."""


class LiveFold:
    """Belongs to one event loop. `states`: the same mapping for ever. `heads`: each partition's last position.

    `turn`: whoever ticks, appends or writes holds it; folding alone does not need it. `held`: what looks have taken.
    `fatal`: is told of what this process must not go on after.
    """

    def __init__(
        self,
        database: Database,
        lease: Lease | None,
        states: Mapping[Partition, PartitionState],
        heads: Mapping[Partition, Position],
        clock: Clock,
        limits: Limits,
        fatal: Callable[[Exception], None],
    ) -> None:
        self.clock = clock
        self.database = database
        self.lease = lease
        self.states = dict(states)
        self.heads = dict(heads)
        self.health = Health()
        self.writer = Writer(self.health)
        self.buffer = Buffer(limits)
        self.held = Held()
        self.turn = asyncio.Lock()
        self.fatal = fatal

    @asynccontextmanager
    async def flushing(self) -> AsyncIterator[None]:
        """The turn, for whoever takes deltas out of the fold: if that goes wrong, it is the end of this process.

        The deltas are lost with it, but not what led to them: the next start takes them from the log.
        """
        try:
            async with self.turn:
                yield
        except Exception as error:
            self.fatal(error)
            raise

    def tick(self, only: Partition | None = None, *, also: Partition | None = None) -> dict[Partition, Deltas]:
        """Bring every partition (or one) that has guilds to now, and take what has changed; nothing runs in between.

        `also`: this one even if it has none.
        """
        taken = {}
        for partition, state in self.states.items():
            if (state.guilds or partition == also) and only in (None, partition):
                newest = max((guild.last_at for guild in state.guilds.values()), default=0)
                event = tick(partition, Ms(max(self.clock.now(), newest, state.as_of + 1)))
                self.buffer.events.append(event)
                state.apply(event)
                taken[partition] = state.take()
        return taken

    def points(self, taken: Mapping[Partition, Deltas]) -> list[Point]:
        """What was taken, once the ticks are in the log."""
        return [(p, self.heads[p], self.states[p].as_of, deltas) for p, deltas in taken.items()]

    async def append(self) -> bool:
        """Append all that is buffered now; what comes in meanwhile waits for the next time.

        Events leave the buffer only when they are durable. True if the fold had to be reloaded: see `_reload`.
        """
        buffer, reloaded = self.buffer, False
        buffer.begin()
        try:
            while part := buffer.part():
                result = await self.writer.until_done("append", lambda part=part: self._append(part))  # type: ignore[misc]
                buffer.durable(part)
                self.health.committed_events += result.appended
                stale = any(d.position <= self.heads[d.partition] for d in result.duplicates) or result.repeated
                self.heads.update(result.last)
                if stale:
                    await self._reload()
                    reloaded = True
        finally:
            buffer.end()
        return reloaded

    def _append(self, events: list[Event]) -> AppendResult:
        return store.log.append(self.database, events, recorded_at=self.clock.now(), lease=self.lease)

    async def _reload(self) -> None:
        """The log knew an event that the fold took for new: take the fold's state from the log, which is the truth.

        A duplicate *after* the last confirmed position is no such case: it is this process's own append, whose
        acknowledgement was lost.
        """
        fresh = await self.writer.until_done("reload", lambda: store.state.recover_all(self.database))
        for event in self.buffer.events:
            fresh[partition_of(event.guild_id, len(fresh))].apply(event)
        self.states.clear()
        self.states.update(fresh)
        self.held.clear()  # they are among what the new state has not written yet


def batches_of(points: Iterable[Point]) -> list[FlushBatch]:
    """The deltas as rows, which takes a while where there are thousands: not for the event loop."""
    return [FlushBatch(partition=p, position=n, as_of=at, changes=d.changes()) for p, n, at, d in points]
