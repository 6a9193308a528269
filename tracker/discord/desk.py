"""Where commands get reports from: everything that happened up to now is written first, then the database is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from tracker.discord.sight import Intake
from tracker.errors import DatabaseError
from tracker.ids import GuildId, RoleId
from tracker.reports.model import Report

__all__ = ["FreshDesk", "ReportDesk", "ReportReader"]

T = TypeVar("T")

_PATIENCE_S: Final = 20.0


class ReportReader(Protocol):
    """Reads a report from the database, off the event loop."""

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """The report of `role` (None: everyone) over the `period` that `day` (yyyymmdd; None: today) is in.

        Raises NotFoundError for a guild or role that is not in the database, DatabaseError if it cannot be read.
        """
        ...


class FreshDesk:
    """Answers as of now: a flush first, then the read."""

    def __init__(self, intake: Intake, *, patience_s: float = _PATIENCE_S) -> None:
        self._intake = intake
        self._patience_s = patience_s
        self._flushes: list[asyncio.Future[object]] = []

    async def _fresh(self, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` finds once all that was accepted before the call is written.

        Raises DatabaseError too when it cannot be written and read within the patience.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await asyncio.shield(self._flush())
                return await read()
        except TimeoutError:
            raise DatabaseError("the database has not answered in time") from None

    def _flush(self) -> asyncio.Future[object]:
        """A flush that begins after now. It is never cancelled: it belongs to everybody.

        Flushes wait for each other. If one runs and another one waits, the waiting one has not begun and will do.
        """
        self._flushes = [flush for flush in self._flushes if not flush.done()]
        if len(self._flushes) < 2:
            self._flushes.append(asyncio.ensure_future(self._intake.flush()))
        return self._flushes[-1]


class ReportDesk(FreshDesk):
    """A reader of reports whose answers are as of now."""

    def __init__(self, intake: Intake, reader: ReportReader, *, patience_s: float = _PATIENCE_S) -> None:
        super().__init__(intake, patience_s=patience_s)
        self._reader = reader

    def knows(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role was ever described: if not, there is no report of it."""
        return self._intake.sight.role_name(guild, role) is not None

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """As `ReportReader.report`, with all that was accepted before the call.

        Raises DatabaseError too when it cannot be written within the patience.
        """
        return await self._fresh(lambda: self._reader.report(guild, role, period, day))
