"""Where commands get reports from: everything that happened up to now is written first, then the database is asked."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from tracker.discord.sight import Intake
from tracker.errors import DatabaseError
from tracker.ids import GuildId, RoleId
from tracker.reports.model import Report

__all__ = ["ReportDesk", "ReportReader"]

_PATIENCE_S: Final = 20.0


class ReportReader(Protocol):
    """Reads a report from the database, off the event loop."""

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """The report of `role` (None: everyone) over the `period` that `day` (yyyymmdd; None: today) is in.

        Raises NotFoundError for a guild or role that is not in the database, DatabaseError if it cannot be read.
        """
        ...


class ReportDesk:
    """A reader whose answers are as of now."""

    def __init__(self, intake: Intake, reader: ReportReader, *, patience_s: float = _PATIENCE_S) -> None:
        self._intake = intake
        self._reader = reader
        self._patience_s = patience_s
        self._flushes: list[asyncio.Future[object]] = []

    def knows(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role was ever described: if not, there is no report of it."""
        return self._intake.sight.role_name(guild, role) is not None

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """As `ReportReader.report`, with all that was accepted before the call.

        Raises DatabaseError too when it cannot be written within the patience.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await asyncio.shield(self._flush())
                return await self._reader.report(guild, role, period, day)
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
