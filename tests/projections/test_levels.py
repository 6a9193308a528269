"""Levels, progress and tiers, against a loop that counts level by level."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.events.level_rules import Curve, LinearCurve, Mee6Curve, ThresholdCurve, Tier, TierRules
from tracker.ids import RoleId
from tracker.projections.levels import Progress, cost_of, level_of, progress, tiers_held

_RISING = st.sets(st.integers(1, 5000), min_size=1, max_size=30).map(lambda exp: tuple(sorted(exp)))
CURVES: st.SearchStrategy[Curve] = st.one_of(
    st.builds(LinearCurve, exp_per_level=st.integers(1, 3000)),
    st.just(Mee6Curve()),
    st.builds(ThresholdCurve, exp=_RISING),
)
MEE6, THRESHOLDS = Mee6Curve(), ThresholdCurve(exp=(10, 30, 31))


def naive(curve: Curve, exp: int) -> tuple[int, int, int | None]:
    """(level, EXP into it, its span), paying for one level after the other."""
    level, left = 0, max(exp, 0)
    while True:
        match curve:
            case LinearCurve():
                price: int | None = curve.exp_per_level
            case Mee6Curve():
                price = 5 * level * level + 50 * level + 100
            case ThresholdCurve():
                steps = [b - a for a, b in zip((0, *curve.exp), curve.exp, strict=False)]
                price = steps[level] if level < len(steps) else None
        if price is None or left < price:
            return level, left, price
        left -= price
        level += 1


@given(curve=CURVES, exp=st.integers(-1000, 200_000))
def test_levels_are_those_of_paying_for_one_after_the_other(curve: Curve, exp: int) -> None:
    level, into, span = naive(curve, exp)
    assert level_of(curve, exp) == level
    assert progress(curve, exp) == Progress(level=level, into=into, span=span)


@given(curve=CURVES, exp=st.integers(-10, 10**30), more=st.integers(0, 10**30))
def test_more_exp_is_never_a_lower_level(curve: Curve, exp: int, more: int) -> None:
    assert 0 <= level_of(curve, exp) <= level_of(curve, exp + more)


@given(curve=CURVES, level=st.integers(0, 10**12))
def test_a_level_begins_at_its_cost_and_not_one_exp_before(curve: Curve, level: int) -> None:
    if isinstance(curve, ThresholdCurve):
        level %= len(curve.exp) + 1
    cost = cost_of(curve, level)
    assert level_of(curve, cost) == level
    assert level_of(curve, cost - 1) == max(level - 1, 0)


@given(curve=CURVES, exp=st.integers(0, 10**30))
def test_exp_lies_within_its_level(curve: Curve, exp: int) -> None:
    found = progress(curve, exp)
    assert cost_of(curve, found.level) + found.into == exp
    assert found.into >= 0
    assert found.span is None or found.into < found.span


@pytest.mark.parametrize(("level", "cost"), [(0, 0), (1, 100), (2, 255), (3, 475), (10, 4675), (100, 1_899_250)])
def test_the_mee6_curve_is_the_known_one(level: int, cost: int) -> None:
    assert cost_of(MEE6, level) == cost


def test_an_absurd_sum_has_a_level_at_once() -> None:
    exp = 10**300
    assert cost_of(MEE6, level_of(MEE6, exp)) <= exp < cost_of(MEE6, level_of(MEE6, exp) + 1)


@pytest.mark.parametrize("curve", [LinearCurve(exp_per_level=100), MEE6, THRESHOLDS])
def test_a_debt_is_the_beginning_of_level_0(curve: Curve) -> None:
    assert level_of(curve, -5) == 0
    assert progress(curve, -5) == progress(curve, 0)
    assert progress(curve, -5).into == 0


def test_the_highest_threshold_has_no_level_behind_it() -> None:
    assert progress(THRESHOLDS, 30) == Progress(level=2, into=0, span=1)
    assert progress(THRESHOLDS, 1000) == Progress(level=3, into=969, span=None)
    with pytest.raises(ValueError, match="the highest is 3"):
        cost_of(THRESHOLDS, 4)


def test_there_is_no_level_below_0() -> None:
    with pytest.raises(ValueError, match="no level -1"):
        cost_of(MEE6, -1)


def tier(name: str, *, level: int | None = None, exp: int | None = None) -> Tier:
    return Tier(name=name, role_id=RoleId(5), min_level=level, min_exp=exp)


BRONZE, SILVER, GOLD = tier("Bronze", level=1), tier("Silver", exp=250), tier("Gold", level=5)
HIGHEST = TierRules(basis="lifetime", rolling_days=30, policy="highest", tiers=(BRONZE, SILVER, GOLD))
STACK = TierRules(basis="lifetime", rolling_days=30, policy="stack", tiers=(BRONZE, SILVER, GOLD))


@pytest.mark.parametrize(
    ("level", "exp", "held"),
    [
        (0, 99, ()),
        (1, 100, (BRONZE,)),
        (2, 249, (BRONZE,)),
        (2, 250, (BRONZE, SILVER)),
        (5, 500, (BRONZE, SILVER, GOLD)),
    ],
)
def test_tiers_are_held_from_what_they_ask_for_on(level: int, exp: int, held: tuple[Tier, ...]) -> None:
    assert tiers_held(STACK, level, exp) == held
    assert tiers_held(HIGHEST, level, exp) == held[-1:]


def test_a_debt_holds_a_tier_of_level_0_but_none_of_0_exp() -> None:
    newcomer, clear = tier("Newcomer", level=0), tier("Clear", exp=0)
    rules = TierRules(basis="lifetime", rolling_days=30, policy="stack", tiers=(newcomer, clear))
    assert tiers_held(rules, 0, -1) == (newcomer,)
    assert tiers_held(rules, 0, 0) == (newcomer, clear)
