"""The things of which the sandbox's world is made. They are mutable; only `World` and the REST handlers change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from tracker.ids import Ms

__all__ = [
    "Attachment",
    "Channel",
    "ChannelType",
    "Guild",
    "Json",
    "Member",
    "Message",
    "MessageFlag",
    "Overwrite",
    "Role",
    "User",
    "VoiceState",
]

Json = dict[str, Any]
"""A JSON object."""

_NEVER = Ms(0)


class ChannelType(IntEnum):
    """https://discord.com/developers/docs/resources/channel#channel-object-channel-types"""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    NEWS = 5
    NEWS_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15

    @property
    def is_thread(self) -> bool:
        """Whether the channel lives below another and has its permissions."""
        return self in (ChannelType.NEWS_THREAD, ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD)

    @property
    def is_voice(self) -> bool:
        """Whether members can be connected to it."""
        return self in (ChannelType.VOICE, ChannelType.STAGE)

    @property
    def holds_messages(self) -> bool:
        """Whether messages can be sent into it (voice channels have a chat of their own)."""
        return self not in (ChannelType.CATEGORY, ChannelType.FORUM)


class MessageFlag(IntFlag):
    """https://discord.com/developers/docs/resources/message#message-object-message-flags"""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """An account, human or bot."""

    id: int
    name: str
    global_name: str | None = None
    bot: bool = False
    system: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Role:
    """A role of one guild; the one whose id is the guild's is @everyone."""

    id: int
    guild_id: int
    name: str
    permissions: int = 0
    position: int = 0
    color: int = 0
    hoist: bool = False
    mentionable: bool = False
    managed: bool = False
    bot_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """What a channel allows or denies to a role (`member` false) or to one member."""

    id: int
    member: bool = False
    allow: int = 0
    deny: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """A channel, category, thread or direct message (`guild_id` None).

    `archived_at`: when `archived` was last changed, as Discord counts it.
    """

    id: int
    type: ChannelType
    name: str = ""
    guild_id: int | None = None
    parent_id: int | None = None
    position: int = 0
    topic: str | None = None
    nsfw: bool = False
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    recipient: User | None = None
    owner_id: int | None = None
    created_at: Ms = _NEVER
    archived: bool = False
    archived_at: Ms = _NEVER
    locked: bool = False
    bitrate: int = 64_000
    user_limit: int = 0
    slowmode_s: int = 0
    applied_tags: tuple[int, ...] = ()
    messages: dict[int, Message] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class VoiceState:
    """One member's connection to voice."""

    channel_id: int
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    self_stream: bool = False
    self_video: bool = False
    suppress: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """A user in one guild. `voice` None: not connected. `timeout_until` None: may talk."""

    guild_id: int
    user: User
    nick: str | None = None
    roles: list[int] = field(default_factory=list)
    joined_at: Ms = _NEVER
    mute: bool = False
    deaf: bool = False
    timeout_until: Ms | None = None
    voice: VoiceState | None = None

    @property
    def id(self) -> int:
        """The user's id."""
        return self.user.id

    @property
    def display_name(self) -> str:
        """What the client shows: nickname, else global name, else user name."""
        return self.nick or self.user.global_name or self.user.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message. `content` holds its bytes."""

    id: int
    filename: str
    content: bytes
    content_type: str | None = None
    description: str | None = None
    size: tuple[int, int] | None = None
    """Width and height of an image in pixels; None if it is not one."""


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A stored message. `ephemeral_to` is the only user who sees it; None means everyone who sees the channel."""

    id: int
    channel_id: int
    author: User
    created_at: Ms
    guild_id: int | None = None
    type: int = 0
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0
    tts: bool = False
    edited_at: Ms | None = None
    nonce: str | int | None = None
    webhook_id: int | None = None
    application_id: int | None = None
    reply_to: int | None = None
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    ephemeral_to: int | None = None
    interaction: Json | None = None

    @property
    def loading(self) -> bool:
        """Whether it still says "… is thinking" (a deferred answer)."""
        return bool(self.flags & MessageFlag.LOADING)


@dataclass(slots=True, kw_only=True, eq=False)
class Guild:
    """A server. `channels` holds threads too."""

    id: int
    name: str
    owner_id: int
    joined_at: Ms
    locale: str = "en-US"
    available: bool = True
    afk_channel_id: int | None = None
    afk_timeout_s: int = 300
    roles: dict[int, Role] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)

    @property
    def everyone(self) -> Role:
        """The @everyone role."""
        return self.roles[self.id]

    def in_voice(self) -> list[Member]:
        """The members that are connected to voice."""
        return [member for member in self.members.values() if member.voice is not None]
