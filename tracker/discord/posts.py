"""Posts between being owed and being on Discord: the shapes that the outbox and its renderers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import hikari

from tracker.events.settings import GuildSettings
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId

__all__ = ["BlockedError", "Deliveries", "DroppedError", "Owed", "Post", "Render", "channel_of"]


class Owed(Protocol):
    """A post that is owed. `channel_id` None: the guild's log channel, or what its kind has a setting for."""

    @property
    def key(self) -> str: ...
    @property
    def guild_id(self) -> GuildId: ...
    @property
    def channel_id(self) -> ChannelId | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> str: ...
    @property
    def nonce(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def created_at(self) -> Ms: ...


class Deliveries(Protocol):
    """Where posts are noted, off the event loop. All raise DatabaseError when the database cannot be reached."""

    async def due(self, now: Ms) -> Sequence[Owed]:
        """What is to be tried now: a few posts of each channel, in their order there, announcements last."""
        ...

    async def mark_sent(self, owed: Owed, message_id: MessageId) -> None:
        """It is posted."""
        ...

    async def mark_failed(self, owed: Owed, error: str, next_attempt_at: Ms) -> None:
        """It will be tried again."""
        ...

    async def mark_blocked(self, owed: Owed, error: str) -> None:
        """A person has to change something."""
        ...

    async def mark_dropped(self, owed: Owed, reason: str) -> None:
        """It will never be posted, and nobody has to do anything about it."""
        ...

    async def keep_newest(self, owed: Owed, like: str) -> bool:
        """Of what is owed with keys that begin with `like`, drop all but the newest; False if `owed` is not it."""
        ...

    async def member_name(self, guild: GuildId, user: UserId) -> str | None:
        """What a member is called, as they wrote it; None: not known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What is to be posted. `user_id`: in a direct message to them; None: in the channel of what is owed.

    `card`: a PNG; `picture`: one in the embed. It can be posted without either. `mentions`: whom it notifies.
    `unmistakable`: whether the words alone tell it from the bot's other posts, so that it can be found again.
    `maybe_since`: since when it may have been posted, though nothing is noted of that (an older copy of the database
    was brought back); None: it was not.
    """

    content: str | None = None
    embed: hikari.Embed | None = None
    card: bytes | None = None
    picture: bytes | None = None
    components: Sequence[hikari.api.ComponentBuilder] = ()
    mentions: tuple[UserId, ...] = ()
    user_id: UserId | None = None
    unmistakable: bool = True
    maybe_since: Ms | None = None


class BlockedError(Exception):
    """The post cannot be made before a person has changed what the text says."""


class DroppedError(Exception):
    """The post is not wanted any more, for the reason that the text says."""


Render = Callable[[Owed, GuildSettings], Awaitable[Post]]
"""Makes the post of what is owed. Raises BlockedError or DroppedError; ValueError if its payload cannot be read."""


def channel_of(owed: Owed, settings: GuildSettings) -> ChannelId | None:
    """The channel that it belongs into; None: there is none."""
    if owed.channel_id is None and owed.kind == "level":
        return settings.announcements.channel_id or settings.log_channel_id
    return owed.channel_id or settings.log_channel_id
