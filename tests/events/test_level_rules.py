"""What a settings document says of levels, tiers, nicknames and announcements, compiled."""

from __future__ import annotations

from typing import Any

import pytest

from tracker.events.level_rules import (
    NICKNAME_PLACEHOLDERS,
    AnnouncementRules,
    Curve,
    LinearCurve,
    Mee6Curve,
    ThresholdCurve,
    Tier,
    TierRules,
    unknown_placeholders,
)
from tracker.events.settings import parse_settings
from tracker.ids import ChannelId, RoleId


@pytest.mark.parametrize(
    ("levels", "curve"),
    [
        ({}, LinearCurve(exp_per_level=100)),
        ({"exp_per_level": 7}, LinearCurve(exp_per_level=7)),
        ({"kind": "mee6"}, Mee6Curve()),
        ({"kind": "thresholds", "exp": [10, 30]}, ThresholdCurve(exp=(10, 30))),
    ],
)
def test_each_kind_of_curve_is_compiled(levels: dict[str, Any], curve: Curve) -> None:
    assert parse_settings({"levels": levels}).curve == curve


def _tier_names(levels: dict[str, Any], *tiers: tuple[str, str, int]) -> list[str]:
    listed = [{"name": name, "role_id": "5", kind: least} for name, kind, least in tiers]
    return [tier.name for tier in parse_settings({"levels": levels, "tiers": {"list": listed}}).tiers.tiers]


def test_tiers_are_in_order_of_the_exp_they_ask_for_however_they_are_listed() -> None:
    mixed = (("C", "min_level", 3), ("B", "min_exp", 299), ("A", "min_level", 0), ("D", "min_exp", 300))
    assert _tier_names({}, *mixed) == ["A", "B", "C", "D"]
    assert _tier_names({"kind": "mee6"}, *mixed) == ["A", "B", "D", "C"]


def test_tiers_of_levels_that_the_curve_does_not_have_stand_above_all_others() -> None:
    tiers = (("far", "min_level", 9), ("near", "min_level", 3), ("rich", "min_exp", 10**9), ("first", "min_level", 1))
    assert _tier_names({"kind": "thresholds", "exp": [5, 50]}, *tiers) == ["first", "rich", "near", "far"]


def test_a_tier_keeps_its_role_and_what_it_asks_for() -> None:
    tiers = {"basis": "rolling", "rolling_days": 7, "policy": "stack"}
    gold = {"name": "Gold", "role_id": "77", "min_level": 5}
    assert parse_settings({"tiers": {**tiers, "list": [gold]}}).tiers == TierRules(
        basis="rolling",
        rolling_days=7,
        policy="stack",
        tiers=(Tier(name="Gold", role_id=RoleId(77), min_level=5, min_exp=None),),
    )


def test_announcements_and_boards_are_compiled() -> None:
    template = "{name} {mention}: {level} ({exp}, {tier}) } {"
    announcements = {"mode": "channel", "channel_id": "9", "template": template, "mentions": True, "card": True}
    settings = parse_settings({"announcements": announcements, "boards": {"enabled": False}})
    assert settings.announcements == AnnouncementRules(
        mode="channel", channel_id=ChannelId(9), template=template, mentions=True, card=True
    )
    assert not settings.boards_enabled


def test_a_nickname_template_of_before_placeholders_were_looked_at_is_still_taken() -> None:
    template = "{rank} {name}"
    assert parse_settings({"nickname": {"template": template}}).nickname.template == template
    assert unknown_placeholders(template, NICKNAME_PLACEHOLDERS) == ("rank",)
