"""`/track ignore | include | list` and `/track pattern add | remove` (`/집계` for Korean clients)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.commands.changing import change, command_group, settings_of, show
from tracker.discord.names import harmless
from tracker.discord.rules_text import shortened
from tracker.events.editing import with_member
from tracker.events.settings import GuildSettings
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["TRACK"]

TRACK: Final = command_group("track")
_PATTERN: Final = TRACK.subgroup("command.track.pattern.name", "command.track.pattern.description", localize=True)
_PATTERNS: Final = ("voice", "ignore", "patterns")
_KINDS: Final = (
    hikari.ChannelType.GUILD_VOICE,
    hikari.ChannelType.GUILD_STAGE,
    hikari.ChannelType.GUILD_CATEGORY,
    hikari.ChannelType.GUILD_TEXT,
    hikari.ChannelType.GUILD_NEWS,
    hikari.ChannelType.GUILD_FORUM,
)


def _list_of(channel: hikari.PartialChannel) -> tuple[str, ...]:
    """Where a channel is ignored: voice and categories for voice time, the others for messages."""
    if channel.type == hikari.ChannelType.GUILD_CATEGORY:
        return ("voice", "ignore", "categories")
    if channel.type in (hikari.ChannelType.GUILD_VOICE, hikari.ChannelType.GUILD_STAGE):
        return ("voice", "ignore", "channels")
    return ("messages", "ignore_channels")


def _ignored(settings: GuildSettings, t: Translate) -> str:
    ids = settings.ignore_categories | settings.ignore_channels | settings.message_ignore_channels
    return shortened([f"<#{channel}>" for channel in sorted(ids)], t)


def _patterns(settings: GuildSettings, t: Translate) -> str:
    compiled = settings.ignore_pattern
    found = () if compiled is None else compiled.patterns
    return shortened([harmless(pattern.pattern, otherwise="?") for pattern in found], t)


@TRACK.register
class Ignore(
    lightbulb.SlashCommand,
    name="command.track.ignore.name",
    description="command.track.ignore.description",
    localize=True,
):
    """From now on a channel does not count."""

    channel = lightbulb.channel(
        "option.tracked.name", "option.tracked.description", localize=True, channel_types=_KINDS
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(ctx, rules, lambda d: _with(d, self.channel, ignored=True), "setting.ignored", _ignored)


@TRACK.register
class Include(
    lightbulb.SlashCommand,
    name="command.track.include.name",
    description="command.track.include.description",
    localize=True,
):
    """From now on a channel counts again."""

    channel = lightbulb.channel(
        "option.tracked.name", "option.tracked.description", localize=True, channel_types=_KINDS
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(ctx, rules, lambda d: _with(d, self.channel, ignored=False), "setting.ignored", _ignored)


@TRACK.register
class List(
    lightbulb.SlashCommand,
    name="command.track.list.name",
    description="command.track.list.description",
    localize=True,
):
    """What does not count."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: the rules are in memory."""
        await show(ctx, rules, _listed)


def _listed(settings: GuildSettings, t: Translate) -> str:
    shown = (("setting.ignored", _ignored), ("setting.patterns", _patterns))
    return "\n".join(f"{t(name)}: {says(settings, t)}" for name, says in shown)


async def _suggest_patterns(ctx: lightbulb.AutocompleteContext[str], rules: Rules = lightbulb.di.INJECTED) -> None:
    compiled = None if ctx.interaction.guild_id is None else settings_of(rules, ctx.interaction.guild_id).ignore_pattern
    typed = str(ctx.focused.value).casefold()
    found = [] if compiled is None else [pattern.pattern for pattern in compiled.patterns]
    await ctx.respond([pattern for pattern in found if typed in pattern.casefold() and len(pattern) <= 100][:25])


@_PATTERN.register
class AddPattern(
    lightbulb.SlashCommand,
    name="command.track.pattern.add.name",
    description="command.track.pattern.add.description",
    localize=True,
):
    """Voice channels whose name matches do not count."""

    pattern = lightbulb.string(
        "option.pattern.name", "option.pattern.description", localize=True, min_length=1, max_length=200
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(
            ctx, rules, lambda d: with_member(d, _PATTERNS, self.pattern, on=True), "setting.patterns", _patterns
        )


@_PATTERN.register
class RemovePattern(
    lightbulb.SlashCommand,
    name="command.track.pattern.remove.name",
    description="command.track.pattern.remove.description",
    localize=True,
):
    """A pattern that no longer keeps channels from counting."""

    pattern = lightbulb.string(
        "option.pattern.name",
        "option.pattern.description",
        localize=True,
        min_length=1,
        max_length=200,
        autocomplete=_suggest_patterns,
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(
            ctx, rules, lambda d: with_member(d, _PATTERNS, self.pattern, on=False), "setting.patterns", _patterns
        )


def _with(document: Mapping[str, Any], channel: hikari.PartialChannel, *, ignored: bool) -> Mapping[str, Any]:
    return with_member(document, _list_of(channel), str(channel.id), on=ignored)
