"""Who may do what (https://discord.com/developers/docs/topics/permissions)."""

from __future__ import annotations

from enum import IntFlag

from tracker.sandbox.model import Channel, Guild, Member, Role

__all__ = ["DEFAULT_EVERYONE", "Permission", "in_channel", "in_guild", "outranks", "outranks_role", "top_role"]


class Permission(IntFlag):
    """https://discord.com/developers/docs/topics/permissions#permissions-bitwise-permission-flags"""

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


ALL = (1 << 53) - 1
"""What an owner or administrator holds."""

DEFAULT_EVERYONE = (
    Permission.CREATE_INSTANT_INVITE
    | Permission.ADD_REACTIONS
    | Permission.STREAM
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.USE_VAD
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""What @everyone holds in a new guild."""

_NEEDS_SENDING = (
    Permission.MENTION_EVERYONE | Permission.SEND_TTS_MESSAGES | Permission.ATTACH_FILES | Permission.EMBED_LINKS
)
_WHEN_TIMED_OUT = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY


def in_guild(guild: Guild, member: Member) -> int:
    """The member's permissions before any channel's overwrites."""
    if member.id == guild.owner_id:
        return ALL
    held = guild.everyone.permissions
    for role_id in member.roles:
        held |= guild.roles[role_id].permissions
    if held & Permission.ADMINISTRATOR:
        return ALL
    return held if member.timeout_until is None else held & _WHEN_TIMED_OUT


def in_channel(guild: Guild, member: Member, channel: Channel) -> int:
    """The member's permissions in a channel; a thread has its parent's."""
    held = in_guild(guild, member)
    if held == ALL:
        return ALL
    if channel.type.is_thread and channel.parent_id is not None:
        channel = guild.channels[channel.parent_id]
    held = _overwritten(held, guild, member, channel)
    if not held & Permission.VIEW_CHANNEL:
        return 0
    if not held & Permission.SEND_MESSAGES:
        held &= ~_NEEDS_SENDING
    return held


def _overwritten(held: int, guild: Guild, member: Member, channel: Channel) -> int:
    """Apply the overwrites in Discord's order: @everyone, then all roles together, then the member."""
    everyone = channel.overwrites.get(guild.id)
    if everyone is not None:
        held = held & ~everyone.deny | everyone.allow
    of_roles = [channel.overwrites[role] for role in member.roles if role in channel.overwrites]
    for overwrite in of_roles:
        held &= ~overwrite.deny
    for overwrite in of_roles:
        held |= overwrite.allow
    own = channel.overwrites.get(member.id)
    if own is not None and own.member:
        held = held & ~own.deny | own.allow
    return held


def _rank(role: Role) -> tuple[int, int]:
    """Sorts roles low to high; of two in the same position the older one stands higher."""
    return role.position, -role.id


def top_role(guild: Guild, member: Member) -> Role:
    """The highest role that the member holds."""
    return max((guild.roles[role] for role in (*member.roles, guild.id)), key=_rank)


def outranks_role(guild: Guild, member: Member, role: Role) -> bool:
    """Whether the member may give, take and change the role (apart from holding MANAGE_ROLES)."""
    return member.id == guild.owner_id or _rank(top_role(guild, member)) > _rank(role)


def outranks(guild: Guild, member: Member, other: Member) -> bool:
    """Whether the member may act on the other; nobody outranks the owner."""
    if other.id == guild.owner_id:
        return member.id == other.id
    return outranks_role(guild, member, top_role(guild, other))
