"""`/studyroom` (`/스터디방확인` for Korean clients): who is in which tracked channel now."""

from __future__ import annotations

import hikari
import lightbulb

from tracker.discord.board_desk import BoardDesk
from tracker.discord.board_embeds import studyroom_embed
from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.texts import translate
from tracker.ids import GuildId

__all__ = ["StudyroomCommand"]


class StudyroomCommand(
    lightbulb.SlashCommand,
    name="command.studyroom.name",
    description="command.studyroom.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
):
    """Answers to everybody in the channel, in the language of who asked."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: BoardDesk) -> None:
        """Deferred, because all that happened up to now is written first."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        if ctx.guild_id is None:
            await ctx.respond(t("error.guild"), ephemeral=True)
            return
        guild = GuildId(ctx.guild_id)
        await ctx.defer()
        try:
            room = await desk.studyroom(guild)
        except Exception as error:
            await ctx.edit_response(INITIAL, t(reason("studyroom", error)))
        else:
            embed = studyroom_embed(room, locale, totals=desk.shows_boards(guild))
            await ctx.edit_response(INITIAL, embed=embed, mentions_everyone=False)
