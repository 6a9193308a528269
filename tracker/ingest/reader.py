"""Reading the database from the event loop: on a thread of its own, beside the writer, never waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from store.engine import Database
from store.reporting import read_report
from tracker.clock import Clock
from tracker.ids import GuildId, RoleId
from tracker.reports.model import Report

__all__ = ["Reader"]

T = TypeVar("T")


class Reader:
    """Reads reports and boards. At most two at a time, so that a rush of them leaves the machine its other core."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """The report of `role` (None: everyone) over the `period` that `day` (yyyymmdd; None: today) is in.

        Raises NotFoundError for a guild or role that is not in the database, DatabaseError if it cannot be read.
        """
        return await self.read(
            lambda: read_report(
                self._database, guild_id=guild, role_id=role, period=period, day=day, now=self._clock.now()
            )
        )

    async def read(self, job: Callable[[], T]) -> T:
        """What `job` reads, on a reader's thread. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def close(self) -> None:
        """Start no read any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
