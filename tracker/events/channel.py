"""Facts about a guild's channels and roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracker.ids import ChannelId, RoleId

__all__ = ["ChannelDescribed", "RoleDescribed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDescribed:
    """How the envelope's channel looks from now on.

    `kind`: voice, stage, text, news, forum, media, category, thread or other. `parent_id`: its category, None if it
    has none. `afk`: it is the guild's AFK channel.
    """

    TYPE: ClassVar[str] = "channel.described"
    VERSION: ClassVar[int] = 1
    name: str
    kind: str = "voice"
    parent_id: ChannelId | None = None
    afk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDescribed:
    """The name of a role from now on."""

    TYPE: ClassVar[str] = "role.described"
    VERSION: ClassVar[int] = 1
    role_id: RoleId
    name: str
