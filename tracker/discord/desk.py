"""Where commands get reports from: everything that happened up to now is written first, then the database is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from tracker.discord.sight import Intake
from tracker.discord.turns import Turns
from tracker.errors import DatabaseError
from tracker.ids import GuildId, RoleId, UserId
from tracker.projections.days import local_day
from tracker.reports.model import MemberEntry, MemberReport, Report
from tracker.reports.window import Window

__all__ = ["FreshDesk", "Pictures", "ReportDesk", "ReportReader", "Surroundings"]

T = TypeVar("T")

_PATIENCE_S: Final = 20.0


class ReportReader(Protocol):
    """Reads a report from the database, off the event loop."""

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """The report of `role` (None: everyone) over the `period` that `day` (yyyymmdd; None: today) is in.

        Raises NotFoundError for a guild or role that is not in the database, DatabaseError if it cannot be read.
        """
        ...

    async def report_of(self, guild: GuildId, role: RoleId | None, window: Window) -> Report:
        """The report over any window. Raises as `report`."""
        ...

    def keeps(self, guild: GuildId, role: RoleId | None, window: Window) -> bool:
        """Whether a report seems to be kept in memory, so that a look is enough for `report_at_once`."""
        ...

    async def report_at_once(self, guild: GuildId, role: RoleId | None, window: Window) -> Report | None:
        """The report as of the last look; None: it takes a flush to tell. Raises DatabaseError."""
        ...

    async def member_report(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> MemberReport | None:
        """What one member did; None if the report of the role is not about them. Raises as `report`."""
        ...

    async def member_report_at_once(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> tuple[MemberReport | None] | None:
        """As `report_at_once`, for one member; an answer comes as one in a tuple, because it may be None."""
        ...

    async def full_list(self, guild: GuildId, role: RoleId | None, window: Window) -> Sequence[MemberEntry]:
        """Every member of a report. Raises DatabaseError."""
        ...

    async def full_list_at_once(
        self, guild: GuildId, role: RoleId | None, window: Window
    ) -> Sequence[MemberEntry] | None:  # fmt: skip
        """As `report_at_once`, of every member."""
        ...


class Pictures(Protocol):
    """Draws the charts of reports, away from the event loop."""

    async def picture(self, report: Report, locale: str | None, *, scheduled: bool = False) -> bytes | None:
        """A PNG; None if there is none (in time). Never raises for what is wrong with a chart.

        `scheduled`: nobody waits for this one report, but others may stand behind it.
        """
        ...


class Surroundings(Protocol):
    """What the gateway has told of the guilds."""

    def has_role(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role is there; True too as long as nothing is known of the guild."""
        ...

    def icon(self, guild: GuildId) -> str | None:
        """The address of the guild's picture; None if it has none."""
        ...


class FreshDesk:
    """Answers as of now: a flush first (or a look, for what is kept in memory), then the read."""

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

    async def _looked(self, guild: GuildId, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` finds in memory once all that was accepted before the call is in the log and told of.

        Raises as `_fresh`.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._intake.look(guild)
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

    def __init__(
        self,
        intake: Intake,
        reader: ReportReader,
        *,
        pictures: Pictures | None = None,
        surroundings: Surroundings | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        """`pictures`: None, there are none. `surroundings`: None, no role is ever gone and no guild has an icon."""
        super().__init__(intake, patience_s=patience_s)
        self._reader = reader
        self._pictures = pictures
        self._surroundings = surroundings
        self.turns = Turns()

    def lacks_history(self, guild: GuildId) -> bool:
        """Whether history was added to the guild that its reports do not tell of yet."""
        return self._intake.sight.lacks_history(guild)

    def knows(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role was ever described: if not, there is no report of it."""
        return self._intake.sight.role_name(guild, role) is not None

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """As `ReportReader.report`, with all that was accepted before the call.

        Raises DatabaseError too when it cannot be written within the patience.
        """
        return await self._fresh(lambda: self._reader.report(guild, role, period, day))

    async def report_of(self, guild: GuildId, role: RoleId | None, window: Window) -> Report:
        """The report over any window; else as `report`."""
        if self._reader.keeps(guild, role, window):
            known = await self._looked(guild, lambda: self._reader.report_at_once(guild, role, window))
            if known is not None:
                return known
        return await self._fresh(lambda: self._reader.report_of(guild, role, window))

    async def member_report(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window
    ) -> MemberReport | None:
        """What one member did; None if the report of the role is not about them. Raises as `report`."""
        if self._reader.keeps(guild, role, window):
            known = await self._looked(
                guild, lambda: self._reader.member_report_at_once(guild, role, user, window)
            )  # fmt: skip
            if known is not None:
                return known[0]
        return await self._fresh(lambda: self._reader.member_report(guild, role, user, window))

    async def full_list(self, guild: GuildId, role: RoleId | None, window: Window) -> Sequence[MemberEntry]:
        """Every member of a report, as of now. Raises DatabaseError."""
        if self._reader.keeps(guild, role, window):
            known = await self._looked(guild, lambda: self._reader.full_list_at_once(guild, role, window))
            if known is not None:
                return known
        return await self._fresh(lambda: self._reader.full_list(guild, role, window))

    async def picture(self, report: Report, locale: str | None) -> bytes | None:
        """The report's charts; None if there are none."""
        return None if self._pictures is None else await self._pictures.picture(report, locale)

    def icon(self, guild: GuildId) -> str | None:
        """The address of the guild's picture; None if it has none."""
        return None if self._surroundings is None else self._surroundings.icon(guild)

    def is_gone(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role was deleted."""
        return self._surroundings is not None and not self._surroundings.has_role(guild, role)

    def shows_boards(self, guild: GuildId) -> bool:
        """Whether the guild wants its members' figures shown to each other."""
        return self._intake.sight.settings(guild).boards_enabled

    def zone(self, guild: GuildId) -> ZoneInfo:
        """The guild's time zone."""
        return self._intake.sight.settings(guild).zone

    def today(self, guild: GuildId) -> int:
        """The guild's local day (yyyymmdd)."""
        return local_day(self.zone(guild), self._intake.clock.now()).day
