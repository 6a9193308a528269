"""What the parts of the world share: ids, look-up and telling the gateway."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from tracker.clock import Clock
from tracker.ids import DISCORD_EPOCH_MS, Ms
from tracker.sandbox.model import Channel, Guild, Json, Member, Message, User
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.payloads import message_json

__all__ = ["Emission", "WorldBase"]

_AGE_OF_GUILDS_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """Something happened that gateway sessions may be told."""

    name: str
    """The event's name in the dispatch."""

    data: Json
    """The event's body."""

    guild_id: int | None = None
    """Which guild it is about (decides the shard); None goes to shard 0."""

    blanked: Json | None = None
    """The body for sessions without the MESSAGE_CONTENT intent; None means that all get `data`."""

    about_bot: bool = False
    """Whether it is about the bot's own member, and so needs no members intent."""


class WorldBase:
    """State and look-up. Its methods belong to the server's event loop."""

    def __init__(self, *, clock: Clock, options: SandboxOptions) -> None:
        self.clock = clock
        self.options = options
        self.base_url = ""
        self.emit: Callable[[Emission], None] = lambda emission: None
        self.guilds: dict[int, Guild] = {}
        self.users: dict[int, User] = {}
        self.private: dict[int, Channel] = {}
        self._last_id = 0
        self._guilds_made = 0
        self._born = clock.now() - _AGE_OF_GUILDS_MS
        self.owner = self.add_user("sandbox.owner", global_name="Sandbox owner")
        self.bot = self.add_user(options.application_name, bot=True)
        self.application_id = self.bot.id
        self.token = _token(self.bot.id)

    def next_id(self) -> int:
        """A snowflake of the clock's present instant, higher than every one before it."""
        now = self.clock.now() - DISCORD_EPOCH_MS << 22
        self._last_id = max(now, self._last_id + 1)
        return self._last_id

    def next_guild_id(self) -> int:
        """A snowflake in the past, one millisecond after the last guild's, so that guilds spread over shards evenly."""
        self._guilds_made += 1
        return (self._born + self._guilds_made - DISCORD_EPOCH_MS) << 22

    def add_user(self, name: str, *, global_name: str | None = None, bot: bool = False) -> User:
        """An account that is in no guild yet."""
        user = User(id=self.next_id(), name=name, global_name=global_name, bot=bot)
        self.users[user.id] = user
        return user

    def now(self) -> Ms:
        """The world's present instant."""
        return self.clock.now()

    def guild_of(self, thing: Member | Channel) -> Guild:
        """The guild that a member or guild channel is in. Raises KeyError for a direct message."""
        if thing.guild_id is None:
            raise KeyError("a direct message is in no guild")
        return self.guilds[thing.guild_id]

    def me(self, guild: Guild) -> Member:
        """The bot's own member."""
        return guild.members[self.bot.id]

    def channel(self, channel_id: int) -> Channel | None:
        """The channel, thread or direct message of that id."""
        for guild in self.guilds.values():
            if channel_id in guild.channels:
                return guild.channels[channel_id]
        return self.private.get(channel_id)

    def messages(self, channel: Channel) -> list[Message]:
        """What stands in the channel, oldest first, ephemeral ones too."""
        return list(channel.messages.values())

    def message_body(self, message: Message) -> Json:
        """The message in JSON, with the one that it replies to."""
        channel = self.channel(message.channel_id)
        replied = None
        if channel is not None and message.reply_to is not None:
            replied = channel.messages.get(message.reply_to)
        return message_json(message, base_url=self.base_url, replied=replied)

    def tell(self, name: str, data: Json, guild: Guild | None = None, *, about_bot: bool = False) -> None:
        """Dispatch an event that every session with the intent gets alike."""
        if guild is None or guild.available:
            guild_id = None if guild is None else guild.id
            self.emit(Emission(name=name, data=data, guild_id=guild_id, about_bot=about_bot))


def _token(bot_id: int) -> str:
    """A bot token of the real shape: the id in base64, a middle part, a signature. It opens nothing."""
    head = base64.urlsafe_b64encode(str(bot_id).encode()).decode().rstrip("=")
    return f"{head}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"
