"""What members are shown of each other: who is in voice now, the leaderboard, a member's standing. As values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tracker.ids import ChannelId, Ms, UserId

__all__ = [
    "BOARD_PERIODS",
    "MEASURES",
    "Board",
    "BoardLine",
    "BoardPeriod",
    "Measure",
    "Occupant",
    "Standing",
    "Studyroom",
]

BoardPeriod = Literal["today", "week", "month", "all"]
Measure = Literal["exp", "voice", "messages"]
BOARD_PERIODS: Final[tuple[BoardPeriod, ...]] = ("today", "week", "month", "all")
MEASURES: Final[tuple[Measure, ...]] = ("exp", "voice", "messages")


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
class BoardLine:
    """A place on a leaderboard, 1 being the first; `value` in EXP, ms or messages."""

    place: int
    user_id: UserId
    name: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One page (0 is the first) of a leaderboard of `total` members. `own`: who asked, None if not on the board.

    `first_day` to `last_day` (yyyymmdd, both included) are None where the period is all time.
    """

    period: BoardPeriod
    measure: Measure
    page: int
    pages: int
    total: int
    lines: tuple[BoardLine, ...]
    own: BoardLine | None
    as_of: Ms
    first_day: int | None
    last_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a member stands: all-time EXP, the place by it among `total` (None: not on the board), and this week.

    `last_at`: when last seen, None if never.
    """

    user_id: UserId
    name: str
    exp: int
    place: int | None
    total: int
    week_voice_ms: int
    week_messages: int
    last_at: Ms | None
    as_of: Ms
