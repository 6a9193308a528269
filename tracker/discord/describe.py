"""hikari's members, channels and roles as facts; only where they differ from what is known. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import hikari

from tracker.discord.sight import Sight
from tracker.events.channel import ChannelDescribed, RoleDescribed
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined, MemberLeft, MemberRenamed, MemberRolesChanged
from tracker.ids import ChannelId, GuildId, Ms, RoleId, UserId, mint_event_id

__all__ = ["channel", "left", "member", "name_of", "role"]

_KINDS: dict[int, str] = {
    hikari.ChannelType.GUILD_TEXT: "text",
    hikari.ChannelType.GUILD_VOICE: "voice",
    hikari.ChannelType.GUILD_CATEGORY: "category",
    hikari.ChannelType.GUILD_NEWS: "news",
    hikari.ChannelType.GUILD_NEWS_THREAD: "thread",
    hikari.ChannelType.GUILD_PUBLIC_THREAD: "thread",
    hikari.ChannelType.GUILD_PRIVATE_THREAD: "thread",
    hikari.ChannelType.GUILD_STAGE: "stage",
    hikari.ChannelType.GUILD_FORUM: "forum",
    hikari.ChannelType.GUILD_MEDIA: "media",
}


def name_of(seen: hikari.Member) -> str:
    """What the guild sees: nickname, else display name, else user name."""
    return seen.nickname or seen.user.global_name or seen.user.username


def member(seen: hikari.Member, sight: Sight, now: Ms) -> Iterator[Event]:
    """Joined, renamed, other roles: what `seen` says that was not known. Nothing for a bot or who opted out."""
    guild, user = GuildId(seen.guild_id), UserId(seen.id)
    known = sight.member(guild, user)
    if seen.is_bot or (known is not None and known.opted_out):
        return
    name, roles = name_of(seen), tuple(RoleId(role) for role in sorted(seen.role_ids) if role != seen.guild_id)
    if known is None:
        yield _event(guild, user, now, MemberJoined(name=name))
    elif not known.is_named(name):
        yield _event(guild, user, now, MemberRenamed(name=name))
    if roles != (() if known is None else known.role_ids):
        yield _event(guild, user, now, MemberRolesChanged(role_ids=roles))


def left(guild: GuildId, user: UserId, sight: Sight, now: Ms) -> Iterator[Event]:
    """The user is not in the guild any more. Nothing if that was known, or for a bot."""
    if sight.member(guild, user) is not None:
        yield _event(guild, user, now, MemberLeft())


def channel(seen: hikari.GuildChannel, *, afk: bool, sight: Sight, now: Ms) -> Iterator[Event]:
    """How a channel looks, if it looks different now. `afk`: it is the guild's AFK channel."""
    guild, channel_id = GuildId(seen.guild_id), ChannelId(seen.id)
    described = ChannelDescribed(
        name=seen.name or "",
        kind=_KINDS.get(seen.type, "other"),
        parent_id=None if seen.parent_id is None else ChannelId(seen.parent_id),
        afk=afk,
    )
    if sight.channel(guild, channel_id) != described:
        yield Event(id=mint_event_id(now), guild_id=guild, channel_id=channel_id, occurred_at=now, data=described)


def role(seen: hikari.Role, sight: Sight, now: Ms) -> Iterator[Event]:
    """A role's name, if it is another one now. @everyone is no role of anybody's."""
    guild, role_id = GuildId(seen.guild_id), RoleId(seen.id)
    if seen.id != seen.guild_id and sight.role_name(guild, role_id) != seen.name:
        data = RoleDescribed(role_id=role_id, name=seen.name)
        yield Event(id=mint_event_id(now), guild_id=guild, occurred_at=now, data=data)


def without_role(guild: GuildId, role_id: RoleId, sight: Sight, now: Ms) -> Iterator[Event]:
    """A role is deleted: nobody holds it any more. Discord says so of the role only, not of its holders."""
    for user in sight.members(guild):
        known = sight.member(guild, user)
        if known is not None and role_id in known.role_ids:
            left_over = tuple(held for held in known.role_ids if held != role_id)
            yield _event(guild, user, now, MemberRolesChanged(role_ids=left_over))


def _event(
    guild: GuildId, user: UserId, now: Ms, data: MemberJoined | MemberLeft | MemberRenamed | MemberRolesChanged
) -> Event:
    return Event(id=mint_event_id(now), guild_id=guild, user_id=user, occurred_at=now, data=data)
