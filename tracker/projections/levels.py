"""Levels and tiers (SEMANTICS §7): EXP in, whole numbers out. Negative EXP is level 0."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from tracker.events.level_rules import Curve, LinearCurve, Mee6Curve, ThresholdCurve, Tier, TierRules, cost_of

__all__ = ["Progress", "cost_of", "level_of", "progress", "tiers_held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`into`: EXP since `level` began. `span`: what the whole level asks for; None: it is the highest there is."""

    level: int
    into: int
    span: int | None


def level_of(curve: Curve, exp: int) -> int:
    """The highest level whose cumulative cost is at most `exp`; never below 0."""
    if exp <= 0:
        return 0
    match curve:
        case LinearCurve():
            return exp // curve.exp_per_level
        case Mee6Curve():
            return _mee6(curve, exp)
        case ThresholdCurve():
            return bisect_right(curve.exp, exp)


def _mee6(curve: Mee6Curve, exp: int) -> int:
    """By halves: as level L costs more than L³, twice the power of two next to the cube root is too high."""
    reached, beyond = 0, 1 << (exp.bit_length() // 3 + 1)
    while beyond - reached > 1:
        middle = (reached + beyond) // 2
        if cost_of(curve, middle) <= exp:
            reached = middle
        else:
            beyond = middle
    return reached


def progress(curve: Curve, exp: int) -> Progress:
    """How far `exp` has come within its level. A debt (negative EXP) shows as the beginning of level 0."""
    level = level_of(curve, exp)
    begins = cost_of(curve, level)
    last = isinstance(curve, ThresholdCurve) and level == len(curve.exp)
    return Progress(level=level, into=max(exp, 0) - begins, span=None if last else cost_of(curve, level + 1) - begins)


def tiers_held(rules: TierRules, level: int, exp: int) -> tuple[Tier, ...]:
    """The tiers of a member whose basis (lifetime, season or rolling) has `exp` EXP, which is `level`, lowest first.

    At most one if the policy is `highest`.
    """
    held = tuple(tier for tier in rules.tiers if _holds(tier, level, exp))
    return held[-1:] if rules.policy == "highest" else held


def _holds(tier: Tier, level: int, exp: int) -> bool:
    if tier.min_level is not None:
        return level >= tier.min_level
    return tier.min_exp is not None and exp >= tier.min_exp
