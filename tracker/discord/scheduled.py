"""What a scheduled report must still be when it is posted: wanted, and about a role that is there.

Between being owed and being posted, minutes may pass, or days. The settings in force when it is posted decide.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tracker.discord.posts import BlockedError, DroppedError, Owed, Post, Render, channel_of
from tracker.events.settings import GuildSettings, ReportEntry
from tracker.ids import ChannelId, GuildId, RoleId
from tracker.reports.due import entry_key_of
from tracker.reports.entry_life import heir

__all__ = ["HasRole", "channel_now", "scheduled"]

HasRole = Callable[[GuildId, RoleId], bool]
"""Whether the guild has the role; True too as long as nothing is known of the guild's roles."""


class _Kin(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a report's payload that says which entries were about the same when it was owed."""

    family: tuple[str, ...] = ()


def scheduled(render: Render, has_role: HasRole) -> Render:
    """Renders what is still wanted; DroppedError for what is not, BlockedError for a role that is gone."""

    async def checked(owed: Owed, settings: GuildSettings) -> Post:
        if entry_key_of(owed.key) is not None:
            entry = _entry_now(owed, settings)
            if entry is None:
                raise DroppedError("it was taken off the schedule before it was posted")
            if entry.role_id is not None and not has_role(owed.guild_id, entry.role_id):
                raise BlockedError(f"the role {entry.role_id} is gone: schedule a report of another one (/schedule)")
        return await render(owed, settings)

    return checked


def channel_now(owed: Owed, settings: GuildSettings) -> ChannelId | None:
    """The channel that a post of any kind belongs into by these settings; None: there is none.

    A scheduled report goes where its entry says now.
    """
    try:
        entry = _entry_now(owed, settings)
    except ValueError:
        entry = None  # whoever renders it says that its payload cannot be read
    return channel_of(owed, settings) if entry is None else entry.channel_id or settings.log_channel_id


def _entry_now(owed: Owed, settings: GuildSettings) -> ReportEntry | None:
    """The entry of a scheduled report as it stands now. None: it is none, or there is no such entry any more.

    Raises ValueError if the payload cannot be read.
    """
    key = entry_key_of(owed.key)
    if key is None:
        return None
    return heir(key, msgspec.json.decode(owed.payload, type=_Kin).family, settings)
