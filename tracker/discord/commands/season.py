"""`/season start | show` (`/시즌` for Korean clients)."""

from __future__ import annotations

from typing import Final

import lightbulb

from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.commands.changing import command_group, settings_of, tell
from tracker.discord.commands.proposing import Proposing
from tracker.discord.confirming import Proposal
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.ids import GuildId, Ms, UserId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["SEASON"]

SEASON: Final = command_group("season")
_LONGEST: Final = 50


@SEASON.register
class Start(
    lightbulb.SlashCommand,
    name="command.season.start.name",
    description="command.season.start.description",
    localize=True,
):
    """Season EXP begins anew; nothing of what was is touched."""

    name = lightbulb.string(
        "option.season.name", "option.season.description", localize=True, min_length=1, max_length=_LONGEST
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; begun when confirmed."""
        t = translate(str(ctx.interaction.locale))
        name = " ".join(self.name.split())
        if ctx.guild_id is None or not name:
            await tell(ctx, t("error.guild" if ctx.guild_id is None else "season.no_name"))
            return
        guild, asker, rules = GuildId(ctx.guild_id), UserId(ctx.user.id), proposing.rules
        before, document, settings = rules.season(guild), rules.document(guild), settings_of(rules, guild)
        await ctx.defer(ephemeral=True)
        shown = harmless(name, otherwise="?", longest=_LONGEST)
        lines = [t("season.confirm", name=shown)]
        if before is not None:
            lines.append(t("season.ends", season=_running(before, t)))
        if settings.tiers.basis == "season" and settings.tiers.tiers:
            try:
                found = await proposing.desk.preview(guild, settings, season_over=True)
            except Exception as error:
                await ctx.edit_response(INITIAL, t(reason("season start", error)))
                return
            lines.append(t("preview.roles", gain=found.gain, lose=found.lose))
        proposal = Proposal(
            asker=asker,
            stands=lambda: rules.season(guild) == before and rules.document(guild) == document,
            apply=lambda: rules.start_season(guild, name, asker),
            done=t("season.started", name=shown),
            about=f"season of guild {guild} started",
        )
        await proposing.ask(ctx, proposal, "\n".join(lines))


@SEASON.register
class Show(
    lightbulb.SlashCommand,
    name="command.season.show.name",
    description="command.season.show.description",
    localize=True,
):
    """Which season runs, and whether tiers look at it."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: all of it is in memory."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        season = rules.season(GuildId(ctx.guild_id))
        lines = [t("season.none") if season is None else t("season.runs", season=_running(season, t))]
        by_season = settings_of(rules, ctx.guild_id).tiers.basis == "season"
        lines.append(t("season.used" if by_season else "season.unused"))
        await tell(ctx, "\n".join(lines))


def _running(season: tuple[str, Ms], t: Translate) -> str:
    name, since = season
    return t("season.since", name=harmless(name, otherwise="?", longest=_LONGEST), since=f"<t:{since // 1000}:D>")
