"""`/tier preview`: who holds what now, and would by the rules in force or by others. Nothing is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightbulb

from tracker.discord.commands.answers import INITIAL, reason
from tracker.discord.commands.changing import put_all, refused, tell
from tracker.discord.commands.level import LINEAR_MOST, THRESHOLDS_LONGEST, thresholds_of
from tracker.discord.commands.proposing import Proposing
from tracker.discord.commands.tier import BASES, POLICIES, TIER, season_note
from tracker.discord.preview_text import preview_lines
from tracker.discord.rules_text import basis_text, curve_text, policy_text
from tracker.discord.texts import translate
from tracker.errors import SettingsError
from tracker.events.editing import put
from tracker.events.settings import GuildSettings, parse_settings
from tracker.ids import GuildId
from tracker.reports.catalogue import Translate

__all__ = ["TIER", "Preview"]


@TIER.register
class Preview(
    lightbulb.SlashCommand,
    name="command.tier.preview.name",
    description="command.tier.preview.description",
    localize=True,
):
    """What rules would mean for the members: those in force, apart from what the options say."""

    linear = lightbulb.integer(
        "option.try_linear.name",
        "option.try_linear.description",
        localize=True,
        min_value=1,
        max_value=LINEAR_MOST,
        default=None,
    )
    mee6 = lightbulb.boolean("option.try_mee6.name", "option.try_mee6.description", localize=True, default=False)
    thresholds = lightbulb.string(
        "option.try_thresholds.name",
        "option.try_thresholds.description",
        localize=True,
        max_length=THRESHOLDS_LONGEST,
        default=None,
    )
    basis = lightbulb.string(
        "option.basis.name",
        "option.basis.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.basis.{basis}", basis, localize=True) for basis in BASES],
        default=None,
    )
    days = lightbulb.integer(
        "option.days.name", "option.days.description", localize=True, min_value=1, max_value=366, default=None
    )
    policy = lightbulb.string(
        "option.policy.name",
        "option.policy.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.policy.{policy}", policy, localize=True) for policy in POLICIES],
        default=None,
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Deferred, because all that happened up to now is written first."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        guild = GuildId(ctx.guild_id)
        problem = self._problem(t)
        if problem is not None:
            await tell(ctx, problem)
            return
        document = proposing.rules.document(guild)
        try:
            old, new = parse_settings(document), parse_settings(self._changed(document))
        except SettingsError as error:
            await tell(ctx, refused(error, t))
            return
        await ctx.defer(ephemeral=True)
        try:
            found = await proposing.desk.preview(guild, new)
        except Exception as error:
            await ctx.edit_response(INITIAL, t(reason("tier preview", error)))
            return
        note = season_note(proposing.rules, guild)(new, t)
        lines = [*_rules(new, t), note, *preview_lines(found, old, new, t), t("preview.nothing_saved")]
        await ctx.edit_response(
            INITIAL, "\n".join(filter(None, lines)), mentions_everyone=False, user_mentions=False, role_mentions=False
        )

    def _problem(self, t: Translate) -> str | None:
        if (self.linear is not None) + self.mee6 + (self.thresholds is not None) > 1:
            return t("preview.one_curve")
        if self.thresholds is not None and thresholds_of(self.thresholds) is None:
            return t("level.bad_thresholds")
        return None

    def _changed(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.linear is not None:
            document = put(document, ("levels",), {"kind": "linear", "exp_per_level": self.linear})
        elif self.mee6:
            document = put(document, ("levels",), {"kind": "mee6"})
        elif self.thresholds is not None:
            document = put(document, ("levels",), {"kind": "thresholds", "exp": thresholds_of(self.thresholds)})
        asked = {"basis": self.basis, "rolling_days": self.days, "policy": self.policy}
        return put_all(document, "tiers", {key: value for key, value in asked.items() if value is not None})


def _rules(settings: GuildSettings, t: Translate) -> list[str]:
    shown = (("setting.curve", curve_text), ("setting.basis", basis_text), ("setting.policy", policy_text))
    return [f"{t(name)}: **{says(settings, t)}**" for name, says in shown]
