"""The shape of the settings document as msgspec checks it: every key optional, no key unknown, every value in range."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

__all__ = ["Announcements", "Document", "Linear", "Mee6", "Thresholds", "Tiers", "VoiceRule"]

# Up to 9.2 × 10¹⁸, so that every id fits 64 signed bits (Discord's reach that in 2084). `$` would allow a line break.
Snowflake = Annotated[str, Meta(pattern=r"^([1-9][0-9]{0,17}|[1-8][0-9]{18}|9[01][0-9]{17})\Z")]
Exp = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[int, Meta(ge=0, le=10_000)]
Cooldown = Annotated[int, Meta(ge=0, le=86_400)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Instant = Any  # text or (from TOML) a datetime; msgspec's own reading wants seconds, which SEMANTICS leaves out


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class VoiceRule(_Strict, frozen=True, kw_only=True):
    """`exp` for each `every_s` seconds."""

    every_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    exp: Exp = 1


class VoiceIgnore(_Strict, frozen=True, kw_only=True):
    """What is not tracked."""

    patterns: Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=50)] = msgspec.field(
        default_factory=lambda: ["대기|waiting", "관전|spectator", "afk"]
    )
    channels: list[Snowflake] = []
    categories: list[Snowflake] = []


class VoiceRequire(_Strict, frozen=True, kw_only=True):
    """What must hold for tracked time to earn EXP."""

    min_members: Annotated[int, Meta(ge=1, le=99)] = 1
    undeafened: bool = False
    unmuted: bool = False


class Voice(_Strict, frozen=True, kw_only=True):
    """Voice rules; `default` null: no EXP except where a channel or category says so."""

    default: VoiceRule | None = VoiceRule()
    channels: dict[Snowflake, VoiceRule] = {}
    categories: dict[Snowflake, VoiceRule] = {}
    ignore: VoiceIgnore = VoiceIgnore()
    require: VoiceRequire = VoiceRequire()


class Messages(_Strict, frozen=True, kw_only=True):
    """Message rules."""

    exp_min: Exp = 1
    exp_max: Exp = 1
    cooldown_s: Cooldown = 60
    revoke_s: Annotated[int, Meta(ge=0, le=1_209_600)] = 0
    ignore_channels: list[Snowflake] = []


class Interactions(_Strict, frozen=True, kw_only=True):
    """Interaction rules."""

    exp: Exp = 0
    cooldown_s: Cooldown = 0


class Window(_Strict, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A timed multiplier."""

    percent: Percent
    from_: Instant
    to: Instant


class Multipliers(_Strict, frozen=True, kw_only=True):
    """Percentages."""

    channels: dict[Snowflake, Percent] = {}
    roles: dict[Snowflake, Percent] = {}
    windows: Annotated[list[Window], Meta(max_length=1000)] = []


class Linear(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="linear"):
    """A level each `exp_per_level`."""

    exp_per_level: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 100


class Mee6(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="mee6"):
    """Level L → L + 1 costs 5L² + 50L + 100."""


class Thresholds(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="thresholds"):
    """The cumulative EXP of level 1, 2, 3, …"""

    exp: Annotated[list[Annotated[int, Meta(ge=1, le=1_000_000_000_000)]], Meta(min_length=1, max_length=1000)]


class Tier(_Strict, frozen=True, kw_only=True):
    """A role for those who have come far enough."""

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    role_id: Snowflake
    min_level: Count | None = None
    min_exp: Count | None = None


class Tiers(_Strict, frozen=True, kw_only=True, rename={"tiers": "list"}):
    """`rolling_days` is the N of the basis `rolling`."""

    basis: Literal["lifetime", "season", "rolling"] = "lifetime"
    rolling_days: Annotated[int, Meta(ge=1, le=366)] = 30
    policy: Literal["highest", "stack"] = "highest"
    tiers: list[Tier] = []


class Nickname(_Strict, frozen=True, kw_only=True):
    """Nicknames that show tier or level."""

    template: Annotated[str, Meta(min_length=1, max_length=100)] = "[{tier}] {name}"
    enabled: bool = False


class Announcements(_Strict, frozen=True, kw_only=True):
    """What is said when somebody reaches a level; `channel_id` null: in the log channel."""

    mode: Literal["off", "channel", "dm"] = "off"
    channel_id: Snowflake | None = None
    # Short, so that a message's 2,000 characters have room for the names that are filled in.
    template: Annotated[str, Meta(min_length=1, max_length=200)] = "{mention} reached level {level}!"
    mentions: bool = False
    card: bool = False


class Boards(_Strict, frozen=True, kw_only=True):
    """Whether there are boards that show members beside each other."""

    enabled: bool = True


class Report(_Strict, frozen=True, kw_only=True):
    """A scheduled report, posted `at` a local time; `weekday` is for weekly, `day` (of the month) for monthly ones.

    `catch_up`: how many windows that were missed (the tracker was away) are posted when it is back; the newest ones.
    """

    role_id: Snowflake | None = None
    period: Literal["daily", "weekly", "monthly"] = "daily"
    at: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")] = "00:00"
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"
    day: Annotated[int, Meta(ge=1, le=28)] = 1
    channel_id: Snowflake | None = None
    catch_up: Annotated[int, Meta(ge=0, le=31)] = 7


class Document(_Strict, frozen=True, kw_only=True):
    """The whole document."""

    timezone: str = "UTC"
    locale: Literal["en", "ko"] = "en"
    bridge_s: Annotated[int, Meta(ge=0, le=86_400)] = 600
    log_channel_id: Snowflake | None = None
    voice: Voice = Voice()
    messages: Messages = Messages()
    interactions: Interactions = Interactions()
    multipliers: Multipliers = Multipliers()
    levels: Linear | Mee6 | Thresholds = Linear()
    tiers: Tiers = Tiers()
    nickname: Nickname = Nickname()
    announcements: Announcements = Announcements()
    boards: Boards = Boards()
    reports: Annotated[list[Report], Meta(max_length=100)] = []
