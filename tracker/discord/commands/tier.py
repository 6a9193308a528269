"""`/tier add | remove | list | basis | policy | preview` (`/등급` for Korean clients)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import hikari
import lightbulb

from tracker.discord.commands.changing import InForce, command_group, put_all, settings_of, show, tell
from tracker.discord.commands.proposing import Proposing
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.role_checks import permission_names, why_no_tier
from tracker.discord.rules_text import basis_text, policy_text, shortened, tier_text, tiers_text
from tracker.discord.texts import translate
from tracker.events.editing import put
from tracker.events.level_rules import ThresholdCurve, Tier
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, RoleId
from tracker.ingest.rules import Rules
from tracker.reports.catalogue import Translate

__all__ = ["BASES", "POLICIES", "TIER", "season_note"]

TIER: Final = command_group("tier")
BASES: Final = ("lifetime", "season", "rolling")
POLICIES: Final = ("highest", "stack")
_MOST: Final = 1_000_000_000
_SHOWN: Final = 15
_SUGGESTED: Final = 25


def _with(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return put(document, ("tiers", "list"), [*_others(document, entry["role_id"]), entry])


def _others(document: Mapping[str, Any], role: str) -> list[Mapping[str, Any]]:
    return [tier for tier in document.get("tiers", {}).get("list", []) if tier["role_id"] != role]


@TIER.register
class Add(
    lightbulb.SlashCommand, name="command.tier.add.name", description="command.tier.add.description", localize=True
):
    """A role for those who have come far enough; a role that is a tier already gets the new name and beginning."""

    role = lightbulb.role("option.role.name", "option.tier_role.description", localize=True)
    name = lightbulb.string(
        "option.tier_name.name", "option.tier_name.description", localize=True, min_length=1, max_length=32
    )
    min_level = lightbulb.integer(
        "option.min_level.name",
        "option.min_level.description",
        localize=True,
        min_value=0,
        max_value=_MOST,
        default=None,
    )
    min_exp = lightbulb.integer(
        "option.min_exp.name", "option.min_exp.description", localize=True, min_value=0, max_value=_MOST, default=None
    )
    force = lightbulb.boolean("option.force.name", "option.force.description", localize=True, default=False)

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing, hierarchy: Hierarchy) -> None:
        """Shown first; in force when confirmed."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        settings = settings_of(proposing.rules, ctx.guild_id)
        reason = self._refusal(settings, t) or why_no_tier(
            hierarchy, GuildId(ctx.guild_id), self.role, ctx.member, t, force=self.force
        )
        if reason is not None:
            await tell(ctx, reason)
            return
        entry: dict[str, Any] = {"name": self.name.strip(), "role_id": str(self.role.id)}
        entry |= {"min_exp": self.min_exp} if self.min_level is None else {"min_level": self.min_level}
        role = RoleId(self.role.id)
        await proposing.propose(
            ctx,
            lambda d: _with(d, entry),
            "setting.tier",
            lambda s, t: tiers_text(s, t, role),
            note=season_note(proposing.rules, ctx.guild_id),
        )

    def _refusal(self, settings: GuildSettings, t: Translate) -> str | None:
        if (self.min_level is None) is (self.min_exp is None):
            return t("tier.one_of_both")
        if not self.name.strip():
            return t("tier.no_name")
        curve = settings.curve
        if isinstance(curve, ThresholdCurve) and self.min_level is not None and self.min_level > len(curve.exp):
            return t("tier.no_level", n=len(curve.exp))
        return None


def season_note(rules: Rules, guild: int | None) -> InForce:
    """Says so when tiers go by a season and none runs: that is not in the settings."""

    def note(settings: GuildSettings, t: Translate) -> str:
        runs = guild is not None and rules.season(GuildId(guild)) is not None
        return t("tier.no_season") if settings.tiers.basis == "season" and not runs else ""

    return note


def _named(settings: GuildSettings, typed: str) -> Tier | None:
    """The tier that is meant: what autocomplete gave is a role's id, what somebody typed may be a name."""
    wanted = typed.strip()
    for tier in settings.tiers.tiers:
        if wanted == str(tier.role_id) or wanted.casefold() == tier.name.casefold():
            return tier
    return None


async def _suggest(ctx: lightbulb.AutocompleteContext[str], rules: Rules = lightbulb.di.INJECTED) -> None:
    guild = ctx.interaction.guild_id
    tiers = () if guild is None else settings_of(rules, guild).tiers.tiers
    wanted = str(ctx.focused.value).strip().casefold()
    found = [(tier.name, str(tier.role_id)) for tier in tiers if wanted in tier.name.casefold()]
    await ctx.respond(found[:_SUGGESTED])


@TIER.register
class Remove(
    lightbulb.SlashCommand,
    name="command.tier.remove.name",
    description="command.tier.remove.description",
    localize=True,
):
    """A tier less; who holds its role keeps it."""

    tier = lightbulb.string(
        "option.tier.name", "option.tier.description", localize=True, max_length=100, autocomplete=_suggest
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; in force when confirmed."""
        t = translate(str(ctx.interaction.locale))
        if ctx.guild_id is None:
            await tell(ctx, t("error.guild"))
            return
        found = _named(settings_of(proposing.rules, ctx.guild_id), self.tier)
        if found is None:
            await tell(ctx, t("tier.unknown"))
            return
        role = found.role_id
        await proposing.propose(
            ctx,
            lambda d: put(d, ("tiers", "list"), _others(d, str(role))),
            "setting.tier",
            lambda s, t: tiers_text(s, t, role),
            note=lambda s, t: t("tier.kept", role=f"<@&{role}>"),
        )


@TIER.register
class List(
    lightbulb.SlashCommand, name="command.tier.list.name", description="command.tier.list.description", localize=True
):
    """The tiers, the highest first, and what keeps one from being given."""

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, rules: Rules, hierarchy: Hierarchy) -> None:
        """Answers at once: all of it is in memory."""

        def lines(settings: GuildSettings, t: Translate) -> str:
            tiers = [tier_text(tier, t) + _trouble(ctx, hierarchy, tier, t) for tier in settings.tiers.tiers]
            about = (("setting.basis", basis_text), ("setting.policy", policy_text))
            head = "\n".join(f"{t(name)}: {says(settings, t)}" for name, says in about)
            return f"{head}\n{shortened(tiers[::-1], t, _SHOWN, between=chr(10))}"

        await show(ctx, rules, lines)


def _trouble(ctx: lightbulb.Context, hierarchy: Hierarchy, tier: Tier, t: Translate) -> str:
    if ctx.guild_id is None or not hierarchy.knows(GuildId(ctx.guild_id)):
        return ""
    guild = GuildId(ctx.guild_id)
    if hierarchy.role(guild, tier.role_id) is None:
        return f" ⚠ {t('tier.deleted')}"
    may = hierarchy.bot_permissions(guild) & hikari.Permissions.MANAGE_ROLES
    if hierarchy.above_bot(guild, tier.role_id) or not may:
        return f" ⚠ {t('tier.out_of_reach')}"
    dangers = hierarchy.dangerous(guild, tier.role_id)
    if dangers:
        return f" ⚠ {t('tier.gives', permissions=permission_names(dangers, t))}"
    return ""


@TIER.register
class Basis(
    lightbulb.SlashCommand, name="command.tier.basis.name", description="command.tier.basis.description", localize=True
):
    """Which EXP tiers look at."""

    basis = lightbulb.string(
        "option.basis.name",
        "option.basis.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.basis.{basis}", basis, localize=True) for basis in BASES],
    )
    days = lightbulb.integer(
        "option.days.name", "option.days.description", localize=True, min_value=1, max_value=366, default=None
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; in force when confirmed."""
        if self.days is not None and self.basis != "rolling":
            await tell(ctx, translate(str(ctx.interaction.locale))("tier.days_only_rolling"))
            return
        given: dict[str, Any] = {"basis": self.basis} | ({} if self.days is None else {"rolling_days": self.days})
        await proposing.propose(
            ctx,
            lambda d: put_all(d, "tiers", given),
            "setting.basis",
            basis_text,
            note=season_note(proposing.rules, ctx.guild_id),
        )


@TIER.register
class Policy(
    lightbulb.SlashCommand,
    name="command.tier.policy.name",
    description="command.tier.policy.description",
    localize=True,
):
    """One tier role at a time, or all that were reached."""

    policy = lightbulb.string(
        "option.policy.name",
        "option.policy.description",
        localize=True,
        choices=[lightbulb.Choice(f"choice.policy.{policy}", policy, localize=True) for policy in POLICIES],
    )

    @lightbulb.invoke
    async def invoke(self, ctx: lightbulb.Context, proposing: Proposing) -> None:
        """Shown first; in force when confirmed."""
        await proposing.propose(ctx, lambda d: put(d, ("tiers", "policy"), self.policy), "setting.policy", policy_text)
