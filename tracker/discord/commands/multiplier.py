"""`/exp multiplier`: how a channel or a role changes what is earned."""

from __future__ import annotations

from typing import Final

import lightbulb

from tracker.discord.commands.changing import change, tell
from tracker.discord.commands.exp import EXP
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.settings import GuildSettings
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["EXP", "Multiplier"]

_NORMAL: Final = 100


@EXP.register
class Multiplier(
    lightbulb.SlashCommand,
    name="command.exp.multiplier.name",
    description="command.exp.multiplier.description",
    localize=True,
):
    """Percent of what is earned in a channel, or by those who hold a role."""

    percent = lightbulb.integer(
        "option.percent.name", "option.percent.description", localize=True, min_value=0, max_value=10_000
    )
    channel = lightbulb.channel(
        "option.log_channel.name", "option.multiplied_channel.description", localize=True, default=None
    )
    role = lightbulb.role("option.role.name", "option.multiplied_role.description", localize=True, default=None)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """In force from now on; 100 takes it away."""
        if (self.channel is None) is (self.role is None):
            await tell(ctx, translate(str(ctx.interaction.locale))("exp.one_of_both"))
            return
        section, of, mention = "roles", 0, ""
        if self.role is not None:
            of, mention = self.role.id, f"<@&{self.role.id}>"
        elif self.channel is not None:
            section, of, mention = "channels", self.channel.id, f"<#{self.channel.id}>"
        percent = None if self.percent == _NORMAL else self.percent

        def in_force(settings: GuildSettings, t: Translate) -> str:
            found = settings.channel_percent if section == "channels" else settings.role_percent
            return f"{mention} {found.get(of, _NORMAL):,}%"

        path = ("multipliers", section, str(of))
        await change(ctx, rules, lambda d: put(d, path, percent), "setting.multiplier", in_force)
