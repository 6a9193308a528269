"""`/exp voice | voice-reset | message | interaction | adjust` (`/경험치` for Korean clients)."""

from __future__ import annotations

from typing import Final

import hikari
import lightbulb

from tracker.discord.commands.answers import reason
from tracker.discord.commands.changing import change, command_group, put_all, tell
from tracker.discord.names import harmless
from tracker.discord.rules_text import interaction_text, message_text, rule_text
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.settings import GuildSettings, Rule
from tracker.ids import GuildId, UserId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["EXP"]

EXP: Final = command_group("exp")
_ROOMS: Final = (
    hikari.ChannelType.GUILD_VOICE,
    hikari.ChannelType.GUILD_STAGE,
    hikari.ChannelType.GUILD_CATEGORY,
)
_SECONDS: Final = {"minutes": 60, "seconds": 1}
_DAY_S: Final = 86_400
_MOST_EXP: Final = 1_000_000
_MOST_ADJUSTED: Final = 1_000_000_000


def _rule_path(channel: hikari.PartialChannel | None) -> tuple[str, ...]:
    if channel is None:
        return ("voice", "default")
    section = "categories" if channel.type == hikari.ChannelType.GUILD_CATEGORY else "channels"
    return ("voice", section, str(channel.id))


def _voice(settings: GuildSettings, t: Translate, channel: hikari.PartialChannel | None) -> str:
    rule: Rule | None
    if channel is None:
        rule = settings.voice_default
    else:
        rule = settings.voice_channels.get(channel.id) or settings.voice_categories.get(channel.id)
        if rule is None:
            return t("exp.inherits", channel=f"<#{channel.id}>")
    return rule_text(rule, t("exp.everywhere") if channel is None else f"<#{channel.id}>", t)


@EXP.register
class Voice(
    lightbulb.SlashCommand, name="command.exp.voice.name", description="command.exp.voice.description", localize=True
):
    """A rule for voice time, of a channel, a category or all others."""

    exp = lightbulb.integer(
        "option.exp.name", "option.exp.description", localize=True, min_value=0, max_value=_MOST_EXP
    )
    every = lightbulb.integer(
        "option.every.name", "option.every.description", localize=True, min_value=1, max_value=_DAY_S
    )
    unit = lightbulb.string(
        "option.unit.name",
        "option.unit.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.{unit}", unit, localize=True) for unit in _SECONDS],
        default="minutes",
    )
    channel = lightbulb.channel(
        "option.room.name", "option.room.description", localize=True, channel_types=_ROOMS, default=None
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        rule = {"every_s": self.every * _SECONDS[self.unit], "exp": self.exp}
        await change(
            ctx,
            rules,
            lambda d: put(d, _rule_path(self.channel), rule),
            "setting.voice_exp",
            lambda settings, t: _voice(settings, t, self.channel),
        )


@EXP.register
class VoiceReset(
    lightbulb.SlashCommand,
    name="command.exp.voice_reset.name",
    description="command.exp.voice_reset.description",
    localize=True,
):
    """The rule of a channel or category taken away; without one, the default as it was in the beginning."""

    channel = lightbulb.channel(
        "option.room.name", "option.room.description", localize=True, channel_types=_ROOMS, default=None
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        await change(
            ctx,
            rules,
            lambda d: put(d, _rule_path(self.channel), None),
            "setting.voice_exp",
            lambda settings, t: _voice(settings, t, self.channel),
        )


@EXP.register
class MessageExp(
    lightbulb.SlashCommand,
    name="command.exp.message.name",
    description="command.exp.message.description",
    localize=True,
):
    """What a message earns."""

    low = lightbulb.integer(
        "option.min.name", "option.min.description", localize=True, min_value=0, max_value=_MOST_EXP
    )
    high = lightbulb.integer(
        "option.max.name", "option.max.description", localize=True, min_value=0, max_value=_MOST_EXP
    )
    cooldown = lightbulb.integer(
        "option.cooldown.name", "option.cooldown.description", localize=True, min_value=0, max_value=_DAY_S
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        given = {"exp_min": self.low, "exp_max": self.high, "cooldown_s": self.cooldown}
        await change(ctx, rules, lambda d: put_all(d, "messages", given), "setting.message_exp", message_text)


@EXP.register
class InteractionExp(
    lightbulb.SlashCommand,
    name="command.exp.interaction.name",
    description="command.exp.interaction.description",
    localize=True,
):
    """What the use of a command or a button earns."""

    exp = lightbulb.integer(
        "option.exp.name", "option.exp.description", localize=True, min_value=0, max_value=_MOST_EXP
    )
    cooldown = lightbulb.integer(
        "option.cooldown.name", "option.cooldown.description", localize=True, min_value=0, max_value=_DAY_S
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on."""
        given = {"exp": self.exp, "cooldown_s": self.cooldown}
        await change(
            ctx, rules, lambda d: put_all(d, "interactions", given), "setting.interaction_exp", interaction_text
        )


@EXP.register
class Adjust(
    lightbulb.SlashCommand, name="command.exp.adjust.name", description="command.exp.adjust.description", localize=True
):
    """EXP given or taken by hand."""

    member = lightbulb.user("option.adjusted.name", "option.adjusted.description", localize=True)
    amount = lightbulb.integer(
        "option.amount.name",
        "option.amount.description",
        localize=True,
        min_value=-_MOST_ADJUSTED,
        max_value=_MOST_ADJUSTED,
    )
    why = lightbulb.string("option.reason.name", "option.reason.description", localize=True, max_length=200)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """One event, which says who and why."""
        t = translate(str(ctx.interaction.locale))
        refused = _not_adjusted(self.member, self.amount)
        if ctx.guild_id is None or refused is not None:
            await tell(ctx, t(refused or "error.guild"))
            return
        try:
            rules.adjust(GuildId(ctx.guild_id), UserId(self.member.id), self.amount, self.why, UserId(ctx.user.id))
        except Exception as error:
            await tell(ctx, t(reason("exp adjust", error)))
        else:
            why = harmless(self.why, otherwise="?", longest=200)
            await tell(ctx, t("exp.adjusted", member=self.member.mention, amount=f"{self.amount:+,}", why=why))


def _not_adjusted(user: hikari.User, amount: int) -> str | None:
    """Why nothing is adjusted; None if it is."""
    if user.is_bot:
        return "rank.bot"
    if not isinstance(user, hikari.Member):
        return "exp.stranger"
    return "exp.nothing" if amount == 0 else None
