"""`/rank [member:]` (`/랭크` for Korean clients)."""

from __future__ import annotations

from functools import partial

import hikari
import lightbulb

from tracker.discord.board_desk import BoardDesk
from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.rank_embed import rank_embed
from tracker.discord.rank_picture import rank_picture
from tracker.discord.texts import translate
from tracker.ids import GuildId, UserId

__all__ = ["RankCommand"]

_MANAGERS = hikari.Permissions.MANAGE_GUILD | hikari.Permissions.ADMINISTRATOR


class RankCommand(
    lightbulb.SlashCommand,
    name="command.rank.name",
    description="command.rank.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
):
    """Where a member stands.

    What they did over time is for themselves and for those who manage the server: an answer that shows it is seen by
    who asked only.
    """

    member = lightbulb.user("option.member.name", "option.member.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: BoardDesk) -> None:
        """Refusals come at once; the rest is deferred, because all that happened up to now is written first."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        if ctx.guild_id is None:
            await ctx.respond(t("error.guild"), ephemeral=True)
            return
        guild, asked = GuildId(ctx.guild_id), ctx.user if self.member is None else self.member
        private = asked.id == ctx.user.id or _manages(ctx.member)
        refusal = _refusal(desk, guild, asked, private=private)
        if refusal is not None:
            await ctx.respond(t(refusal), ephemeral=True)
            return
        await ctx.defer(ephemeral=private)
        try:
            standing = await desk.standing(guild, UserId(asked.id))
        except Exception as error:
            await ctx.edit_response(INITIAL, t(reason("rank", error)))
        else:
            settings = desk.settings(guild)
            picture = await desk.draw(partial(rank_picture, standing, settings, locale, private=private))
            embed = rank_embed(standing, settings, locale, private=private, picture=picture)
            await ctx.edit_response(INITIAL, embed=embed, mentions_everyone=False)


def _manages(member: hikari.Member | None) -> bool:
    return isinstance(member, hikari.InteractionMember) and bool(member.permissions & _MANAGERS)


def _refusal(desk: BoardDesk, guild: GuildId, asked: hikari.User, *, private: bool) -> str | None:
    """Why there is nothing to show; None if there is."""
    if asked.is_bot:
        return "rank.bot"
    if private:
        return None
    if not desk.shows_boards(guild):
        return "error.boards_off"
    return None if desk.takes_part(guild, UserId(asked.id)) else "rank.nothing"
