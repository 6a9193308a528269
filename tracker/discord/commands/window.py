"""`/exp window add | remove | list`: multipliers that are in force for a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import lightbulb

from tracker.clock import from_ms
from tracker.discord.commands.changing import change, settings_of, show, tell
from tracker.discord.commands.multiplier import EXP
from tracker.discord.names import harmless
from tracker.discord.rules_text import local_text, shortened, window_text
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.settings import GuildSettings, MultiplierWindow
from tracker.events.settings_checks import instant_of
from tracker.ids import Ms
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate
from tracker.reports.local_time import LocalTime, local_time

__all__ = ["EXP", "windows_lines"]

_WINDOW: Final = EXP.subgroup("command.exp.window.name", "command.exp.window.description", localize=True)
_PATH: Final = ("multipliers", "windows")
_SHOWN: Final = 20
_SUGGESTED: Final = 25


def _windows(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(document.get("multipliers", {}).get("windows", []))


def _at(settings: GuildSettings, t: Translate, start: int) -> str:
    found = [window_text(window, settings) for window in settings.windows if window.start == start]
    return ", ".join(found) or t("config.none")


@_WINDOW.register
class Add(
    lightbulb.SlashCommand,
    name="command.exp.window.add.name",
    description="command.exp.window.add.description",
    localize=True,
):
    """A time in which everything earns more, or less."""

    percent = lightbulb.integer(
        "option.percent.name", "option.percent.description", localize=True, min_value=0, max_value=10_000
    )
    start = lightbulb.string("option.from.name", "option.from.description", localize=True, max_length=20)
    end = lightbulb.string("option.to.name", "option.to.description", localize=True, max_length=20)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        settings = settings_of(rules, ctx.guild_id)
        start, end = local_time(settings.zone, self.start), local_time(settings.zone, self.end)
        if start is None or end is None:
            wrong = harmless(self.start if start is None else self.end, otherwise="?")
            await tell(ctx, t("window.no_time", typed=wrong))
            return
        window = MultiplierWindow(percent=self.percent, start=start.first, end=end.last)
        problem = _problem(window, settings, rules.clock.now(), t)
        if problem is not None:
            await tell(ctx, problem)
            return
        entry = {"percent": self.percent, "from": _iso(window.start, settings), "to": _iso(window.end, settings)}
        await change(
            ctx,
            rules,
            lambda d: put(d, _PATH, [*_windows(d), entry]),
            "setting.window",
            lambda s, t: _at(s, t, window.start),
            note=lambda s, t: _remarks(s, t, start, end),
        )


def _problem(window: MultiplierWindow, settings: GuildSettings, now: Ms, t: Translate) -> str | None:
    if window.end <= window.start:
        return t("window.order")
    if window.end <= now:
        return t("window.past", now=local_text(now, settings), zone=settings.timezone)
    for other in settings.windows:
        if other.start < window.end and window.start < other.end:
            return t("window.overlap", other=window_text(other, settings))
    return None


def _iso(moment: Ms, settings: GuildSettings) -> str:
    return from_ms(moment).astimezone(settings.zone).isoformat(timespec="minutes")


def _remarks(settings: GuildSettings, t: Translate, start: LocalTime, end: LocalTime) -> str:
    """The zone, and what became of times that the clock jumps over or shows twice."""
    lines = [t("window.zone", zone=settings.timezone)]
    for time, taken, which in ((start, start.first, "from"), (end, end.last, "to")):
        if time.kind == "gap":
            lines.append(t("window.gap", time=local_text(taken, settings)))
        elif time.kind == "twice":
            lines.append(t(f"window.twice_{which}", time=local_text(taken, settings)))
    return "\n".join(lines)


async def _suggest(ctx: lightbulb.AutocompleteContext[str], rules: Rules = lightbulb.di.INJECTED) -> None:
    guild = ctx.interaction.guild_id
    if guild is None:
        return
    settings, now = settings_of(rules, guild), rules.clock.now()
    wanted = str(ctx.focused.value).strip().casefold()
    by_need = sorted(settings.windows, key=lambda window: (window.end <= now, window.start))
    found = [(window_text(window, settings), str(window.start)) for window in by_need]
    await ctx.respond([(text, start) for text, start in found if wanted in text.casefold()][:_SUGGESTED])


@_WINDOW.register
class Remove(
    lightbulb.SlashCommand,
    name="command.exp.window.remove.name",
    description="command.exp.window.remove.description",
    localize=True,
):
    """A window less; what it gave stays given."""

    window = lightbulb.string(
        "option.window.name", "option.window.description", localize=True, max_length=100, autocomplete=_suggest
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        settings, wanted = settings_of(rules, ctx.guild_id), self.window.strip()
        found = [w.start for w in settings.windows if wanted in (str(w.start), window_text(w, settings))]
        if not found:
            await tell(ctx, t("window.unknown"))
            return
        await change(
            ctx,
            rules,
            lambda d: put(d, _PATH, [w for w in _windows(d) if instant_of(w["from"], "from") != found[0]]),
            "setting.window",
            lambda s, t: _at(s, t, found[0]),
        )


@_WINDOW.register
class List(
    lightbulb.SlashCommand,
    name="command.exp.window.list.name",
    description="command.exp.window.list.description",
    localize=True,
):
    """The windows that are in force or to come, and how many are over."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: the rules are in memory."""
        now = rules.clock.now()
        await show(ctx, rules, lambda settings, t: windows_lines(settings, t, now))


def windows_lines(settings: GuildSettings, t: Translate, now: Ms, most: int = _SHOWN) -> str:
    """What is in force or to come, a line each, and how many are over."""
    ahead = [window for window in settings.windows if window.end > now]
    lines = [window_text(w, settings) + (f" · **{t('window.running')}**" if w.start <= now else "") for w in ahead]
    over = len(settings.windows) - len(ahead)
    return shortened(lines, t, most, between="\n") + (f"\n{t('window.over', n=over)}" if over else "")
