"""`/why [day:] [member:]` (`/왜` for Korean clients)."""

from __future__ import annotations

from typing import Final

import hikari
import lightbulb

from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.discord.why_desk import WhyDesk
from tracker.discord.why_embed import why_embed
from tracker.errors import ConfigError
from tracker.ids import GuildId, UserId
from tracker.projections.days import date_of, previous_day
from tracker.reports import text
from tracker.reports.window import parse_day

__all__ = ["WhyCommand", "day_named", "recent_days"]

_MANAGERS: Final = hikari.Permissions.MANAGE_GUILD | hikari.Permissions.ADMINISTRATOR
_SUGGESTED: Final = 25


def day_named(typed: str, today: int) -> int:
    """The day (yyyymmdd) that `typed` means: today, yesterday or a date. Raises ConfigError if none, or still to come.

    Both languages' words do, whatever the client speaks.
    """
    wanted = typed.strip().casefold()
    for locale in ("en", "ko"):
        t = translate(locale)
        if wanted == t("why.today").casefold():
            return today
        if wanted == t("why.yesterday").casefold():
            return previous_day(today)
    day = parse_day(wanted)
    if day > today:
        raise ConfigError(f"{wanted} is still to come")
    return day


def recent_days(typed: str, today: int, locale: str) -> dict[str, str]:
    """What may be meant, newest first: how it is shown, and what is sent."""
    t, wanted = translate(locale), typed.strip().casefold()
    found: dict[str, str] = {}
    day = today
    for number in range(_SUGGESTED):
        date = date_of(day).isoformat()
        name = ("why.today", "why.yesterday")[number] if number < 2 else None
        shown = text.day_text(day, locale)
        shown = f"{t(name)} · {shown}" if name else shown
        if wanted in shown.casefold() or wanted in date:
            found[shown] = date
        day = previous_day(day)
    return found


async def _suggest(ctx: lightbulb.AutocompleteContext[str], desk: WhyDesk = lightbulb.di.INJECTED) -> None:
    guild = ctx.interaction.guild_id
    if guild is None:
        return
    await ctx.respond(recent_days(str(ctx.focused.value), desk.today(GuildId(guild)), str(ctx.interaction.locale)))


class WhyCommand(
    lightbulb.SlashCommand,
    name="command.why.name",
    description="command.why.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
):
    """What a local day earned and why the rest did not; only who asks sees it, and only of themselves.

    Those who manage the server may ask about others: it is to them that members turn.
    """

    day = lightbulb.string(
        "option.day.name",
        "option.why_day.description",
        localize=True,
        max_length=40,
        autocomplete=_suggest,
        default=None,
    )
    member = lightbulb.user("option.member.name", "option.why_member.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: WhyDesk) -> None:
        """Refusals come at once; the rest is deferred, because all that happened up to now is written first."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        asked = ctx.user if self.member is None else self.member
        refusal = _refusal(ctx, asked)
        if refusal is not None or ctx.guild_id is None:
            await ctx.respond(t(refusal or "error.guild"), ephemeral=True)
            return
        guild = GuildId(ctx.guild_id)
        try:
            day = None if self.day is None else day_named(self.day, desk.today(guild))
        except ConfigError:
            await ctx.respond(t("why.no_day", day=harmless(self.day or "", otherwise="?")), ephemeral=True)
            return
        await ctx.defer(ephemeral=True)
        try:
            why = await desk.why(guild, UserId(asked.id), day)
        except Exception as error:
            await ctx.edit_response(INITIAL, t(reason("why", error)))
        else:
            of = None if asked.id == ctx.user.id else harmless(why.facts.name, otherwise=asked.username)
            await ctx.edit_response(INITIAL, embed=why_embed(why, locale, of=of), mentions_everyone=False)


def _refusal(ctx: lightbulb.Context, asked: hikari.User) -> str | None:
    """Why there is no answer; None if there is one."""
    if asked.is_bot:
        return "rank.bot"
    manages = isinstance(ctx.member, hikari.InteractionMember) and ctx.member.permissions & _MANAGERS
    return None if asked.id == ctx.user.id or manages else "why.others_only"
