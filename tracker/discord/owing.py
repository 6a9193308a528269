"""How a post comes to be owed."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from tracker.ids import ChannelId, GuildId

__all__ = ["Owe"]


class Owe(Protocol):
    """Owes a post of one kind (`tracker.ingest.posts` has the whole of it)."""

    def __call__(self, guild: GuildId, channel: ChannelId, /, *, key: str, payload: str) -> Awaitable[bool]:
        """False if one of that key is or was owed already. Raises DatabaseError."""
        ...
