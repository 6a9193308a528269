"""Where commands learn what other rules would do."""

from __future__ import annotations

from typing import Protocol

from tracker.discord.desk import FreshDesk
from tracker.discord.sight import Intake
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, UserId
from tracker.reports.preview import Footing, Preview

__all__ = ["PreviewDesk", "PreviewReader"]


class PreviewReader(Protocol):
    """Reads off the event loop. Raises DatabaseError if the database cannot be read."""

    async def preview(
        self, guild: GuildId, before: GuildSettings, after: GuildSettings, *, season_over: bool = False
    ) -> Preview:
        """What it would mean for the guild's members if `after` were in force in the place of `before`.

        `season_over`: a new season has begun, in which nobody has earned anything.
        """
        ...

    async def footing(self, guild: GuildId, user: UserId, rules: GuildSettings) -> Footing:
        """What a member's nickname and tiers follow from under these rules."""
        ...


class PreviewDesk(FreshDesk):
    """A reader of previews whose answers are as of now."""

    def __init__(self, intake: Intake, reader: PreviewReader) -> None:
        super().__init__(intake)
        self._reader = reader

    async def preview(self, guild: GuildId, after: GuildSettings, *, season_over: bool = False) -> Preview:
        """What it would mean if `after` were in force, as of now. Raises DatabaseError if the database is away."""
        before = self._intake.sight.settings(guild)
        return await self._fresh(lambda: self._reader.preview(guild, before, after, season_over=season_over))

    async def footing(self, guild: GuildId, user: UserId, rules: GuildSettings) -> Footing:
        """As `PreviewReader.footing`, as of now."""
        return await self._fresh(lambda: self._reader.footing(guild, user, rules))
