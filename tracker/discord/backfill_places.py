"""Which of a guild's channels and threads hold messages of the time wanted, and which of them the bot may read.

Asked over REST alone, so that the command line can do it without a gateway.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import hikari

from store.backfills import Backfill, Place
from tracker.clock import from_ms
from tracker.discord.overwrites import permissions_in
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, GuildId, MessageId, Ms

__all__ = ["Survey", "first_id_at", "lacking", "survey"]

_P = hikari.Permissions
_NEEDED: Final = (_P.VIEW_CHANNEL, _P.READ_MESSAGE_HISTORY)
_WITH_MESSAGES: Final = (
    hikari.ChannelType.GUILD_TEXT, hikari.ChannelType.GUILD_NEWS,
    hikari.ChannelType.GUILD_VOICE, hikari.ChannelType.GUILD_STAGE,
)  # fmt: skip
_ONLY_THREADS: Final = (hikari.ChannelType.GUILD_FORUM, hikari.ChannelType.GUILD_MEDIA)
_VOICE: Final = (hikari.ChannelType.GUILD_VOICE, hikari.ChannelType.GUILD_STAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """`channels` and `threads` are to be read; `refused` may not be (of a forum, none of its posts)."""

    channels: tuple[Place, ...]
    threads: tuple[Place, ...]
    refused: tuple[Place, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """All of them."""
        return *self.channels, *self.threads, *self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rights:
    """What decides what the bot may do in a channel. `held`: in the whole guild."""

    me: hikari.Member
    held: hikari.Permissions

    def lacking(self, channel: hikari.PermissibleGuildChannel) -> tuple[str, ...]:
        there = permissions_in(channel, self.me, self.held)
        needed = (*_NEEDED, _P.CONNECT) if channel.type in _VOICE else _NEEDED
        return tuple(str(p.name) for p in needed if not there & p)


def first_id_at(moment: Ms) -> MessageId:
    """The lowest id that something of this instant can have."""
    return MessageId(max(0, moment - DISCORD_EPOCH_MS) << 22)


async def survey(rest: hikari.api.RESTClient, wanted: Backfill, *, archived: bool = True) -> Survey:
    """`archived` False leaves out the threads that are archived: there, each channel has to be asked by itself.

    Raises hikari's errors; NotFoundError or ForbiddenError if the bot is not in the guild.
    """
    rights = await _rights(rest, wanted.guild_id)
    start = Place(channel_id=ChannelId(0), name="", before=first_id_at(wanted.until))
    channels, refused, parents = [], [], {}
    for channel in await rest.fetch_guild_channels(wanted.guild_id):
        if not isinstance(channel, hikari.PermissibleGuildChannel):
            continue
        if channel.type not in _WITH_MESSAGES and channel.type not in _ONLY_THREADS:
            continue
        place = replace(start, channel_id=ChannelId(channel.id), name=channel.name or str(channel.id))
        if rights.lacking(channel):
            if wanted.channel_id in (None, place.channel_id):
                refused.append(replace(place, state="refused"))
            continue
        parents[ChannelId(channel.id)] = channel
        if (
            channel.type in _WITH_MESSAGES
            and wanted.channel_id in (None, place.channel_id)
            and _may_hold(channel, wanted)
        ):
            channels.append(place)
    threads = {
        ChannelId(thread.id): replace(
            start,
            channel_id=ChannelId(thread.id),
            name=thread.name or str(thread.id),
            parent_id=ChannelId(thread.parent_id),
        )
        async for thread in _threads(rest, wanted, parents, archived=archived)
        if _may_hold(thread, wanted)
    }
    return Survey(channels=tuple(channels), threads=tuple(threads.values()), refused=tuple(refused))


async def lacking(rest: hikari.api.RESTClient, guild: GuildId, channel: ChannelId) -> tuple[str, ...]:
    """The permissions that the bot lacks now to read the channel's history; none if all is well.

    Raises hikari's errors, ForbiddenError and NotFoundError among them.
    """
    found = await rest.fetch_channel(channel)
    if not isinstance(found, hikari.PermissibleGuildChannel):
        return ()
    return (await _rights(rest, guild)).lacking(found)


async def _rights(rest: hikari.api.RESTClient, guild_id: GuildId) -> _Rights:
    guild = await rest.fetch_guild(guild_id)
    me = await rest.fetch_member(guild_id, (await rest.fetch_my_user()).id)
    if guild.owner_id == me.id:
        return _Rights(me=me, held=_P.all_permissions())
    held = _P.NONE
    for role in {*me.role_ids, guild.id}:
        held |= guild.roles[role].permissions if role in guild.roles else _P.NONE
    return _Rights(me=me, held=_P.all_permissions() if held & _P.ADMINISTRATOR else held)


async def _threads(
    rest: hikari.api.RESTClient,
    wanted: Backfill,
    parents: dict[ChannelId, hikari.PermissibleGuildChannel],
    *,
    archived: bool,
) -> AsyncIterator[hikari.GuildThreadChannel]:
    """Of channels that may be read, those that are wanted."""
    for thread in await rest.fetch_active_threads(wanted.guild_id):
        parent = ChannelId(thread.parent_id)
        if parent in parents and wanted.channel_id in (None, parent, ChannelId(thread.id)):
            yield thread
    if not archived:
        return
    for parent, channel in parents.items():
        if channel.type in _VOICE or (wanted.channel_id not in (None, parent) and wanted.channel_id in parents):
            continue
        async for thread in _archived(rest, channel, since=wanted.since):
            if wanted.channel_id in (None, parent, ChannelId(thread.id)):
                yield thread


async def _archived(
    rest: hikari.api.RESTClient, parent: hikari.PermissibleGuildChannel, *, since: Ms
) -> AsyncIterator[hikari.GuildThreadChannel]:
    """The last archived first; one that was archived before `since` was not written into after it."""
    try:
        async for thread in rest.fetch_public_archived_threads(parent):
            if thread.archive_timestamp < from_ms(since):
                return
            yield thread
    except (hikari.ForbiddenError, hikari.NotFoundError):
        return  # the permission was taken away, or the channel deleted, just now


def _may_hold(channel: hikari.GuildChannel, wanted: Backfill) -> bool:
    """Whether its newest message, if Discord says which, is of the time wanted. (It stays named when it is deleted.)"""
    newest = getattr(channel, "last_message_id", None)
    return newest is None or int(newest) >= first_id_at(wanted.since)
