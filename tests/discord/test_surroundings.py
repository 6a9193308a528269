"""A guild's picture as the gateway tells of it, and which of its roles are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import hikari

from tests.discord.wire import Wire
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.surroundings import Surroundings
from tracker.ids import GuildId, RoleId


@dataclass
class Ears:
    """Keeps who listens for what."""

    listeners: dict[Any, Any] = field(default_factory=dict)

    def hear(self, kind: Any, listener: Any) -> None:
        self.listeners[kind] = listener

    async def tell(self, kind: Any, icon: str | None) -> None:
        guild = SimpleNamespace(make_icon_url=lambda **_: icon)
        await self.listeners[kind](SimpleNamespace(guild_id=10, guild=guild))


async def test_a_guild_has_the_picture_that_was_told_last() -> None:
    ears, surroundings = Ears(), Surroundings(Hierarchy())
    surroundings.subscribe(ears)
    guild = GuildId(10)
    assert surroundings.icon(guild) is None
    await ears.tell(hikari.GuildAvailableEvent, "https://cdn.example/a.png")
    assert surroundings.icon(guild) == "https://cdn.example/a.png"
    await ears.tell(hikari.GuildUpdateEvent, None)
    assert surroundings.icon(guild) is None
    await ears.tell(hikari.GuildJoinEvent, "https://cdn.example/b.png")
    await ears.tell(hikari.GuildLeaveEvent, None)
    assert surroundings.icon(guild) is None


async def test_a_role_is_gone_only_where_the_guild_is_known(wire: Wire) -> None:
    role, other = RoleId(wire.role.id), GuildId(99)
    assert wire.front.surroundings.has_role(wire.guild_id, role)
    await wire.start()
    assert wire.front.surroundings.has_role(wire.guild_id, role)
    assert not wire.front.surroundings.has_role(wire.guild_id, RoleId(77))
    assert wire.front.surroundings.has_role(other, RoleId(77))
    assert wire.front.surroundings.icon(wire.guild_id) is None
