"""A guild's settings document (SEMANTICS §8): its shape, its defaults, and the refusal of everything else.

The document itself is what the log keeps. `parse_settings` checks it as a whole and gives the compiled form that folds
use: ids as ints, durations in ms, patterns ready to match.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from tracker.errors import SettingsError
from tracker.events.level_rules import (
    AnnouncementRules,
    Curve,
    NicknameRules,
    TierRules,
    announcements_of,
    curve_of,
    tiers_of,
)
from tracker.events.settings_checks import NamePatterns, checked, instant_of, zone_of
from tracker.events.settings_model import (
    Document,
    Interactions,
    Messages,
    Multipliers,
    Nickname,
    Voice,
    VoiceRule,
)
from tracker.ids import ChannelId, Ms, RoleId

__all__ = ["DEFAULTS", "GuildSettings", "MultiplierWindow", "ReportEntry", "Rule", "parse_settings", "settings_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`exp` for each `every_ms` of eligible voice time."""

    every_ms: Ms
    exp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplierWindow:
    """`percent` is in force in [start, end)."""

    percent: int
    start: Ms
    end: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEntry:
    """One scheduled report. `role_id` None: everyone. `channel_id` None: the guild's log channel.

    `catch_up`: how many missed windows are posted late at most.
    """

    role_id: RoleId | None
    period: Literal["daily", "weekly", "monthly"]
    at: str
    weekday: str
    day: int
    channel_id: ChannelId | None
    catch_up: int

    @property
    def key(self) -> str:
        """What tells this entry from the guild's others."""
        return f"{self.role_id or 'everyone'}:{self.period}:{self.channel_id or 'log'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    """The compiled document. Durations and instants in ms; `locale` None means the document names none."""

    timezone: str
    zone: ZoneInfo
    locale: str | None
    bridge_ms: Ms
    log_channel_id: ChannelId | None
    voice_default: Rule | None
    voice_channels: Mapping[int, Rule]
    voice_categories: Mapping[int, Rule]
    ignore_pattern: NamePatterns | None
    ignore_channels: frozenset[int]
    ignore_categories: frozenset[int]
    min_members: int
    undeafened: bool
    unmuted: bool
    message_exp_min: int
    message_exp_max: int
    message_cooldown_ms: Ms
    message_revoke_ms: Ms
    message_ignore_channels: frozenset[int]
    interaction_exp: int
    interaction_cooldown_ms: Ms
    channel_percent: Mapping[int, int]
    role_percent: Mapping[int, int]
    windows: tuple[MultiplierWindow, ...]
    curve: Curve
    tiers: TierRules
    nickname: NicknameRules
    announcements: AnnouncementRules
    boards_enabled: bool
    reports: tuple[ReportEntry, ...]
    document: Mapping[str, Any]

    def percent_at(self, moment: int) -> int:
        """The timed multiplier in force at `moment` (100 if none)."""
        for window in self.windows:
            if window.start <= moment < window.end:
                return window.percent
        return 100

    def role_multiplier(self, role_ids: tuple[int, ...]) -> int:
        """The best percent among the member's roles that have one (100 if none has)."""
        if not self.role_percent:
            return 100
        return max((self.role_percent[r] for r in role_ids if r in self.role_percent), default=100)


class _Latest(threading.local):
    """What a thread read last."""

    document: object = None
    settings: GuildSettings | None = None


_latest: Final = _Latest()


def settings_of(document: object) -> GuildSettings:
    """As `parse_settings`, of the document of an event, which nobody changes: whoever folds an event that was just read
    gets what it was checked with.
    """
    if _latest.settings is None or _latest.document is not document:
        _latest.settings = parse_settings(document)
        _latest.document = document
    return _latest.settings


def parse_settings(document: object) -> GuildSettings:
    """Check a whole document and compile it. Raises SettingsError naming the first key that is wrong."""
    if not isinstance(document, Mapping):
        raise SettingsError("", "must be an object of settings")
    model = checked(document)
    return GuildSettings(
        timezone=model.timezone,
        zone=zone_of(model.timezone),
        locale=model.locale if "locale" in document else None,
        bridge_ms=Ms(model.bridge_s * 1000),
        log_channel_id=_channel(model.log_channel_id),
        boards_enabled=model.boards.enabled,
        document=document,
        **_section(model, "voice"),
        **_section(model, "messages"),
        **_section(model, "interactions"),
        **_section(model, "multipliers"),
        **_levels(model),
        **_section(model, "nickname"),
        **_section(model, "announcements"),
        reports=_reports(model),
    )


def _section(model: Document, name: str) -> dict[str, Any]:
    """What a section of the document says. One that the document does not name says what it always does."""
    section = getattr(model, name)
    return _UNSAID[name] if section is getattr(_NOTHING, name) else _SECTIONS[name](section)


def _voice(voice: Voice) -> dict[str, Any]:
    return {
        "voice_default": _rule(voice.default),
        "voice_channels": {int(k): _rule_of(v) for k, v in voice.channels.items()},
        "voice_categories": {int(k): _rule_of(v) for k, v in voice.categories.items()},
        "ignore_pattern": NamePatterns.of(voice.ignore.patterns),
        "ignore_channels": _ids(voice.ignore.channels),
        "ignore_categories": _ids(voice.ignore.categories),
        "min_members": voice.require.min_members,
        "undeafened": voice.require.undeafened,
        "unmuted": voice.require.unmuted,
    }


def _messages(messages: Messages) -> dict[str, Any]:
    if messages.exp_max < messages.exp_min:
        raise SettingsError("messages.exp_max", f"must be at least exp_min ({messages.exp_min})")
    return {
        "message_exp_min": messages.exp_min,
        "message_exp_max": messages.exp_max,
        "message_cooldown_ms": messages.cooldown_s * 1000,
        "message_revoke_ms": messages.revoke_s * 1000,
        "message_ignore_channels": _ids(messages.ignore_channels),
    }


def _interactions(interactions: Interactions) -> dict[str, Any]:
    return {
        "interaction_exp": interactions.exp,
        "interaction_cooldown_ms": Ms(interactions.cooldown_s * 1000),
    }


def _multipliers(multipliers: Multipliers) -> dict[str, Any]:
    return {
        "channel_percent": {int(k): v for k, v in multipliers.channels.items()},
        "role_percent": {int(k): v for k, v in multipliers.roles.items()},
        "windows": _windows(multipliers),
    }


def _levels(model: Document) -> dict[str, Any]:
    """The curve, and the tiers, whose order is by it."""
    if model.levels is _NOTHING.levels and model.tiers is _NOTHING.tiers:
        return _UNSAID["levels"]
    return _curve_and_tiers(model)


def _curve_and_tiers(model: Document) -> dict[str, Any]:
    curve = curve_of(model.levels)
    return {"curve": curve, "tiers": tiers_of(model.tiers, curve)}


def _nickname(nickname: Nickname) -> dict[str, Any]:
    return {"nickname": NicknameRules(template=nickname.template, enabled=nickname.enabled)}


def _windows(multipliers: Multipliers) -> tuple[MultiplierWindow, ...]:
    windows = []
    for index, entry in enumerate(multipliers.windows):
        key = f"multipliers.windows[{index}]"
        start, end = instant_of(entry.from_, f"{key}.from"), instant_of(entry.to, f"{key}.to")
        if end <= start:
            raise SettingsError(f"{key}.to", "must be later than `from`")
        windows.append(MultiplierWindow(percent=entry.percent, start=start, end=end))
    windows.sort(key=lambda w: w.start)
    if any(b.start < a.end for a, b in pairwise(windows)):
        raise SettingsError("multipliers.windows", "two windows overlap; only one can be in force")
    return tuple(windows)


def _reports(model: Document) -> tuple[ReportEntry, ...]:
    entries = tuple(
        ReportEntry(
            role_id=None if entry.role_id is None else RoleId(int(entry.role_id)),
            period=entry.period,
            at=entry.at,
            weekday=entry.weekday,
            day=entry.day,
            channel_id=_channel(entry.channel_id),
            catch_up=entry.catch_up,
        )
        for entry in model.reports
    )
    for index, entry in enumerate(entries):
        if entry.key in {e.key for e in entries[:index]}:
            raise SettingsError(f"reports[{index}]", "is the same role, period and channel as an earlier entry")
    return entries


def _rule_of(rule: VoiceRule) -> Rule:
    return Rule(every_ms=Ms(rule.every_s * 1000), exp=rule.exp)


def _rule(rule: VoiceRule | None) -> Rule | None:
    return None if rule is None else _rule_of(rule)


def _channel(value: str | None) -> ChannelId | None:
    return None if value is None else ChannelId(int(value))


def _ids(values: list[str]) -> frozenset[int]:
    return frozenset(map(int, values))


_SECTIONS: Final[dict[str, Callable[[Any], dict[str, Any]]]] = {
    "voice": _voice,
    "messages": _messages,
    "interactions": _interactions,
    "multipliers": _multipliers,
    "nickname": _nickname,
    "announcements": lambda announcements: {"announcements": announcements_of(announcements)},
}
_NOTHING: Final = Document()
_UNSAID: Final = {name: compiled(getattr(_NOTHING, name)) for name, compiled in _SECTIONS.items()}
_UNSAID["levels"] = _curve_and_tiers(_NOTHING)
"""By section, what is said where the document says nothing: compiled once, and the same objects for all guilds."""

DEFAULTS = parse_settings({})
"""The settings of a guild that never changed any."""
