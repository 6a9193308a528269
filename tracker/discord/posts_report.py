"""Posts that are an embed: reports, and the kinds whose payload says it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import hikari
import msgspec

from tracker.discord.embeds import report_embed
from tracker.discord.posts import BlockedError, Owed, Post, Render
from tracker.errors import NotFoundError
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, RoleId
from tracker.reports.model import Report

__all__ = ["EmbedRenderer", "ReportPost", "Reports", "embeds", "reports"]

EmbedRenderer = Callable[[str, str | None], hikari.Embed]
"""The embed of a payload in the language nearest to a locale. Raises ValueError (MsgspecError is one) if it cannot."""


class ReportPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `report`. `role_id` None: everyone. `day` (yyyymmdd) is in the window."""

    role_id: str | None
    period: str
    day: int

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


class Reports(Protocol):
    """Where reports come from (`tracker.discord.desk.ReportDesk`)."""

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """See `ReportReader.report`."""
        ...


def reports(source: Reports) -> Render:
    """Renders deliveries of kind `report`."""

    async def render(owed: Owed, settings: GuildSettings) -> Post:
        post = msgspec.json.decode(owed.payload, type=ReportPost)
        role = None if post.role_id is None else RoleId(int(post.role_id))
        try:
            report = await source.report(owed.guild_id, role, post.period, post.day)
        except NotFoundError as error:
            raise BlockedError(str(error)) from None
        return Post(embed=report_embed(report, settings.locale))

    return render


def embeds(renderer: EmbedRenderer) -> Render:
    """Renders deliveries of a kind whose payload is all that there is to know."""

    async def render(owed: Owed, settings: GuildSettings) -> Post:
        return Post(embed=renderer(owed.payload, settings.locale))

    return render
