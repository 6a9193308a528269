"""`/leaderboard [period:] [by:] [page:]` (`/리더보드` for Korean clients)."""

from __future__ import annotations

from typing import cast

import hikari
import lightbulb

from tracker.discord.board_desk import BoardDesk
from tracker.discord.board_embeds import board_embed
from tracker.discord.board_pages import page_buttons
from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.texts import translate
from tracker.ids import GuildId, UserId
from tracker.reports.boards import BOARD_PERIODS, MEASURES, BoardPeriod, Measure

__all__ = ["LeaderboardCommand"]


class LeaderboardCommand(
    lightbulb.SlashCommand,
    name="command.leaderboard.name",
    description="command.leaderboard.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
):
    """Answers to everybody in the channel, in the language of who asked, with buttons that turn pages."""

    period = lightbulb.string(
        "option.board_period.name",
        "option.board_period.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{period}", period, localize=True) for period in BOARD_PERIODS],
        default="all",
    )
    by = lightbulb.string(
        "option.by.name",
        "option.by.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{measure}", measure, localize=True) for measure in MEASURES],
        default="exp",
    )
    page = lightbulb.integer(
        "option.page.name", "option.page.description", localize=True, min_value=1, max_value=1_000_000, default=1
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: BoardDesk) -> None:
        """Deferred, because all that happened up to now is written first."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        if ctx.guild_id is None:
            await ctx.respond(t("error.guild"), ephemeral=True)
            return
        guild, asker = GuildId(ctx.guild_id), UserId(ctx.user.id)
        if not desk.shows_boards(guild):
            await ctx.respond(t("error.boards_off"), ephemeral=True)
            return
        if self.period == "season" and self.by != "exp":
            await ctx.respond(t("board.season_exp"), ephemeral=True)
            return
        await ctx.defer()
        try:
            board = await desk.board(
                guild,
                period=cast("BoardPeriod", self.period),
                measure=cast("Measure", self.by),
                page=self.page - 1,
                asker=asker,
            )
        except Exception as error:
            await ctx.edit_response(INITIAL, t(reason("leaderboard", error)))
        else:
            await ctx.edit_response(
                INITIAL,
                embed=board_embed(board, desk.settings(guild).curve, asker, locale),
                components=[page_buttons(board, locale)],
                mentions_everyone=False,
            )
