"""One REST request as a handler sees it, and the questions that most handlers ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracker.sandbox.gateway.hub import Hub
from tracker.sandbox.model import Channel, Guild, Json, Member, Message, Role
from tracker.sandbox.permissions import Permission, in_channel, in_guild
from tracker.sandbox.wire import ApiError, Refusal, form_error
from tracker.sandbox.world import World

__all__ = ["Answer", "Call", "Handler", "Reply", "Route", "Upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of a multipart request."""

    filename: str
    content: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with another status than 200 (or 204 for None)."""

    status: int
    body: Any


Answer = Reply | Json | list[Json] | None
"""What a handler returns; None is 204."""


@dataclass(slots=True, kw_only=True)
class Call:
    """The request, and the world that it is about. Every method raises ApiError where Discord refuses."""

    world: World
    hub: Hub
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None
    """The JSON body (`payload_json` of a multipart one); None if there was none."""

    files: dict[int, Upload] = field(default_factory=dict)
    """Uploads by the number in `files[n]`."""

    def id(self, name: str) -> int:
        """A snowflake of the path."""
        value = self.path[name]
        if not value.isdigit():
            raise form_error(f"{name}_id", "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return int(value)

    def form(self) -> Json:
        """The body as an object; an empty one if there was none."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise ApiError(Refusal.INVALID_JSON)
        return self.body

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """An integer of the query string."""
        text = self.query.get(name, str(default))
        if not text.isdigit() or not low <= int(text) <= high:
            raise form_error(name, "NUMBER_TYPE_RANGE", f"int value should be between {low} and {high}.")
        return int(text)

    def query_id(self, name: str) -> int | None:
        """A snowflake of the query string; None if it is not given."""
        value = self.query.get(name)
        if value is not None and not value.isdigit():
            raise form_error(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return None if value is None else int(value)

    def guild(self, *needed: Permission) -> Guild:
        """The guild of the path, in which the bot holds what is needed."""
        guild = self.world.guilds.get(self.id("guild"))
        if guild is None:
            raise ApiError(Refusal.UNKNOWN_GUILD)
        held = in_guild(guild, self.world.me(guild))
        if any(not held & permission for permission in needed):
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        return guild

    def member(self, guild: Guild) -> Member:
        """The member of the path."""
        member = guild.members.get(self.id("user"))
        if member is None:
            raise ApiError(Refusal.UNKNOWN_MEMBER if self.id("user") in self.world.users else Refusal.UNKNOWN_USER)
        return member

    def role(self, guild: Guild) -> Role:
        """The role of the path."""
        role = guild.roles.get(self.id("role"))
        if role is None:
            raise ApiError(Refusal.UNKNOWN_ROLE)
        return role

    def channel(self, *needed: Permission) -> Channel:
        """The channel of the path, which the bot sees and in which it holds what is needed."""
        channel = self.world.channel(self.id("channel"))
        if channel is None:
            raise ApiError(Refusal.UNKNOWN_CHANNEL)
        self.require(channel, *needed)
        return channel

    def held(self, channel: Channel) -> int:
        """The bot's permissions in a channel; in a direct message it holds what it needs there."""
        if channel.guild_id is None:
            return ~int(Permission.MANAGE_MESSAGES)
        guild = self.world.guilds[channel.guild_id]
        return in_channel(guild, self.world.me(guild), channel)

    def require(self, channel: Channel, *needed: Permission) -> None:
        """Refuse unless the bot sees the channel (else 50001) and holds all that is needed (else 50013)."""
        held = self.held(channel)
        if not held & Permission.VIEW_CHANNEL:
            raise ApiError(Refusal.MISSING_ACCESS)
        if any(not held & permission for permission in needed):
            raise ApiError(Refusal.MISSING_PERMISSIONS)

    def message(self, channel: Channel) -> Message:
        """The message of the path that the bot can see."""
        message = channel.messages.get(self.id("message"))
        if message is None or message.ephemeral_to is not None:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path below `/api/v10`, and who answers it."""

    method: str
    template: str
    handler: Handler
    auth: bool = True
    """Whether it needs `Authorization: Bot …`; the interaction endpoints have their token in the path."""

    limited: bool = True
    """Whether it has a rate limit bucket of its own."""

    @property
    def key(self) -> str:
        """`METHOD /template`."""
        return f"{self.method} {self.template}"
