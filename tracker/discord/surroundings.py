"""What reports need to know of a guild as Discord describes it: its picture, and which roles there are."""

from __future__ import annotations

from typing import Final

import hikari

from tracker.discord.hierarchy import Hierarchy
from tracker.discord.listeners import Ears
from tracker.ids import GuildId, RoleId

__all__ = ["Surroundings"]

_ICON_SIZE: Final = 128


class Surroundings:
    """Fed by the gateway; asked on the event loop."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._hierarchy = hierarchy
        self._icons: dict[int, str] = {}

    def subscribe(self, events: Ears) -> None:
        """Hear what changes it."""
        events.hear(hikari.GuildAvailableEvent, self._on_guild)
        events.hear(hikari.GuildJoinEvent, self._on_guild)
        events.hear(hikari.GuildUpdateEvent, self._on_guild)
        events.hear(hikari.GuildLeaveEvent, self._on_gone)

    def has_role(self, guild: GuildId, role: RoleId) -> bool:
        """Whether the role is there; True too as long as nothing is known of the guild."""
        return not self._hierarchy.knows(guild) or self._hierarchy.role(guild, role) is not None

    def icon(self, guild: GuildId) -> str | None:
        """The address of the guild's picture; None if it has none."""
        return self._icons.get(guild)

    async def _on_guild(
        self, event: hikari.GuildAvailableEvent | hikari.GuildJoinEvent | hikari.GuildUpdateEvent
    ) -> None:
        url = event.guild.make_icon_url(file_format="PNG", size=_ICON_SIZE)
        if url is None:
            self._icons.pop(event.guild_id, None)
        else:
            self._icons[event.guild_id] = str(url)

    async def _on_gone(self, event: hikari.GuildLeaveEvent) -> None:
        self._icons.pop(event.guild_id, None)
