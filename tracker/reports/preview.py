"""What changed rules would do to a guild's members, before anything is saved. Pure, and quick for 100,000 of them.

Roles are compared with those that members hold on Discord now, because that is what would change: a role that somebody
was given by hand is not gained again, and the role of a tier that is taken out of the list is not touched any more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tracker.events.level_rules import Curve, LinearCurve, ThresholdCurve, Tier, cost_of
from tracker.events.settings import GuildSettings
from tracker.ids import RoleId
from tracker.projections.levels import level_of, tiers_held

__all__ = ["Footing", "Person", "Preview", "TierCount", "preview"]

Person: TypeAlias = tuple[int, int, str]
"""A member's EXP in all, their EXP by the basis of the rules to come, and their roles (ids, joined by commas)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCount:
    """How many members hold a tier's role now, and how many would by the rules."""

    tier: Tier
    held: int
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Of so many `members`: whose level would `rise` or `fall`, and who would `gain` or `lose` a tier role.

    Who would get one role in the place of another counts in both. `tiers`: from the lowest to the highest.
    """

    members: int
    rise: int
    fall: int
    gain: int
    lose: int
    tiers: tuple[TierCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """What one member's tiers and nickname follow from.

    `own_nicks`: nicknames of our making; a member who bears one of them had `original_nick` before (None: none).
    """

    exp: int
    basis_exp: int
    own_nicks: tuple[str, ...]
    original_nick: str | None


def preview(people: Sequence[Person], before: GuildSettings, after: GuildSettings) -> Preview:
    """What it would mean for `people` if `after` were in force in the place of `before`."""
    rise, fall = _moved([exp for exp, _, _ in people], before.curve, after.curve)
    steps = _Steps.of(after)
    breaks = steps.breaks
    crowds = Counter((bisect_right(breaks, basis), roles) for _, basis, roles in people)
    managed = {tier.role_id for tier in after.tiers.tiers}
    gain = lose = 0
    held_by: Counter[int] = Counter()
    wanted_by: Counter[int] = Counter()
    for (step, roles), count in crowds.items():
        held = managed.intersection(map(RoleId, map(int, roles.split(",")))) if roles else set[RoleId]()
        wanted = steps.roles[step]
        gain += count if wanted - held else 0
        lose += count if held - wanted else 0
        held_by.update(dict.fromkeys(held, count))
        wanted_by.update(dict.fromkeys(wanted, count))
    tiers = tuple(
        TierCount(tier=tier, held=held_by[tier.role_id], wanted=wanted_by[tier.role_id]) for tier in after.tiers.tiers
    )
    return Preview(members=len(people), rise=rise, fall=fall, gain=gain, lose=lose, tiers=tiers)


@dataclass(frozen=True, slots=True)
class _Steps:
    """The tier roles as a function of EXP: `roles[n]` are those of whoever has reached n of the `breaks`.

    Between two of them nothing changes, so each stretch is asked about once, whatever its members.
    """

    breaks: list[int]
    roles: list[frozenset[RoleId]]

    @classmethod
    def of(cls, settings: GuildSettings) -> _Steps:
        breaks = sorted({0} | {at for tier in settings.tiers.tiers if (at := _from(tier, settings.curve)) is not None})
        return cls(breaks, [_roles(settings, at) for at in (-1, *breaks)])


def _from(tier: Tier, curve: Curve) -> int | None:
    """The EXP that a tier begins at; None if the curve never gets there."""
    if tier.min_level is None:
        return tier.min_exp
    if isinstance(curve, ThresholdCurve) and tier.min_level > len(curve.exp):
        return None
    return cost_of(curve, tier.min_level)


def _roles(settings: GuildSettings, basis: int) -> frozenset[RoleId]:
    return frozenset(tier.role_id for tier in tiers_held(settings.tiers, level_of(settings.curve, basis), basis))


def _moved(exps: Sequence[int], before: Curve, after: Curve) -> tuple[int, int]:
    """How many levels would rise, and how many fall."""
    if before == after or not exps:
        return 0, 0
    was, becomes = _levels(exps, before), _levels(exps, after)
    rise = sum(b > a for a, b in zip(was, becomes, strict=True))
    fall = sum(b < a for a, b in zip(was, becomes, strict=True))
    return rise, fall


def _levels(exps: Sequence[int], curve: Curve) -> list[int]:
    """`level_of` for each: what the levels cost is worked out once, not for each member."""
    if isinstance(curve, LinearCurve):
        return [max(exp, 0) // curve.exp_per_level for exp in exps]
    costs = [cost_of(curve, level) for level in range(1, level_of(curve, max(exps)) + 1)]
    return [bisect_right(costs, exp) for exp in exps]
