"""`/schedule add | remove | list` (`/예약` for Korean clients)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.channel_access import ChannelAccess
from tracker.discord.commands.changing import change, command_group, settings_of, show, tell
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.settings import GuildSettings, ReportEntry, parse_settings
from tracker.ids import GuildId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate
from tracker.reports.window import PERIODS

__all__ = ["SCHEDULE"]

SCHEDULE: Final = command_group("schedule")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SUGGESTED: Final = 25
_CATCH_UP, _MOST_CATCH_UP = 7, 31
"""How many missed reports are posted late where nobody said otherwise, and at most."""


def _line(entry: ReportEntry, t: Translate) -> str:
    role = t("schedule.everyone") if entry.role_id is None else f"<@&{entry.role_id}>"
    where = t("setting.log_channel") if entry.channel_id is None else f"<#{entry.channel_id}>"
    late = "" if entry.catch_up == _CATCH_UP else f" · {t('schedule.catch_up', n=entry.catch_up)}"
    return f"{role} · {_when(entry, t)} → {where}{late}"


def _when(entry: ReportEntry, t: Translate) -> str:
    weekday = t(f"weekday.{entry.weekday}")
    return t(f"schedule.{entry.period}", at=entry.at, weekday=weekday, day=entry.day)


def _count(settings: GuildSettings, t: Translate) -> str:
    return t("schedule.count", n=len(settings.reports))


@SCHEDULE.register
class Add(
    lightbulb.SlashCommand,
    name="command.schedule.add.name",
    description="command.schedule.add.description",
    localize=True,
):
    """One more report that is posted by itself."""

    period = lightbulb.string(
        "option.period.name",
        "option.period.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{period}", period, localize=True) for period in PERIODS],
    )
    at = lightbulb.string("option.at.name", "option.at.description", localize=True, min_length=4, max_length=5)
    role = lightbulb.role("option.role.name", "option.scheduled_role.description", localize=True, default=None)
    weekday = lightbulb.string(
        "option.weekday.name",
        "option.weekday.description",
        localize=True,
        choices=[lightbulb.Choice(f"weekday.{day}", day, localize=True) for day in _WEEKDAYS],
        default=None,
    )
    day = lightbulb.integer(
        "option.day.name", "option.day.description", localize=True, min_value=1, max_value=28, default=None
    )
    channel = lightbulb.channel(
        "option.log_channel.name",
        "option.scheduled_channel.description",
        localize=True,
        channel_types=[hikari.ChannelType.GUILD_TEXT, hikari.ChannelType.GUILD_NEWS],
        default=None,
    )
    catch_up = lightbulb.integer(
        "option.catch_up.name",
        "option.catch_up.description",
        localize=True,
        min_value=0,
        max_value=_MOST_CATCH_UP,
        default=None,
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules, access: ChannelAccess) -> None:
        """In force from now on, if the bot may post there."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        channel = settings_of(rules, ctx.guild_id).log_channel_id if self.channel is None else self.channel.id
        if channel is not None:
            await ctx.defer(ephemeral=True)
            problem = await access.problem(GuildId(ctx.guild_id), int(channel), t)
            if problem is not None:
                await tell(ctx, problem)
                return
        entry: dict[str, Any] = {"period": self.period, "at": self.at.strip().zfill(5)}
        if self.role is not None and self.role.id != ctx.guild_id:
            entry["role_id"] = str(self.role.id)
        if self.channel is not None:
            entry["channel_id"] = str(self.channel.id)
        if self.weekday is not None:
            entry["weekday"] = self.weekday
        if self.day is not None:
            entry["day"] = self.day
        if self.catch_up is not None:
            entry["catch_up"] = self.catch_up
        await change(
            ctx,
            rules,
            lambda d: put(d, ("reports",), [*d.get("reports", []), entry]),
            "setting.schedule",
            _count,
            note=lambda s, t: t("channel.no_log") if self.channel is None and s.log_channel_id is None else "",
        )


async def _suggest(ctx: lightbulb.AutocompleteContext[str], rules: Rules = lightbulb.di.INJECTED) -> None:
    guild = ctx.interaction.guild_id
    if guild is None:
        return
    document = rules.document(GuildId(guild))
    t = translate(str(ctx.interaction.locale))
    await ctx.respond(_choices(document, str(ctx.focused.value), t))


def _choices(document: Mapping[str, Any], typed: str, t: Translate) -> dict[str, str]:
    """What is scheduled, numbered as the list is: the number tells roles apart, whose names cannot be shown here."""
    reports = parse_settings(document).reports
    found = {f"{n}. {_when(entry, t)}": entry.key for n, entry in enumerate(reports, start=1)}
    wanted = typed.strip().casefold()
    return dict([(line, key) for line, key in found.items() if wanted in line.casefold()][:_SUGGESTED])


def _without(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    reports = parse_settings(document).reports
    kept = [given for given, entry in zip(document.get("reports", []), reports, strict=True) if entry.key != key]
    return put(document, ("reports",), kept)


@SCHEDULE.register
class Remove(
    lightbulb.SlashCommand,
    name="command.schedule.remove.name",
    description="command.schedule.remove.description",
    localize=True,
):
    """One report less."""

    report = lightbulb.string(
        "option.scheduled.name", "option.scheduled.description", localize=True, max_length=100, autocomplete=_suggest
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(ctx, rules, lambda d: _without(d, self.report), "setting.schedule", _count)


@SCHEDULE.register
class List(
    lightbulb.SlashCommand,
    name="command.schedule.list.name",
    description="command.schedule.list.description",
    localize=True,
):
    """What is posted by itself, and when."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: the rules are in memory."""
        await show(ctx, rules, _listed)


def _listed(settings: GuildSettings, t: Translate) -> str:
    lines = [f"{n}. {_line(entry, t)}" for n, entry in enumerate(settings.reports, start=1)]
    return "\n".join(lines) or t("schedule.count", n=0)
