"""What a report says: every figure of SEMANTICS §9, as values. Instants and durations in integer milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.window import Window

__all__ = ["Activity", "Member", "MemberEntry", "MemberReport", "Report", "Sums", "percent_of"]


def percent_of(part: int, whole: int) -> int:
    """Rounded half up; 0 of nothing."""
    return (200 * part + whole) // (2 * whole) if whole else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member whom a report is about. `name` is empty where none was ever seen."""

    user_id: UserId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one member did in a window, over all channels.

    `sessions`: those with at least 1 ms of tracked time in the window, each counted once however many days it touches.
    `exp`: voice, messages, interactions and adjustments together. `last_seen`: None if not seen in the window.
    """

    user_id: UserId
    voice_ms: int = 0
    sessions: int = 0
    messages: int = 0
    interactions: int = 0
    exp: int = 0
    last_seen: Ms | None = None

    @property
    def active(self) -> bool:
        """Was in a tracked voice channel, wrote, or used a command."""
        return self.voice_ms > 0 or self.messages > 0 or self.interactions > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEntry:
    """One line of the top or low list; `rank` 1 is the first of all members."""

    rank: int
    user_id: UserId
    name: str
    voice_ms: int
    sessions: int
    average_session_ms: int
    messages: int
    interactions: int
    exp: int
    last_seen: Ms | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over the members of a window (or, as a change, the difference of two such sums)."""

    voice_ms: int = 0
    sessions: int = 0
    messages: int = 0
    interactions: int = 0
    exp: int = 0

    def minus(self, other: Sums) -> Sums:
        """This less `other`."""
        return Sums(
            voice_ms=self.voice_ms - other.voice_ms,
            sessions=self.sessions - other.sessions,
            messages=self.messages - other.messages,
            interactions=self.interactions - other.interactions,
            exp=self.exp - other.exp,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report of a role over a window.

    `role_id` None: everyone. `as_of`: the instant up to which the figures are known. `change`: `sums` less those of the
    window of the same kind before, with the members it had. `away_ms`: how long the tracker was away in the window.
    `hours`: the members' voice time by the hour on the clock, from 0 to 23; empty where it was not counted.
    `percent_before`: how many percent of the members were active in the window before; None: not counted.
    """

    guild_id: GuildId
    role_id: RoleId | None
    role_name: str | None
    window: Window
    as_of: Ms
    members: int
    active: int
    sums: Sums
    change: Sums
    top: tuple[MemberEntry, ...]
    low: tuple[MemberEntry, ...]
    away_ms: int
    hours: tuple[int, ...] = ()
    percent_before: int | None = None

    @property
    def idle(self) -> int:
        """How many members did nothing."""
        return self.members - self.active

    def busiest(self, count: int) -> list[tuple[int, int]]:
        """The hours with the most voice time and how much, the busiest first; none in which nobody was in voice."""
        found = sorted(((hour, ms) for hour, ms in enumerate(self.hours) if ms > 0), key=lambda it: (-it[1], it[0]))
        return found[:count]

    @property
    def active_percent(self) -> int:
        """Active members in percent of all, rounded half up (0 if there are none)."""
        return percent_of(self.active, self.members)

    @property
    def active_change(self) -> int | None:
        """By how many points that percentage has changed since the window before; None: not counted."""
        return None if self.percent_before is None else self.active_percent - self.percent_before

    @property
    def average_voice_ms(self) -> int:
        """Voice time per active member, rounded down (0 if there are none)."""
        return self.sums.voice_ms // self.active if self.active else 0

    @property
    def complete(self) -> bool:
        """The window is over, and the figures cover all of it."""
        return self.window.end <= self.as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberReport:
    """What one member did in a window. `role_id` None: everyone; `place`: theirs among the `members` who hold the role.

    `change`: `did` less what they did in the window of the same kind before. `away_ms`: as in a report.
    """

    guild_id: GuildId
    role_id: RoleId | None
    role_name: str | None
    window: Window
    as_of: Ms
    member: MemberEntry
    members: int
    did: Sums
    change: Sums
    away_ms: int

    @property
    def complete(self) -> bool:
        """The window is over, and the figures cover all of it."""
        return self.window.end <= self.as_of
