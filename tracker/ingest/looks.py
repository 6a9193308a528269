"""Looks: what is kept in memory is brought to now as by a flush, and the tables follow with the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from store.state import FlushBatch
from tracker.ids import Partition
from tracker.ingest.calm import Calm
from tracker.ingest.flushing import Flushing
from tracker.ingest.holds import Holds
from tracker.ingest.live_fold import LiveFold, batches_of
from tracker.ingest.observers import Observers
from tracker.ingest.upkeep import Upkeep

__all__ = ["Looks"]

_PATIENCE_S: Final = 2.0


class Looks:
    """Belongs to one event loop. `told`: who is told of each look. `flush`: makes a flush that nobody waits for.

    `gathered`: who is given all looks since the last flush as one now and then, on the writer's thread.
    `calm`: is disturbed by each look. `upkeep`: begins after each of them.
    """

    def __init__(
        self,
        fold: LiveFold,
        holds: Holds,
        flushing: Flushing,
        flush: Callable[[], Awaitable[object]],
        calm: Calm,
    ) -> None:
        self.told, self.gathered = Observers(), Observers()
        self.upkeep = Upkeep(fold.writer, calm, last=self._gather)
        self._calm = calm
        self._fold = fold
        self._holds = holds
        self._flushing = flushing
        self._flush = flush
        self._next: dict[Partition, asyncio.Task[bool]] = {}
        self._after: asyncio.Task[object] | None = None

    async def look(self, partition: Partition) -> bool:
        """Tick, append, and tell. Who waits for the same look shares it; a caller that gives up does not undo it."""
        if partition not in self._next:
            self._next[partition] = asyncio.create_task(self._look(partition), name="look")
        with self._calm.disturbed():
            return await asyncio.shield(self._next[partition])

    async def close(self) -> None:
        """Leave undone what nobody waits for: the last flush does it."""
        await self.upkeep.close()
        if self._after is not None:
            self._after.cancel()
            await asyncio.wait([self._after])

    async def _look(self, partition: Partition) -> bool:
        fold = self._fold
        async with fold.flushing():
            del self._next[partition]  # from here on, newcomers wait for the next one
            if self._holds:
                return await self._flushing.now()
            taken = fold.tick(partition)
            if await fold.append():
                return await self._flushing.now()  # of the fold that was reloaded
            points = fold.points(taken)
            if not await fold.writer.once(lambda: self._tell(batches_of(points))):
                await fold.writer.until_done("flush", lambda: self._flushing.write(batches_of(points)))
                self._flushing.noted()
            self._tidy_up()
            return True

    def _tell(self, batches: Sequence[FlushBatch]) -> bool:
        """Tell of a look. False: these deltas erase somebody, and do not wait."""
        if any(batch.changes.forgotten for batch in batches):
            return False
        self.told.tell([self._fold.held.look(batch) for batch in batches])
        return True

    def _tidy_up(self) -> None:
        """What a look leaves to be done is done while nobody waits for it."""
        self.upkeep.begin()
        held = self._fold.held
        if held.overfull or (held.full and (self._after is None or self._after.done())):
            self._after = asyncio.ensure_future(self._flush() if held.overfull else self._flush_soon())

    def _gather(self) -> bool:
        """Merge what waits; then those who hold on to looks need not hold on to each."""
        if self._fold.held.merge():
            return True
        gathered = self._fold.held.gather()
        if gathered:
            self.gathered.tell(gathered)
        return False

    async def _flush_soon(self) -> None:
        """An answer would wait for the flush's transaction: it is made between answers, if there is time."""
        await self._calm.come(_PATIENCE_S)
        if self._fold.held.full:
            await self._flush()
