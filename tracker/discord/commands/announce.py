"""`/announce off | channel | dm` (`/알림` for Korean clients): what is said when somebody reaches a level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.channel_access import ChannelAccess
from tracker.discord.commands.changing import change, command_group, put_all, settings_of, tell
from tracker.discord.rules_text import announcements_text
from tracker.discord.texts import translate
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["ANNOUNCE"]

ANNOUNCE: Final = command_group("announce")
_LONGEST: Final = 200


def _given(**options: object) -> dict[str, Any]:
    """What was typed; what was left out stays as it is."""
    return {key: value for key, value in options.items() if value is not None}


async def _announce(ctx: lightbulb.Context, rules: Rules, given: Mapping[str, Any]) -> None:
    await change(
        ctx,
        rules,
        lambda d: put_all(d, "announcements", given),
        "setting.announcements",
        announcements_text,
        note=_note,
    )


def _note(settings: GuildSettings, t: Translate) -> str:
    rules = settings.announcements
    nowhere = rules.mode == "channel" and rules.channel_id is None and settings.log_channel_id is None
    return t("channel.no_log") if nowhere else ""


@ANNOUNCE.register
class Off(
    lightbulb.SlashCommand,
    name="command.announce.off.name",
    description="command.announce.off.description",
    localize=True,
):
    """Nothing is said when a level is reached."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await _announce(ctx, rules, {"mode": "off"})


@ANNOUNCE.register
class InChannel(
    lightbulb.SlashCommand,
    name="command.announce.channel.name",
    description="command.announce.channel.description",
    localize=True,
):
    """Levels are told in a channel."""

    channel = lightbulb.channel(
        "option.log_channel.name",
        "option.announced_channel.description",
        localize=True,
        channel_types=[hikari.ChannelType.GUILD_TEXT, hikari.ChannelType.GUILD_NEWS],
        default=None,
    )
    template = lightbulb.string(
        "option.template.name",
        "option.announcement_template.description",
        localize=True,
        min_length=1,
        max_length=_LONGEST,
        default=None,
    )
    mentions = lightbulb.boolean("option.mentions.name", "option.mentions.description", localize=True, default=None)
    card = lightbulb.boolean("option.card.name", "option.card.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules, access: ChannelAccess) -> None:
        """In force from now on, if the bot may post there."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        guild = GuildId(ctx.guild_id)
        channel = settings_of(rules, guild).log_channel_id if self.channel is None else self.channel.id
        await ctx.defer(ephemeral=True)
        problem = None if channel is None else await access.problem(guild, int(channel), t)
        if problem is not None:
            await tell(ctx, problem)
            return
        given = _given(mode="channel", template=self.template, mentions=self.mentions, card=self.card)
        await _announce(ctx, rules, given | {"channel_id": None if self.channel is None else str(self.channel.id)})


@ANNOUNCE.register
class InPrivate(
    lightbulb.SlashCommand,
    name="command.announce.dm.name",
    description="command.announce.dm.description",
    localize=True,
):
    """Levels are told to those who reached them."""

    template = lightbulb.string(
        "option.template.name",
        "option.announcement_template.description",
        localize=True,
        min_length=1,
        max_length=_LONGEST,
        default=None,
    )
    card = lightbulb.boolean("option.card.name", "option.card.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await _announce(ctx, rules, _given(mode="dm", template=self.template, card=self.card))
