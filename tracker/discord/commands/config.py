"""`/config show | timezone | language | log-channel` (`/설정` for Korean clients)."""

from __future__ import annotations

from typing import Final

import hikari
import lightbulb

from tracker.discord.commands.changing import change, command_group, settings_of, tell
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.settings import GuildSettings
from tracker.events.settings_checks import zones
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["CONFIG", "nearest_zones"]

CONFIG: Final = command_group("config")
_SUGGESTED: Final = 25


def nearest_zones(typed: str) -> list[str]:
    """The zones that `typed` may mean, best first: those that begin so, then cities that do, then any that hold it."""
    wanted = typed.strip().casefold().replace(" ", "_")

    def rank(zone: str) -> int:
        name = zone.casefold()
        if name == wanted:
            return 0
        if name.rpartition("/")[2].startswith(wanted):
            return 1
        return 2 if name.startswith(wanted) else 3

    return sorted((zone for zone in zones() if wanted in zone.casefold()), key=lambda z: (rank(z), z))[:_SUGGESTED]


async def _suggest_zones(ctx: lightbulb.AutocompleteContext[str]) -> None:
    await ctx.respond(nearest_zones(str(ctx.focused.value)))


def _timezone(settings: GuildSettings, t: Translate) -> str:
    return settings.timezone


def _language(settings: GuildSettings, t: Translate) -> str:
    return t("config.unset") if settings.locale is None else t(f"choice.{settings.locale}")


def _log_channel(settings: GuildSettings, t: Translate) -> str:
    return t("config.none") if settings.log_channel_id is None else f"<#{settings.log_channel_id}>"


@CONFIG.register
class Show(
    lightbulb.SlashCommand,
    name="command.config.show.name",
    description="command.config.show.description",
    localize=True,
):
    """What is in force."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: the rules are in memory."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        settings = settings_of(rules, ctx.guild_id)
        shown = (("timezone", _timezone), ("language", _language), ("log_channel", _log_channel))
        await tell(ctx, "\n".join(f"{t(f'setting.{name}')}: **{says(settings, t)}**" for name, says in shown))


@CONFIG.register
class Timezone(
    lightbulb.SlashCommand,
    name="command.config.timezone.name",
    description="command.config.timezone.description",
    localize=True,
):
    """Where the guild's days begin."""

    zone = lightbulb.string(
        "option.zone.name", "option.zone.description", localize=True, max_length=64, autocomplete=_suggest_zones
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(ctx, rules, lambda d: put(d, ("timezone",), self.zone.strip()), "setting.timezone", _timezone)


@CONFIG.register
class Language(
    lightbulb.SlashCommand,
    name="command.config.language.name",
    description="command.config.language.description",
    localize=True,
):
    """The language of what nobody in particular asked for."""

    language = lightbulb.string(
        "option.language.name",
        "option.language.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{name}", name, localize=True) for name in ("en", "ko")],
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(ctx, rules, lambda d: put(d, ("locale",), self.language), "setting.language", _language)


@CONFIG.register
class LogChannel(
    lightbulb.SlashCommand,
    name="command.config.log_channel.name",
    description="command.config.log_channel.description",
    localize=True,
):
    """Where reports without a channel of their own go."""

    channel = lightbulb.channel(
        "option.log_channel.name",
        "option.log_channel.description",
        localize=True,
        channel_types=[hikari.ChannelType.GUILD_TEXT, hikari.ChannelType.GUILD_NEWS],
        default=None,
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Without a channel there is none from now on."""
        chosen = None if self.channel is None else str(self.channel.id)
        await change(ctx, rules, lambda d: put(d, ("log_channel_id",), chosen), "setting.log_channel", _log_channel)
