"""Reading the database from the event loop: on a thread of its own, beside the writer, never waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from store.chart_queries import read_chart_data
from store.engine import Database
from store.reporting import read_full_list, read_member_report, read_report, report_of_window
from tracker.clock import Clock
from tracker.ids import GuildId, RoleId, UserId
from tracker.ingest.calm import Calm
from tracker.ingest.kept_reports import KeptReports
from tracker.reports.chart_data import ChartData
from tracker.reports.model import MemberEntry, MemberReport, Report
from tracker.reports.window import Window

__all__ = ["Reader"]

T = TypeVar("T")


class Reader:
    """Reads reports and boards. At most two at a time, so that a rush of them leaves the machine its other core."""

    def __init__(
        self, database: Database, clock: Clock, kept: KeptReports | None = None, *, calm: Calm | None = None
    ) -> None:  # fmt: skip
        """`kept`: None reads every report from the database; otherwise it must be told of every flush.

        `calm`: is disturbed by each read.
        """
        self._database = database
        self._clock = clock
        self._kept = kept
        self._calm = calm or Calm()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reader")

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """The report of `role` (None: everyone) over the `period` that `day` (yyyymmdd; None: today) is in.

        Raises NotFoundError for a guild or role that is not in the database, DatabaseError if it cannot be read.
        """
        now = self._clock.now()

        def read() -> Report:
            known = None if self._kept is None else self._kept.report(guild, role, period, day, now)
            if known is not None:
                return known
            return read_report(self._database, guild_id=guild, role_id=role, period=period, day=day, now=now)

        return await self.read(read)

    async def report_of(self, guild: GuildId, role: RoleId | None, window: Window) -> Report:
        """The report of `role` (None: everyone) over any window. Raises as `report`."""
        now = self._clock.now()

        def read() -> Report:
            known = None if self._kept is None else self._kept.report_of(guild, role, window, now)
            if known is not None:
                return known
            return report_of_window(self._database, guild_id=guild, role_id=role, window=window, now=now)

        return await self.read(read)

    def keeps(self, guild: GuildId, role: RoleId | None, window: Window) -> bool:
        """Whether a report seems to be kept in memory, so that a look is enough for `report_at_once`."""
        return self._kept is not None and self._kept.has(guild, role, window)

    async def report_at_once(self, guild: GuildId, role: RoleId | None, window: Window) -> Report | None:
        """The report as of the last look, though the tables have not come so far; None: it takes a flush to tell.

        Raises DatabaseError.
        """
        kept, now = self._kept, self._clock.now()
        return None if kept is None else await self.read(lambda: kept.report_of(guild, role, window, now))

    async def warm(self, guild: GuildId, role: RoleId | None, window: Window) -> bool:
        """Keep what a report is made of before anybody asks; False: the guild is too small, or there is no room.

        Raises DatabaseError.
        """
        kept = self._kept
        return kept is not None and await self.read(lambda: kept.warm(guild, role, window))

    @property
    def lacks_history(self) -> bool:
        """Whether somebody asked about dates that are to be read for whoever asks next."""
        return self._kept is not None and self._kept.history.wanted

    async def read_history(self, patience_s: float) -> bool:
        """Read one more day of those, when nobody waits, or after so many seconds; False: all are there.

        Raises DatabaseError.
        """
        kept = self._kept
        if kept is None:
            return False
        await self._calm.come(patience_s)
        return await asyncio.get_running_loop().run_in_executor(self._threads, kept.history.read_more)

    async def member_report(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> MemberReport | None:
        """What one member did; None if the report of the role is not about them. Raises as `report`."""
        now = self._clock.now()

        def read() -> MemberReport | None:
            known = None if self._kept is None else self._kept.member_report(guild, role, user, window, now)
            if known is not None:
                return known[0]
            return read_member_report(
                self._database, guild_id=guild, role_id=role, user_id=user, window=window, now=now
            )  # fmt: skip

        return await self.read(read)

    async def member_report_at_once(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> tuple[MemberReport | None] | None:
        """As `report_at_once`, for one member; an answer comes as one in a tuple, because it may be None."""
        kept, now = self._kept, self._clock.now()
        return None if kept is None else await self.read(lambda: kept.member_report(guild, role, user, window, now))

    async def full_list(self, guild: GuildId, role: RoleId | None, window: Window) -> list[MemberEntry]:
        """Every member of a report, in its order. Raises DatabaseError."""
        now = self._clock.now()

        def read() -> list[MemberEntry]:
            known = None if self._kept is None else self._kept.full_list(guild, role, window, now)
            if known is not None:
                return known
            return read_full_list(self._database, guild_id=guild, role_id=role, window=window, now=now)

        return await self.read(read)

    async def full_list_at_once(
        self, guild: GuildId, role: RoleId | None, window: Window
    ) -> list[MemberEntry] | None:  # fmt: skip
        """As `report_at_once`, of every member."""
        kept, now = self._kept, self._clock.now()
        return None if kept is None else await self.read(lambda: kept.full_list(guild, role, window, now))

    async def chart_data(self, guild: GuildId, role: RoleId | None, window: Window) -> ChartData:
        """What the charts of a report show. Raises DatabaseError."""
        now = self._clock.now()

        def read() -> ChartData:
            known = None if self._kept is None else self._kept.chart_data(guild, role, window, now)
            if known is not None:
                return known
            return read_chart_data(self._database, guild_id=guild, role_id=role, window=window, now=now)

        return await self.read(read)

    async def read(self, job: Callable[[], T]) -> T:
        """What `job` reads, on a reader's thread. Raises what it raises."""
        with self._calm.disturbed():
            return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def close(self) -> None:
        """Start no read any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
