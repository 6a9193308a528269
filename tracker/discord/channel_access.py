"""Whether the bot may post in a channel, asked of Discord before anything is made to depend on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import hikari

from tracker.discord.hierarchy import Hierarchy
from tracker.discord.overwrites import permissions_in
from tracker.discord.role_checks import permission_names
from tracker.ids import GuildId, UserId
from tracker.reports.catalogue import Translate

__all__ = ["ChannelAccess"]

_P = hikari.Permissions
_NEEDED: Final = (_P.VIEW_CHANNEL, _P.SEND_MESSAGES, _P.EMBED_LINKS, _P.ATTACH_FILES)


class ChannelAccess:
    """Asks Discord for a channel's overwrites and the bot's own roles; nothing of it is kept."""

    def __init__(self, rest: Callable[[], hikari.api.RESTClient], hierarchy: Hierarchy) -> None:
        self._rest = rest
        self._hierarchy = hierarchy
        self._me: hikari.Snowflake | None = None

    async def lacking(self, guild: GuildId, channel: int) -> tuple[str, ...]:
        """The names of the permissions that the bot lacks to post there; none if all is well.

        Raises hikari's errors if Discord does not answer, apart from refusing to show the channel.
        """
        rest = self._rest()
        if self._me is None:
            self._me = (await rest.fetch_my_user()).id
        try:
            found = await rest.fetch_channel(channel)
        except (hikari.ForbiddenError, hikari.NotFoundError):
            return (str(_P.VIEW_CHANNEL.name),)
        if not isinstance(found, hikari.PermissibleGuildChannel):
            return ()
        me = await rest.fetch_member(guild, self._me)
        held = self._in(guild, found, me)
        return tuple(str(needed.name) for needed in _NEEDED if not held & needed)

    async def problem(self, guild: GuildId, channel: int, t: Translate) -> str | None:
        """What keeps the bot from posting there and what to change; None if nothing does."""
        try:
            lacking = await self.lacking(guild, channel)
        except (hikari.HTTPError, hikari.ComponentStateConflictError, OSError):
            return t("channel.not_asked")
        if not lacking:
            return None
        return t("channel.lacking", channel=f"<#{channel}>", permissions=permission_names(lacking, t))

    def _in(self, guild: GuildId, channel: hikari.PermissibleGuildChannel, me: hikari.Member) -> hikari.Permissions:
        if self._hierarchy.owner(guild) == UserId(me.id):
            return _P.all_permissions()
        return permissions_in(channel, me, self._hierarchy.bot_permissions(guild))
