"""`/report role: period: [date:]` (`/보고서` for Korean clients)."""

from __future__ import annotations

import logging

import hikari
import lightbulb

from tracker.discord.desk import ReportDesk
from tracker.discord.embeds import report_embed
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.errors import ConfigError, DatabaseError, NotFoundError
from tracker.ids import GuildId, RoleId
from tracker.reports.window import PERIODS, parse_day

__all__ = ["ReportCommand"]

_LOG = logging.getLogger("tracker.discord.commands")
_INITIAL = -1
"""What lightbulb calls the first answer to an interaction."""


class ReportCommand(
    lightbulb.SlashCommand,
    name="command.report.name",
    description="command.report.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
):
    """Answers with the report as of now; what is wrong is told in one sentence, in the language of who asked."""

    role = lightbulb.role("option.role.name", "option.role.description", localize=True)
    period = lightbulb.string(
        "option.period.name",
        "option.period.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{period}", period, localize=True) for period in PERIODS],
    )
    date = lightbulb.string("option.date.name", "option.date.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: ReportDesk) -> None:
        """What can be refused at once is; the rest is deferred, because a report may take longer than Discord waits."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        if ctx.guild_id is None:
            await ctx.respond(t("error.guild"), ephemeral=True)
            return
        try:
            day = None if self.date is None else parse_day(self.date.strip())
        except ConfigError:
            await ctx.respond(t("error.date", date=harmless(self.date or "", otherwise="?")), ephemeral=True)
            return
        guild = GuildId(ctx.guild_id)
        role = None if self.role.id == ctx.guild_id else RoleId(self.role.id)
        if role is not None and not desk.knows(guild, role):
            await ctx.respond(t("error.unknown"), ephemeral=True)
            return
        await ctx.defer()
        try:
            report = await desk.report(guild, role, self.period, day)
        except Exception as error:
            # Discord shows it as it shows the deferral: to everyone. A deferral cannot change its mind.
            await ctx.edit_response(_INITIAL, t(_reason(error)))
        else:
            await ctx.edit_response(_INITIAL, embed=report_embed(report, locale), mentions_everyone=False)


def _reason(error: Exception) -> str:
    if isinstance(error, NotFoundError):
        return "error.unknown"
    if isinstance(error, DatabaseError):
        return "error.away"
    _LOG.error("/report failed", exc_info=error)
    return "error.other"
