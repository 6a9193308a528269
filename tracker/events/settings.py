"""A guild's settings document (SEMANTICS §8): its shape, its defaults, and the refusal of everything else.

The document itself is what the log keeps. `parse_settings` checks it as a whole and gives the compiled form that folds
use: ids as ints, durations in ms, patterns ready to match.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
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
from tracker.events.settings_model import Document, VoiceRule
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
    curve = curve_of(model.levels)
    return GuildSettings(
        timezone=model.timezone,
        zone=zone_of(model.timezone),
        locale=model.locale if "locale" in document else None,
        bridge_ms=Ms(model.bridge_s * 1000),
        log_channel_id=_channel(model.log_channel_id),
        voice_default=_rule(model.voice.default),
        voice_channels={int(k): _rule_of(v) for k, v in model.voice.channels.items()},
        voice_categories={int(k): _rule_of(v) for k, v in model.voice.categories.items()},
        ignore_pattern=NamePatterns.of(model.voice.ignore.patterns),
        ignore_channels=_ids(model.voice.ignore.channels),
        ignore_categories=_ids(model.voice.ignore.categories),
        min_members=model.voice.require.min_members,
        undeafened=model.voice.require.undeafened,
        unmuted=model.voice.require.unmuted,
        **_messages(model),
        interaction_exp=model.interactions.exp,
        interaction_cooldown_ms=Ms(model.interactions.cooldown_s * 1000),
        channel_percent={int(k): v for k, v in model.multipliers.channels.items()},
        role_percent={int(k): v for k, v in model.multipliers.roles.items()},
        windows=_windows(model),
        curve=curve,
        tiers=tiers_of(model.tiers, curve),
        nickname=NicknameRules(template=model.nickname.template, enabled=model.nickname.enabled),
        announcements=announcements_of(model.announcements),
        boards_enabled=model.boards.enabled,
        reports=_reports(model),
        document=document,
    )


def _messages(model: Document) -> dict[str, Any]:
    messages = model.messages
    if messages.exp_max < messages.exp_min:
        raise SettingsError("messages.exp_max", f"must be at least exp_min ({messages.exp_min})")
    return {
        "message_exp_min": messages.exp_min,
        "message_exp_max": messages.exp_max,
        "message_cooldown_ms": messages.cooldown_s * 1000,
        "message_revoke_ms": messages.revoke_s * 1000,
        "message_ignore_channels": _ids(messages.ignore_channels),
    }


def _windows(model: Document) -> tuple[MultiplierWindow, ...]:
    windows = []
    for index, entry in enumerate(model.multipliers.windows):
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


DEFAULTS = parse_settings({})
"""The settings of a guild that never changed any."""
