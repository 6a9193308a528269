"""What a guild's document says of levels, tiers, nicknames and announcements, compiled (SEMANTICS §7 and §8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tracker.errors import SettingsError
from tracker.events import settings_model as model
from tracker.ids import ChannelId, RoleId

__all__ = [
    "ANNOUNCEMENT_PLACEHOLDERS",
    "NICKNAME_PLACEHOLDERS",
    "AnnouncementRules",
    "Curve",
    "LinearCurve",
    "Mee6Curve",
    "NicknameRules",
    "ThresholdCurve",
    "Tier",
    "TierRules",
    "announcements_of",
    "cost_of",
    "curve_of",
    "tiers_of",
    "unknown_placeholders",
]

NICKNAME_PLACEHOLDERS: Final = ("tier", "name", "level", "exp")
ANNOUNCEMENT_PLACEHOLDERS: Final = ("mention", "name", "level", "tier", "exp")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearCurve:
    """A level each `exp_per_level`."""

    exp_per_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mee6Curve:
    """Level L → L + 1 costs 5L² + 50L + 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdCurve:
    """The cumulative EXP of level 1, 2, 3, …, rising; there is no level beyond them."""

    exp: tuple[int, ...]


Curve: TypeAlias = LinearCurve | Mee6Curve | ThresholdCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A role for those who have come far enough; either `min_level` or `min_exp` is None."""

    name: str
    role_id: RoleId
    min_level: int | None
    min_exp: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRules:
    """`tiers` from the lowest to the highest, by the EXP they ask for. `rolling_days` is for the basis `rolling`."""

    basis: Literal["lifetime", "season", "rolling"]
    rolling_days: int
    policy: Literal["highest", "stack"]
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NicknameRules:
    """`template` is in use only if `enabled`. What stands in braces and is no placeholder is meant as it is."""

    template: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementRules:
    """What is said when somebody reaches a level. `channel_id` None: the guild's log channel.

    `mentions`: whether a mention notifies. `card`: whether an image goes with it.
    """

    mode: Literal["off", "channel", "dm"]
    channel_id: ChannelId | None
    template: str
    mentions: bool
    card: bool


def cost_of(curve: Curve, level: int) -> int:
    """The cumulative EXP at which `level` begins. Raises ValueError if the curve has no such level."""
    if level < 0:
        raise ValueError(f"there is no level {level}")
    match curve:
        case LinearCurve():
            return level * curve.exp_per_level
        case Mee6Curve():  # the sum of 5i² + 50i + 100 over i < level; one factor in six always goes into it
            return 5 * level * (2 * level * level + 27 * level + 91) // 6
        case ThresholdCurve():
            if level > len(curve.exp):
                raise ValueError(f"there is no level {level}: the highest is {len(curve.exp)}")
            return curve.exp[level - 1] if level else 0


def curve_of(levels: model.Linear | model.Mee6 | model.Thresholds) -> Curve:
    """The curve that a checked document names."""
    match levels:
        case model.Linear():
            return LinearCurve(exp_per_level=levels.exp_per_level)
        case model.Mee6():
            return Mee6Curve()
        case model.Thresholds():
            return ThresholdCurve(exp=tuple(levels.exp))


def tiers_of(tiers: model.Tiers, curve: Curve) -> TierRules:
    """The tiers of a checked document, in order whatever theirs was; of equals, the later one is the higher."""
    compiled = [
        Tier(name=tier.name, role_id=RoleId(int(tier.role_id)), min_level=tier.min_level, min_exp=tier.min_exp)
        for tier in tiers.tiers
    ]
    compiled.sort(key=lambda tier: _height(tier, curve))
    return TierRules(basis=tiers.basis, rolling_days=tiers.rolling_days, policy=tiers.policy, tiers=tuple(compiled))


def _height(tier: Tier, curve: Curve) -> tuple[bool, int]:
    """Levels and EXP on one scale; levels that the curve does not have stand above everything."""
    if tier.min_level is None:
        return False, tier.min_exp or 0
    if isinstance(curve, ThresholdCurve) and tier.min_level > len(curve.exp):
        return True, tier.min_level
    return False, cost_of(curve, tier.min_level)


def announcements_of(announcements: model.Announcements) -> AnnouncementRules:
    """What a document in shape says of announcements. Raises SettingsError."""
    unknown = unknown_placeholders(announcements.template, ANNOUNCEMENT_PLACEHOLDERS)
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in ANNOUNCEMENT_PLACEHOLDERS)
        raise SettingsError("announcements.template", f"there is no placeholder {{{unknown[0]}}}, only {known}")
    if not announcements.template.strip():
        raise SettingsError("announcements.template", "must say something")
    channel_id = announcements.channel_id
    return AnnouncementRules(
        mode=announcements.mode,
        channel_id=None if channel_id is None else ChannelId(int(channel_id)),
        template=announcements.template,
        mentions=announcements.mentions,
        card=announcements.card,
    )


def unknown_placeholders(template: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """What stands in braces in `template` and is not in `known`, in order. A lone brace is no placeholder."""
    return tuple(name for name in _PLACEHOLDER.findall(template) if name not in known)
