"""What the report schedule sees: guilds whose figures are incomplete are told of later."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms
from tracker.ingest.sight import FoldSight

__all__ = ["CountedSight"]


@dataclass(frozen=True, slots=True)
class CountedSight:
    """As the fold sees them, but guilds in `uncounted` pass for not seen: what came due waits till they are counted."""

    sight: FoldSight
    uncounted: Container[GuildId]

    def all_settings(self) -> Iterable[tuple[GuildId, GuildSettings]]:
        """Every guild with the settings in force there."""
        return self.sight.all_settings()

    def settings(self, guild: GuildId) -> GuildSettings:
        """The settings in force."""
        return self.sight.settings(guild)

    def lost_at(self, guild: GuildId) -> Ms | None:
        """Since when the tracker is away from the guild, or does not know its figures; None if neither."""
        return Ms(0) if guild in self.uncounted else self.sight.lost_at(guild)
