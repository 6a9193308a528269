"""`/config show | timezone | language | log-channel` (`/설정` for Korean clients)."""

from __future__ import annotations

from typing import Final

import hikari
import lightbulb

from tracker.discord.channel_access import ChannelAccess
from tracker.discord.commands.changing import InForce, change, command_group, show, tell
from tracker.discord.names import harmless
from tracker.discord.rules_text import (
    announcements_text,
    basis_text,
    boards_text,
    curve_text,
    interaction_text,
    language_text,
    log_channel_text,
    message_text,
    nickname_text,
    policy_text,
    rule_text,
    shortened,
    timezone_text,
)
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.settings import GuildSettings
from tracker.events.settings_checks import zones
from tracker.ids import GuildId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["CONFIG", "nearest_zones"]

CONFIG: Final = command_group("config")
_SUGGESTED: Final = 25
_SEASON_AT: Final = 8


def _voice(settings: GuildSettings, t: Translate) -> str:
    rules = len(settings.voice_channels) + len(settings.voice_categories)
    return rule_text(settings.voice_default, t("exp.everywhere"), t) + (t("config.rules", n=rules) if rules else "")


def _ignored(settings: GuildSettings, t: Translate) -> str:
    patterns = 0 if settings.ignore_pattern is None else len(settings.ignore_pattern.patterns)
    channels = len(settings.ignore_channels | settings.ignore_categories | settings.message_ignore_channels)
    return t("config.ignored", channels=channels, patterns=patterns)


def _tiers(settings: GuildSettings, t: Translate) -> str:
    tiers = settings.tiers.tiers
    if not tiers:
        return t("config.none")
    about = f"{basis_text(settings, t)}, {policy_text(settings, t)}"
    return f"{shortened([harmless(tier.name, otherwise='?') for tier in tiers], t, 10)} ({about})"


def _reports(settings: GuildSettings, t: Translate) -> str:
    return t("schedule.count", n=len(settings.reports))


_SHOWN: Final[tuple[tuple[str, InForce], ...]] = (
    ("timezone", timezone_text),
    ("language", language_text),
    ("log_channel", log_channel_text),
    ("voice_exp", _voice),
    ("message_exp", message_text),
    ("interaction_exp", interaction_text),
    ("curve", curve_text),
    ("tiers", _tiers),
    ("nickname", nickname_text),
    ("announcements", announcements_text),
    ("boards", boards_text),
    ("ignored", _ignored),
    ("schedule", _reports),
)


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


def _season(rules: Rules, guild: int, t: Translate) -> str:
    season = rules.season(GuildId(guild))
    return t("config.none") if season is None else harmless(season[0], otherwise="?", longest=50)


@CONFIG.register
class Show(
    lightbulb.SlashCommand,
    name="command.config.show.name",
    description="command.config.show.description",
    localize=True,
):
    """All that is set, in a line each."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: the rules are in memory."""
        guild = ctx.guild_id or 0

        def lines(settings: GuildSettings, t: Translate) -> str:
            found = [(name, says(settings, t)) for name, says in _SHOWN]
            found.insert(_SEASON_AT, ("season", _season(rules, guild, t)))
            return "\n".join(f"{t(f'setting.{name}')}: **{said}**" for name, said in found) + f"\n\n{t('config.more')}"

        await show(ctx, rules, lines)


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
        await change(ctx, rules, lambda d: put(d, ("timezone",), self.zone.strip()), "setting.timezone", timezone_text)


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
        await change(ctx, rules, lambda d: put(d, ("locale",), self.language), "setting.language", language_text)


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
    async def invoke(self, ctx: lightbulb.Context, rules: Rules, access: ChannelAccess) -> None:
        """Without a channel there is none from now on. A channel is taken only if the bot may post there."""
        chosen = None
        if self.channel is not None and ctx.guild_id is not None:
            await ctx.defer(ephemeral=True)
            t = translate(str(ctx.interaction.locale))
            problem = await access.problem(GuildId(ctx.guild_id), int(self.channel.id), t)
            if problem is not None:
                await tell(ctx, problem)
                return
            chosen = str(self.channel.id)
        await change(ctx, rules, lambda d: put(d, ("log_channel_id",), chosen), "setting.log_channel", log_channel_text)
