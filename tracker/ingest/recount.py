"""Counting guilds anew while the bot runs: history was added to them. How it is done: `store.recounting`.

Looks for marks after every flush. Of a guild that waits, the figures lack what was added; all else goes on as usual.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import store.log
import store.state
from store.engine import Database
from store.exchanging import Exchange, loaded
from store.marks import marked_guilds
from store.planning import measure
from store.recounting import Counted, forget_retired, remove, sweep
from store.state import FlushBatch
from tracker.errors import DatabaseError, TrackerError
from tracker.ids import GuildId, Ms, Partition
from tracker.ingest.ingest import Ingest
from tracker.ingest.recount_process import fold_apart
from tracker.ingest.recount_waiting import Waiting
from tracker.ingest.recount_worker import Request
from tracker.projections.rows import TABLES

__all__ = ["Recount"]

_LOG = logging.getLogger("tracker.ingest")

T = TypeVar("T")

_AT_ONCE: Final = 20_000
"""Rows of small guilds that are exchanged in one flush."""
_BIG: Final = 100_000
"""Rows after which PostgreSQL is told to look at its tables at once."""
_AGAIN_S: Final = 15.0


class Recount:
    """Belongs to one event loop. `url`: the database's address, for the process that folds.

    `fold`: folds apart; tests put something of their own in between.
    """

    def __init__(
        self,
        database: Database,
        url: str,
        ingest: Ingest,
        *,
        fold: Callable[[Request], Awaitable[Counted]] = fold_apart,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._url = url
        self._ingest = ingest
        self._fold = fold
        self._timer = timer
        self._waiting = ingest.sight.waiting = Waiting(ingest.health, ingest.clock, timer)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recount")
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; what is marked already is counted at once."""
        self._loop = asyncio.get_running_loop()
        self._due.set()
        self._task = asyncio.create_task(self._forever(), name="recount")

    def wake(self) -> None:
        """Somebody was marked just now: do not wait for the next flush. Called on the event loop."""
        self._due.set()

    def flushed(self, _: Sequence[FlushBatch]) -> None:
        """After every flush, on the writer's thread: see whether somebody is marked."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._due.set)

    def waiting_since(self, guild: GuildId) -> Ms | None:
        """Since when the guild's figures lack history that was added to it; None: they do not."""
        return self._waiting.since(guild)

    async def close(self) -> None:
        """Stop, also in the middle: whoever is still marked is counted after the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _forever(self) -> None:
        with suppress(DatabaseError):  # those who write say so louder
            await self._ingest.write(partial(sweep, self._database))  # of a process that was killed
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._waiting.next_s)
            self._due.clear()
            try:
                await self._look()
            except DatabaseError as error:
                _LOG.warning("no guild is counted anew: %s; trying again", error)
                await asyncio.sleep(_AGAIN_S)
            except Exception:  # the bot goes on without
                _LOG.exception("guilds could not be counted anew; trying again")
                await asyncio.sleep(_AGAIN_S)

    async def _look(self) -> None:
        marked = await self._apart(partial(marked_guilds, self._database))
        self._waiting.note(guild for guilds in marked.values() for guild in guilds)
        for partition in sorted(marked):
            ready = self._waiting.due(marked[partition])
            if ready:
                await self._count(partition, ready)

    async def _count(self, partition: Partition, guilds: Sequence[GuildId]) -> None:
        began = self._timer()
        await self._ingest.write(partial(forget_retired, self._database, partition, guilds))
        if not await self._ingest.exchange(partition):  # so that the checkpoint is beyond what was added
            self._waiting.later(guilds, "no connection to Discord: time stands still")
            return
        checkpoint = (await self._apart(partial(store.state.checkpoints, self._database)))[partition]
        self._waiting.counting(guilds)
        with self._place() as path:
            request = Request(
                url=self._url, path=path, partition=partition, checkpoint=checkpoint, guilds=tuple(guilds)
            )
            try:
                counted = await self._fold(request)
            except TrackerError as error:
                for guild in guilds:
                    self._waiting.failed(guild, str(error))
                return
            for guild, reason in counted.failed.items():
                self._waiting.failed(guild, reason)
            fresh = await self._apart(partial(loaded, self._database, counted, path))
            for group in _groups(counted.rows):
                await self._exchange(Exchange(self._database, counted, path, fresh, group), began)
            await self._tidy(sum(counted.rows.values()))

    async def _exchange(self, exchange: Exchange, began: float) -> None:
        wanted = exchange.guilds | exchange.obstacles.keys()
        head = (await self._apart(partial(store.log.head, self._database)))[exchange.partition]
        await self._apart(partial(exchange.approach, head))
        done = not exchange.guilds or await self._ingest.exchange(exchange.partition, exchange)
        if not done:
            exchange.give_up("no connection to Discord: time stands still")
        took = self._timer() - began
        for guild in exchange.behind - exchange.obstacles.keys():
            self._waiting.later([guild], "once more, now that its history says that nobody sees it")
        for guild in sorted(wanted - exchange.obstacles.keys() - exchange.behind):
            _LOG.info("guild %d: counted anew in %.1f s", guild, took)
            self._waiting.done(guild, took)
        for guild, why in exchange.obstacles.items():
            self._waiting.later([guild], why)

    async def _tidy(self, rows: int) -> None:
        await self._ingest.write(partial(sweep, self._database))
        if rows >= _BIG:
            await self._apart(partial(measure, self._database, list(TABLES)))

    @contextmanager
    def _place(self) -> Iterator[Path]:
        """Where the scratch file is: next to an SQLite database, where there is room for it; gone at the end."""
        if self._database.dialect == "sqlite":
            path = Path(f"{self._database.name}-recount")
            remove(path)  # of a process that was killed
            try:
                yield path
            finally:
                remove(path)
        else:
            with tempfile.TemporaryDirectory(prefix="tracker-recount-", ignore_cleanup_errors=True) as folder:
                yield Path(folder) / "scratch.db"

    async def _apart(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)


def _groups(rows: Mapping[GuildId, int]) -> Iterator[Collection[GuildId]]:
    """Guilds whose rows are exchanged together: the small ones first, a big one for itself."""
    group: list[GuildId] = []
    size = 0
    for guild in sorted(rows, key=lambda guild: rows[guild]):
        if group and size + rows[guild] > _AT_ONCE:
            yield group
            group, size = [], 0
        group.append(guild)
        size += rows[guild]
    if group:
        yield group
