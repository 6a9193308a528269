"""`/exp show`: every rule by which EXP is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import lightbulb

from tracker.discord.commands.changing import show
from tracker.discord.commands.window import EXP, windows_lines
from tracker.discord.rules_text import interaction_text, message_text, rule_text, shortened
from tracker.events.settings import GuildSettings, Rule
from tracker.ids import Ms
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["EXP"]

_SHOWN: Final = 10


@EXP.register
class Show(
    lightbulb.SlashCommand, name="command.exp.show.name", description="command.exp.show.description", localize=True
):
    """Voice, messages, interactions, multipliers; and what voice time must fulfil."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules) -> None:
        """Answers at once: the rules are in memory."""
        now = rules.clock.now()
        await show(ctx, rules, lambda settings, t: "\n".join(_lines(settings, t, now)))


def _lines(settings: GuildSettings, t: Translate, now: Ms) -> list[str]:
    lines = [f"**{t('setting.voice_exp')}**", rule_text(settings.voice_default, t("exp.everywhere"), t)]
    lines += _rules({**settings.voice_categories, **settings.voice_channels}, t)
    lines.append(t("exp.require", needs=_requirements(settings, t)))
    lines += [f"**{t('setting.message_exp')}**", message_text(settings, t)]
    if settings.message_revoke_ms:
        lines.append(t("exp.revoked", n=settings.message_revoke_ms // 1000))
    lines += [f"**{t('setting.interaction_exp')}**", interaction_text(settings, t), f"**{t('setting.multiplier')}**"]
    percents = [f"<#{channel}> {percent:,}%" for channel, percent in settings.channel_percent.items()]
    percents += [f"<@&{role}> {percent:,}%" for role, percent in settings.role_percent.items()]
    lines.append(shortened(percents, t, 2 * _SHOWN))
    return [*lines, f"**{t('setting.window')}** ({settings.timezone})", windows_lines(settings, t, now, _SHOWN)]


def _rules(rules: Mapping[int, Rule], t: Translate) -> list[str]:
    lines = [rule_text(rule, f"<#{channel}>", t) for channel, rule in rules.items()]
    return [shortened(lines, t, _SHOWN, between="\n")] if lines else []


def _requirements(settings: GuildSettings, t: Translate) -> str:
    needs = [t("exp.min_members", n=settings.min_members)] if settings.min_members > 1 else []
    needs += [t("exp.undeafened")] if settings.undeafened else []
    needs += [t("exp.unmuted")] if settings.unmuted else []
    return ", ".join(needs) or t("config.none")
