"""Where `/why` gets a member's day from."""

from __future__ import annotations

from typing import Protocol

from tracker.discord.desk import FreshDesk
from tracker.discord.sight import Intake
from tracker.ids import GuildId, UserId
from tracker.projections.days import local_day
from tracker.reports.why import explain
from tracker.reports.why_model import DayFacts, Why

__all__ = ["WhyDesk", "WhyReader"]


class WhyReader(Protocol):
    """Reads a member's day from the database, off the event loop. Raises DatabaseError if it cannot be read."""

    async def day(self, guild: GuildId, user: UserId, day: int | None) -> DayFacts:
        """What the tables hold of the local day `day` (yyyymmdd; None: today)."""
        ...

    def looks(self) -> bool:
        """Whether what happened since the last flush is known, so that a look is enough for `day_at_once`."""
        ...

    async def day_at_once(self, guild: GuildId, user: UserId, day: int | None) -> DayFacts | None:
        """As of the last look; None: it takes a flush to tell."""
        ...


class WhyDesk(FreshDesk):
    """Explains days, as of now. Raises DatabaseError if the database is away."""

    def __init__(self, intake: Intake, reader: WhyReader) -> None:
        super().__init__(intake)
        self._reader = reader

    def today(self, guild: GuildId) -> int:
        """The guild's local day (yyyymmdd)."""
        return local_day(self._intake.sight.settings(guild).zone, self._intake.clock.now()).day

    async def why(self, guild: GuildId, user: UserId, day: int | None) -> Why:
        """Why the member earned what they earned on the day (None: today), with all that was accepted until now."""
        if self._reader.looks():
            facts = await self._looked(guild, lambda: self._reader.day_at_once(guild, user, day))
            if facts is not None:
                return explain(facts)
        return explain(await self._fresh(lambda: self._reader.day(guild, user, day)))
