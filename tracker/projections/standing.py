"""What a member has come to: a level and the tier roles that go with it (SEMANTICS §7). Pure.

The level is that of all-time EXP. Tiers look at the guild's basis: the same, the EXP of the running season, or that of
the last whole local days; a tier that asks for a level asks for the level of *that* EXP.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracker.events.level_rules import Tier
from tracker.events.settings import GuildSettings
from tracker.ids import Ms, RoleId
from tracker.projections.days import date_of, day_of, local_day
from tracker.projections.levels import level_of, tiers_held

__all__ = ["Standing", "StandingRules", "announces", "keeps_members", "rolling_window", "standing_of", "tier_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`tier_roles`: the roles of the tiers held, ascending by id, each once."""

    level: int
    tier_roles: tuple[RoleId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRules:
    """What a guild's members are judged by at one instant. `season_at`: since when a season runs; None: none does."""

    settings: GuildSettings
    season_at: Ms | None


def keeps_members(settings: GuildSettings) -> bool:
    """Whether roles or nicknames follow from what members have come to."""
    return bool(settings.tiers.tiers) or settings.nickname.enabled


def announces(settings: GuildSettings) -> bool:
    """Whether reaching a level is told."""
    return settings.announcements.mode != "off"


def standing_of(settings: GuildSettings, exp: int, basis_exp: int) -> Standing:
    """Of a member with `exp` in all and `basis_exp` by the guild's basis."""
    level = level_of(settings.curve, exp)
    basis_level = level if basis_exp == exp else level_of(settings.curve, basis_exp)
    held = tiers_held(settings.tiers, basis_level, basis_exp)
    return Standing(level=level, tier_roles=tuple(sorted({tier.role_id for tier in held})))


def tier_of(settings: GuildSettings, tier_roles: tuple[RoleId, ...]) -> Tier | None:
    """The highest tier among those whose roles these are; None if there is none."""
    return next((tier for tier in reversed(settings.tiers.tiers) if tier.role_id in tier_roles), None)


def rolling_window(settings: GuildSettings, moment: int) -> tuple[int, int]:
    """The first and the last (both yyyymmdd, both included) of the local days that the basis `rolling` counts.

    They are the last whole ones: the day in which `moment` lies is not among them.
    """
    today = date_of(local_day(settings.zone, moment).day)
    ordinal = today.toordinal()
    first = today.fromordinal(max(1, ordinal - settings.tiers.rolling_days))
    return day_of(first), day_of(today.fromordinal(max(1, ordinal - 1)))
