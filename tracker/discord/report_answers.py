"""A report as a message: embed, picture and buttons, with as much of its members as whoever sees it may see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import hikari

from tracker.discord.desk import ReportDesk
from tracker.discord.embeds import report_embed
from tracker.discord.report_pages import report_buttons
from tracker.ids import GuildId, RoleId
from tracker.reports import text
from tracker.reports.model import Report
from tracker.reports.window import Window

__all__ = ["EVERYTHING", "Answer", "Eyes", "answer", "manages"]

_MANAGERS: Final = hikari.Permissions.MANAGE_GUILD | hikari.Permissions.ADMINISTRATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """Which members of a report somebody may see: those at the top, those with the least activity."""

    top: bool
    low: bool

    def seen(self, report: Report) -> Report:
        """The report without those whom they may not see."""
        return replace(report, top=report.top if self.top else (), low=report.low if self.low else ())


EVERYTHING: Final = Eyes(top=True, low=True)
"""Who manages the server; and everybody in the channel that they had it posted in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes into the message. `picture`: the PNG that is being drawn (it may come to none); None: there is none."""

    embed: hikari.Embed
    components: Sequence[hikari.api.ComponentBuilder]
    picture: asyncio.Task[bytes | None] | None


def manages(member: hikari.Member | None) -> bool:
    """Whether the member of an interaction manages the server."""
    return isinstance(member, hikari.InteractionMember) and bool(member.permissions & _MANAGERS)


async def answer(
    desk: ReportDesk,
    guild: GuildId,
    role: RoleId | None,
    window: Window,
    *,
    eyes: Eyes,
    locale: str,
    to: hikari.CommandInteraction | hikari.ComponentInteraction,
) -> Answer:
    """The report as of now, with a picture where the bot may attach one. Raises NotFoundError, DatabaseError."""
    report = await desk.report_of(guild, role, window)
    seen = eyes.seen(report)
    may_attach = to.app_permissions is not None and to.app_permissions & hikari.Permissions.ATTACH_FILES
    embed = report_embed(seen, locale, top=eyes.top, low=eyes.low, icon=desk.icon(guild))
    if desk.lacks_history(guild):
        embed.description = f"{embed.description}\n🧮 {text.translate(locale)('report.lacks_history')}"
    drawing = asyncio.create_task(desk.picture(seen, locale), name="draw a report") if may_attach else None
    return Answer(embed=embed, components=report_buttons(report, locale, listed=eyes.low), picture=drawing)
