"""Posts that are an embed: reports, and the kinds whose payload says it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import hikari
import msgspec

from tracker.discord.desk import Pictures
from tracker.discord.embeds import report_embed
from tracker.discord.posts import BlockedError, Owed, Post, Render
from tracker.discord.report_pages import report_buttons
from tracker.errors import NotFoundError
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms, RoleId
from tracker.reports.model import Report

__all__ = ["EmbedRenderer", "Icon", "ReportPost", "Reports", "embeds", "reports_of"]

EmbedRenderer = Callable[[str, str | None], hikari.Embed]
"""The embed of a payload in the language nearest to a locale. Raises ValueError (MsgspecError is one) if it cannot."""

Icon = Callable[[GuildId], str | None]
"""The address of a guild's picture; None if it has none."""


class ReportPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `report`. `role_id` None: everyone. `day` (yyyymmdd) is in the window.

    `late`: it was owed long after `due_at` (Unix ms UTC), when it should have been posted.
    """

    role_id: str | None
    period: str
    day: int
    late: bool = False
    due_at: int | None = None

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


class Reports(Protocol):
    """Where reports come from (`tracker.discord.desk.ReportDesk`)."""

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """See `ReportReader.report`."""
        ...


def reports_of(source: Reports, pictures: Pictures | None = None, icon: Icon | None = None) -> Render:
    """Renders deliveries of kind `report`, with everything that a report says. `pictures`: None, without charts."""

    async def render(owed: Owed, settings: GuildSettings) -> Post:
        post = msgspec.json.decode(owed.payload, type=ReportPost)
        role = None if post.role_id is None else RoleId(int(post.role_id))
        try:
            report = await source.report(owed.guild_id, role, post.period, post.day)
        except NotFoundError as error:
            raise BlockedError(str(error)) from None
        due = report.window.end if post.due_at is None else Ms(post.due_at)
        embed = report_embed(
            report,
            settings.locale,
            late_since=due if post.late else None,
            icon=None if icon is None else icon(owed.guild_id),
        )
        picture = None if pictures is None else await pictures.picture(report, settings.locale, scheduled=True)
        return Post(
            embed=embed,
            picture=picture,
            components=report_buttons(report, settings.locale),
            maybe_since=due if post.late else None,
        )

    return render


def embeds(renderer: EmbedRenderer) -> Render:
    """Renders deliveries of a kind whose payload is all that there is to know."""

    async def render(owed: Owed, settings: GuildSettings) -> Post:
        return Post(embed=renderer(owed.payload, settings.locale))

    return render
