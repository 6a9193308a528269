"""What members are shown of each other: who is in voice now, the leaderboard, a member's standing. As values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from tracker.ids import ChannelId, Ms, UserId
from tracker.reports.window import Period, containing_moment

__all__ = [
    "BOARD_PERIODS",
    "MEASURES",
    "Board",
    "BoardLine",
    "BoardPeriod",
    "BoardScope",
    "InVoice",
    "Measure",
    "Occupant",
    "Season",
    "Standing",
    "Studyroom",
    "scope_of",
]

BoardPeriod = Literal["today", "week", "month", "season", "all"]
Measure = Literal["exp", "voice", "messages"]
BOARD_PERIODS: Final[tuple[BoardPeriod, ...]] = ("today", "week", "month", "season", "all")
MEASURES: Final[tuple[Measure, ...]] = ("exp", "voice", "messages")
_WINDOWS: Final[dict[BoardPeriod, Period]] = {"today": "daily", "week": "weekly", "month": "monthly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InVoice:
    """A session that is open now, and the name of the channel it is in (empty: never described)."""

    user_id: UserId
    channel_id: ChannelId
    channel_name: str
    since: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupant:
    """A member who is in a tracked voice channel: since when, and their voice time today in all tracked channels."""

    user_id: UserId
    name: str
    channel_id: ChannelId
    since: Ms
    today_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Studyroom:
    """Who is in which tracked channel at `as_of`. `day_start`: when the guild's local day began.

    `occupants` come by channel, the fullest first, and within one by who came first.
    """

    as_of: Ms
    day_start: Ms
    channels: dict[ChannelId, str]
    occupants: tuple[Occupant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A season by its name, and since when it runs."""

    name: str
    at: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardScope:
    """What a board sums: `first_day` to `last_day` (yyyymmdd, both included), a season, or (neither) all time.

    `season` is None too where the period is `season` and none was ever started: nobody is on that board.
    """

    period: BoardPeriod
    first_day: int | None = None
    last_day: int | None = None
    season: Season | None = None


def scope_of(period: BoardPeriod, moment: int, zone: ZoneInfo, season: Season | None) -> BoardScope:
    """What a board of that period is about at an instant, in a guild of that zone with that season running."""
    if period == "season":
        return BoardScope(period=period, season=season)
    kind = _WINDOWS.get(period)
    if kind is None:
        return BoardScope(period=period)
    window = containing_moment(kind, moment, zone)
    return BoardScope(period=period, first_day=window.first_day, last_day=window.last_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLine:
    """A place on a leaderboard, 1 being the first; `value` in EXP, ms or messages. `exp`: the member's EXP in all."""

    place: int
    user_id: UserId
    name: str
    value: int
    exp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One page (0 is the first) of a leaderboard of `total` members. `own`: who asked, None if not on the board.

    A season counts EXP only: by any other measure nobody is on its board.
    """

    scope: BoardScope
    measure: Measure
    page: int
    pages: int
    total: int
    lines: tuple[BoardLine, ...]
    own: BoardLine | None
    as_of: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a member stands: all-time EXP, the place by it among `total` (None: not on the board), and this week.

    `basis_exp`: the EXP that the guild's tiers look at (that of the season, or of the last whole days), `exp` itself if
    that is what they look at. `last_at`: when last seen, None if never.
    """

    user_id: UserId
    name: str
    exp: int
    basis_exp: int
    place: int | None
    total: int
    week_voice_ms: int
    week_messages: int
    last_at: Ms | None
    as_of: Ms
