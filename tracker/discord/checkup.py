"""Asking Discord, over REST alone, whether the bot may do all that a server's settings need. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
import hikari

from tracker.discord.login import refusal
from tracker.discord.names import harmless
from tracker.discord.overwrites import permissions_in
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId

__all__ = ["Checkup", "GuildCheckup", "check_up"]

_P = hikari.Permissions
_INTENT: Final = (
    hikari.ApplicationFlags.GUILD_MEMBERS_INTENT | hikari.ApplicationFlags.VERIFIED_FOR_GUILD_MEMBERS_INTENT
)
_TO_POST: Final = (
    _P.VIEW_CHANNEL, _P.SEND_MESSAGES, _P.EMBED_LINKS, _P.ATTACH_FILES, _P.READ_MESSAGE_HISTORY,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildCheckup:
    """A server that the bot is in. `lacking`: permissions that its settings need and the bot does not have there.

    `roles_above`: tier roles that do not stand below the bot's own; `roles_gone`: tiers whose role is not there (any
    more). `posts`: for each channel that something is to be posted to, what the bot lacks there; None: it is not there,
    or hidden from the bot.
    """

    guild_id: GuildId
    name: str
    lacking: tuple[str, ...]
    roles_above: tuple[str, ...]
    roles_gone: tuple[str, ...]
    posts: Mapping[int, tuple[str, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """`bot`: what it is called. `members_intent`: whether the Server Members Intent is on.

    `absent`: servers that the database knows and the bot is not in.
    """

    bot: str
    members_intent: bool
    guilds: tuple[GuildCheckup, ...]
    absent: tuple[GuildId, ...]


async def check_up(token: str, rest_url: str | None, known: Mapping[GuildId, GuildSettings]) -> Checkup:
    """`known`: the servers in the database with their settings; others that the bot is in are left out.

    Raises LoginError if Discord does not take the token or cannot be reached.
    """
    app = hikari.RESTApp(url=rest_url)
    await app.start()
    try:
        async with app.acquire(token, hikari.TokenType.BOT) as rest:
            me = await rest.fetch_my_user()
            flags = (await rest.fetch_application()).flags
            there = {GuildId(guild.id): guild.name async for guild in rest.fetch_my_guilds()}
            guilds = [
                await _guild(rest, me.id, guild, there[guild], settings)
                for guild, settings in sorted(known.items())
                if guild in there
            ]
    except (hikari.HikariError, aiohttp.ClientError, OSError, ValueError) as error:
        raise refusal(error, server=rest_url) from None
    finally:
        await app.close()
    return Checkup(
        bot=harmless(me.username, otherwise=str(me.id)),
        members_intent=bool(flags & _INTENT),
        guilds=tuple(guilds),
        absent=tuple(sorted(known.keys() - there.keys())),
    )


async def _guild(
    rest: hikari.api.RESTClient, me: hikari.Snowflake, guild: GuildId, name: str, settings: GuildSettings
) -> GuildCheckup:
    member = await rest.fetch_member(guild, me)
    roles = {role.id: role for role in await rest.fetch_roles(guild)}
    own = [roles[role] for role in {*member.role_ids, hikari.Snowflake(guild)} if role in roles]
    held = _P.NONE
    for role in own:
        held |= role.permissions
    if held & _P.ADMINISTRATOR:
        held = _P.all_permissions()
    height = max((_height(role) for role in own), default=(0, 0))
    tiers = {hikari.Snowflake(tier.role_id): tier.name for tier in settings.tiers.tiers}
    above = (roles[role].name for role in tiers if role in roles and not _height(roles[role]) < height)
    gone = (tier for role, tier in tiers.items() if role not in roles)
    return GuildCheckup(
        guild_id=guild,
        name=harmless(name, otherwise=str(guild)),
        lacking=tuple(str(p.name) for p in _needed(settings) if not held & p),
        roles_above=tuple(harmless(role, otherwise="?") for role in above),
        roles_gone=tuple(harmless(tier, otherwise="?") for tier in gone),
        posts={channel: await _channel(rest, channel, member, held) for channel in sorted(_channels(settings))},
    )


def _height(role: hikari.Role) -> tuple[int, int]:
    """Of two roles in the same position the older one stands higher."""
    return role.position, -role.id


def _needed(settings: GuildSettings) -> Iterator[hikari.Permissions]:
    yield _P.VIEW_CHANNEL
    if settings.tiers.tiers:
        yield _P.MANAGE_ROLES
    if settings.nickname.enabled:
        yield _P.MANAGE_NICKNAMES


def _channels(settings: GuildSettings) -> Iterator[int]:
    named = [settings.log_channel_id, settings.announcements.channel_id, *(r.channel_id for r in settings.reports)]
    yield from {channel for channel in named if channel is not None}


async def _channel(
    rest: hikari.api.RESTClient, channel: int, me: hikari.Member, held: hikari.Permissions
) -> tuple[str, ...] | None:
    try:
        found = await rest.fetch_channel(channel)
    except (hikari.ForbiddenError, hikari.NotFoundError):
        return None
    if not isinstance(found, hikari.PermissibleGuildChannel):
        return ()
    there = permissions_in(found, me, held)
    return tuple(str(p.name) for p in _TO_POST if not there & p)
