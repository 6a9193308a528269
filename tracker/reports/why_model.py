"""A member's local day and the reasons behind its EXP, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tracker.events.settings import GuildSettings, MultiplierWindow, Rule
from tracker.ids import ChannelId, Ms, RoleId, UserId

__all__ = [
    "ChannelDay", "CountLine", "DayFacts", "MainReason", "RuleSource", "VoiceLine", "VoiceReason", "Why",
]  # fmt: skip

VoiceReason = Literal["afk", "ignored", "named", "alone", "deaf", "muted", "unruled"]
"""Why voice time earned nothing; `named`: the channel's name is one of those that are ignored."""

MainReason = VoiceReason | Literal["short", "rounded", "unpaid", "cooldown", "message_ignored", "revoked"]
"""Those, too little time, too small a multiplier, messages that are worth nothing, and why messages earn nothing."""

RuleSource = Literal["channel", "category", "default"]
"""Which part of the settings a channel's rule is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDay:
    """What the tables hold of a member in a channel on a local day.

    `name`, `parent_id` and `afk` as last heard. `carry_ms`: voice time that has not yet earned an award, as it is now.
    """

    channel_id: ChannelId
    name: str = ""
    parent_id: ChannelId | None = None
    afk: bool = False
    carry_ms: int = 0
    voice_ms: int = 0
    sessions: int = 0
    messages: int = 0
    interactions: int = 0
    exp_voice: int = 0
    exp_messages: int = 0
    exp_interactions: int = 0
    afk_ms: int = 0
    ignored_ms: int = 0
    alone_ms: int = 0
    deaf_ms: int = 0
    muted_ms: int = 0
    unruled_ms: int = 0
    cooldown_messages: int = 0
    ignored_messages: int = 0
    revoked_messages: int = 0
    cooldown_interactions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """What the tables hold of a member on the local day `day` (yyyymmdd), which is [start, end).

    `settings`: in force at its end, or now if it is not over. `changed_at`: when rules that earn EXP changed within it.
    `role_ids`, `best_role`: the member's roles now, and the name of the one whose multiplier counts (None: none does).
    `away`: when the tracker was, clipped to the day and to `as_of`. `known_since`: when first heard of as a member.
    """

    user_id: UserId
    name: str
    opted_out: bool
    known_since: Ms | None
    day: int
    start: Ms
    end: Ms
    as_of: Ms
    channels: tuple[ChannelDay, ...]
    adjusted: int
    settings: GuildSettings
    changed_at: tuple[Ms, ...]
    role_ids: tuple[RoleId, ...]
    best_role: str | None
    away: tuple[tuple[Ms, Ms], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceLine:
    """Voice time in a channel (`channel_id` None: in `channels` others together) and what became of it.

    `time_ms`: all of it, counted or not. `rule`: None where there is none or for several channels. `percent`: the
    channel's own multiplier. `short`: time that counts has not come to a whole `every`. `rounded`: with the multipliers
    an award is less than 1. `carry_ms`: how much of the next award is there already; None: not asked for.
    """

    channel_id: ChannelId | None
    name: str
    channels: int
    time_ms: int
    exp: int
    rule: Rule | None
    source: RuleSource | None
    percent: int
    reasons: tuple[tuple[VoiceReason, int], ...]
    short: bool
    rounded: bool
    carry_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLine:
    """Messages (or commands and buttons) in a channel (`channel_id` None: in `channels` others together).

    `count`: all of them, those in ignored channels included. `cooldown`, `ignored`, `revoked`: how many of them earned
    nothing because of that.
    """

    channel_id: ChannelId | None
    name: str
    channels: int
    count: int
    exp: int
    percent: int
    cooldown: int
    ignored: int
    revoked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """A member's local day, explained. The sums of EXP are of the whole day, whatever lines are summed up.

    `main_reason` and its ms (or messages): the biggest one if nothing was earned, else None. `role_percent` and
    `windows`: the multipliers that apply everywhere. `away_ms`: of all absences; `away`: the longest ones, in order.
    """

    facts: DayFacts
    open: bool
    exp_voice: int
    exp_messages: int
    exp_interactions: int
    voice: tuple[VoiceLine, ...]
    messages: tuple[CountLine, ...]
    commands: tuple[CountLine, ...]
    role_percent: int
    windows: tuple[MultiplierWindow, ...]
    away: tuple[tuple[Ms, Ms], ...]
    away_ms: int
    main_reason: MainReason | None
    main_amount: int

    @property
    def exp(self) -> int:
        """Everything the day gave or took."""
        return self.exp_voice + self.exp_messages + self.exp_interactions + self.facts.adjusted

    @property
    def empty(self) -> bool:
        """Nothing that could have earned anything happened. (Who asks has used a command: that alone is nothing.)"""
        return not (self.voice or self.messages or self.facts.adjusted or self.exp_interactions)
