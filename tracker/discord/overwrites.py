"""What the bot may do in one channel, by what it may do in the guild and the channel's overwrites. Pure."""

from __future__ import annotations

import hikari

__all__ = ["permissions_in"]

_P = hikari.Permissions


def permissions_in(
    channel: hikari.PermissibleGuildChannel, me: hikari.Member, held: hikari.Permissions
) -> hikari.Permissions:
    """`held`: what the member may do in the whole guild (Discord's own order: @everyone, the roles, the member)."""
    if held & _P.ADMINISTRATOR:
        return _P.all_permissions()
    overwrites = channel.permission_overwrites
    everyone = overwrites.get(channel.guild_id)
    if everyone is not None:
        held = held & ~everyone.deny | everyone.allow
    of_roles = [overwrites[role] for role in me.role_ids if role in overwrites and role != channel.guild_id]
    for each in of_roles:
        held &= ~each.deny
    for each in of_roles:
        held |= each.allow
    own = overwrites.get(me.id)
    return held if own is None else held & ~own.deny | own.allow
