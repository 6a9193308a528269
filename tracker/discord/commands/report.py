"""`/report [role:] [period:] [date:] [from:] [to:] [member:]` (`/보고서` for Korean clients)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

import hikari
import lightbulb

from tracker.discord.commands.answers import INITIAL
from tracker.discord.commands.why import day_named, recent_days
from tracker.discord.desk import ReportDesk
from tracker.discord.names import harmless
from tracker.discord.report_answers import EVERYTHING, Eyes, answer, manages
from tracker.discord.report_member_embed import member_embed
from tracker.discord.report_presses import failure
from tracker.discord.report_showing import show
from tracker.discord.texts import translate
from tracker.errors import ConfigError, TrackerError
from tracker.ids import GuildId, RoleId, UserId
from tracker.reports.window import PERIODS, Period, Window, between, containing

__all__ = ["ReportCommand"]

_DAY: Final[Mapping[str, Any]] = {"localize": True, "max_length": 40, "default": None}


class _RefusedError(TrackerError):
    """What was asked for makes no report; `key` is the sentence that says why."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


async def _suggest(ctx: lightbulb.AutocompleteContext[str], desk: ReportDesk = lightbulb.di.INJECTED) -> None:
    guild = ctx.interaction.guild_id
    if guild is None:
        return
    await ctx.respond(recent_days(str(ctx.focused.value), desk.today(GuildId(guild)), str(ctx.interaction.locale)))


class ReportCommand(
    lightbulb.SlashCommand,
    name="command.report.name",
    description="command.report.description",
    localize=True,
    contexts=[hikari.ApplicationContextType.GUILD],
):
    """Answers with the report as of now; what is wrong is told in one sentence, in the language of who asked.

    Those who manage the server answer for what their channels see, so theirs are seen by everybody there. Anybody
    else alone sees their own: the sums, and the first members if the server has boards; never those at the end.
    """

    role = lightbulb.role("option.role.name", "option.report_role.description", localize=True, default=None)
    period = lightbulb.string(
        "option.period.name",
        "option.report_period.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{period}", period, localize=True) for period in PERIODS],
        default="daily",
    )
    date = lightbulb.string("option.date.name", "option.date.description", autocomplete=_suggest, **_DAY)
    first = lightbulb.string("option.report_from.name", "option.report_from.description", autocomplete=_suggest, **_DAY)
    last = lightbulb.string("option.report_to.name", "option.report_to.description", autocomplete=_suggest, **_DAY)
    member = lightbulb.user("option.member.name", "option.report_member.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, desk: ReportDesk) -> None:
        """What can be refused at once is; the rest is deferred, because a report may take longer than Discord waits."""
        locale = str(ctx.interaction.locale)
        t = translate(locale)
        if ctx.guild_id is None:
            await ctx.respond(t("error.guild"), ephemeral=True)
            return
        guild, manager = GuildId(ctx.guild_id), manages(ctx.member)
        try:
            role, window = self._role(desk, guild), self._window(desk, guild)
            self._check_member(ctx.user, manager=manager)
        except _RefusedError as refused:
            await ctx.respond(t(refused.key, **refused.values), ephemeral=True)
            return
        await ctx.defer(ephemeral=not manager or self.member is not None)
        try:
            if self.member is None:
                eyes = EVERYTHING if manager else Eyes(top=desk.shows_boards(guild), low=False)
                shown = await answer(desk, guild, role, window, eyes=eyes, locale=locale, to=ctx.interaction)
                await show(shown, partial(ctx.edit_response, INITIAL), desk.turns, turned=None)
                return
            found = await desk.member_report(guild, role, UserId(self.member.id), window)
        except Exception as error:
            # Discord shows it as it shows the deferral. A deferral cannot change its mind.
            await ctx.edit_response(INITIAL, t(failure(error)))
            return
        if found is None:
            await ctx.edit_response(INITIAL, t("report.not_among"))
        else:
            await ctx.edit_response(INITIAL, embed=member_embed(found, locale), mentions_everyone=False)

    def _role(self, desk: ReportDesk, guild: GuildId) -> RoleId | None:
        """The role that is asked for; None: everyone. Raises _RefusedError for one that was never heard of."""
        if self.role is None or int(self.role.id) == int(guild):
            return None
        role = RoleId(self.role.id)
        if not desk.knows(guild, role):
            raise _RefusedError("error.unknown")
        return role

    def _window(self, desk: ReportDesk, guild: GuildId) -> Window:
        """The days that are asked for. Raises _RefusedError if they are none, or still to come."""
        zone, today = desk.zone(guild), desk.today(guild)
        if self.first is None and self.last is not None:
            raise _RefusedError("report.no_from")
        if self.first is None:
            day = today if self.date is None else _day(self.date, today)
            return containing(cast("Period", self.period), day, zone)
        if self.date is not None:
            raise _RefusedError("report.two_ways")
        first = _day(self.first, today)
        last = today if self.last is None else _day(self.last, today)
        if last < first:
            raise _RefusedError("report.wrong_way")
        return between(first, last, zone)

    def _check_member(self, asker: hikari.User, *, manager: bool) -> None:
        if self.member is None:
            return
        if self.member.is_bot:
            raise _RefusedError("rank.bot")
        if self.member.id != asker.id and not manager:
            raise _RefusedError("why.others_only")


def _day(typed: str, today: int) -> int:
    try:
        return day_named(typed, today)
    except ConfigError:
        raise _RefusedError("error.date", date=harmless(typed, otherwise="?")) from None
