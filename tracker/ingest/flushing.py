"""Ending the running minute: a tick, and the read models' deltas with their checkpoint in one transaction.

Such a flush may also exchange the rows and states of guilds that were counted anew (`store.recounting`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import store.state
from store.exchanging import Exchange
from store.state import FlushBatch
from tracker.events.envelope import Event
from tracker.ids import GuildId, Ms, Partition
from tracker.ingest.holds import Holds
from tracker.ingest.live_fold import LiveFold, batches_of
from tracker.ingest.observers import Observers
from tracker.ingest.recount_adoption import adopt, apart, mend

__all__ = ["Flushing"]


class Flushing:
    """For whoever has the fold's turn. `told`: who is told of what is written. `accept`: takes in what follows from it.

    `uncounted`: of the members of these guilds, what they should look like stays as it is.
    """

    def __init__(self, fold: LiveFold, holds: Holds, uncounted: set[GuildId], accept: Callable[..., None]) -> None:
        self.told = Observers()
        self._fold = fold
        self._holds = holds
        self._uncounted = uncounted
        self._accept = accept

    async def now(self, exchange: Exchange | None = None, also: Partition | None = None) -> bool:
        """Flush. `also`: this partition even if no guild is known there. False: a hold keeps time from advancing.

        What stands in the way of single guilds of the exchange is said in `exchange.obstacles`.
        """
        fold = self._fold
        if self._holds:
            self._holds.complain()
            await fold.append()
            return False
        taken = fold.tick(also=also)
        while await fold.append():
            taken = fold.tick(also=also)
        points = fold.points(taken)
        if exchange is not None and not await self._caught_up(exchange):
            exchange = None
        tried = False

        def write() -> bool:
            nonlocal tried
            leave, tried = tried, exchange is not None  # what failed once is left out: nobody else waits for it
            return self.write(batches_of(points), exchange, leave=leave)

        committed = await fold.writer.until_done("flush", write)
        if exchange is not None:
            if committed:
                self._adopt(exchange)
            else:
                exchange.give_up("the database did not take what was counted")
        self.noted()
        return True

    def write(self, batches: Sequence[FlushBatch], exchange: Exchange | None = None, *, leave: bool = False) -> bool:
        """On the writer's thread, as making rows of the deltas: thousands keep a loop busy.

        `leave`: the exchange was tried, and is left out now. Gives whether it is committed.
        """
        fold, given = self._fold, None if exchange is None or leave else exchange
        whole = self._whole(batches, given)
        fresh = store.state.flush(fold.database, whole, fold.lease, also=None if given is None else given.write)
        if leave and not fresh:  # that try was committed, and only its answer was lost
            given = exchange
            whole = self._whole(batches, given)
        fold.held.clear()
        self.told.tell(whole)  # once: a try that was committed and whose answer was lost did not come here
        return given is not None

    def noted(self) -> None:
        """A flush is done."""
        self._fold.health.flushes += 1
        self._fold.health.last_flush_at = self._fold.clock.now()

    def _whole(self, batches: Sequence[FlushBatch], exchange: Exchange | None) -> list[FlushBatch]:
        """What a flush has to write."""
        whole = self._fold.held.with_held(batches if exchange is None else apart(batches, exchange))
        for batch in whole:
            for guild in self._uncounted & batch.changes.standing.keys():
                del batch.changes.standing[guild]
        return whole

    async def _caught_up(self, exchange: Exchange) -> bool:
        upto, as_of = self._fold.heads[exchange.partition], self._fold.states[exchange.partition].as_of
        return await self._fold.writer.once(partial(exchange.catch_up, upto, as_of))

    def _adopt(self, exchange: Exchange) -> None:
        """The states that were counted anew are the guilds' states from now on; their rows are written."""
        state = self._fold.states[exchange.partition]
        for guild in exchange.guilds:
            before, after = adopt(state, exchange.fresh, guild, self._fold.buffer.events)
            self._uncounted.discard(guild)
            if after is not None:
                now = Ms(max(self._fold.clock.now(), state.as_of))
                mended: list[Event] = mend(before, after, now, late=guild in exchange.behind)
                self._accept(*mended)
