"""What a report's charts need beside the report: sums by day, and voice by quarters of an hour."""

from __future__ import annotations

from typing import Final

from store.board_here import Here
from store.engine import Database
from store.sessions_on import spans
from tracker.ids import GuildId, Ms, RoleId
from tracker.projections.days import local_day
from tracker.reports.chart_data import (
    QUARTER_MS,
    ChartData,
    DaySum,
    PartSession,
    Quarter,
    Step,
    Turn,
    hours_of_day,
    hours_on_clock,
    quarters_of,
    steps_by_day,
    week_of,
)
from tracker.reports.window import Window

__all__ = ["read_chart_data", "read_hours"]

_FOREVER: Final = (1 << 63) - 1
# Found once, whatever PostgreSQL expects: without statistics, or of COALESCE(m.bot, 0), it expects hardly anybody, and
# looks for them anew beside each session (a month of 100,000 members took 45 s).
_MEMBERS: Final = """
WITH counted AS MATERIALIZED (
  SELECT r.user_id FROM role_changes r
  JOIN members m ON m.partition = r.partition AND m.guild_id = r.guild_id AND m.user_id = r.user_id
  WHERE r.partition = :partition AND r.guild_id = :guild AND r.role_id = :role AND r.held = 1 AND r.at <= :at
    AND (m.bot IS NULL OR m.bot = 0) AND NOT EXISTS (
      SELECT 1 FROM role_changes x WHERE x.partition = r.partition AND x.guild_id = r.guild_id
        AND x.role_id = r.role_id AND x.user_id = r.user_id AND x.at > r.at AND x.at <= :at)
)"""
_DAYS: Final = f"""{_MEMBERS}
SELECT d.day, SUM(d.voice_ms), SUM(d.messages) FROM daily d
WHERE d.partition = :partition AND d.guild_id = :guild AND d.day BETWEEN :first AND :last
  AND d.user_id IN (SELECT user_id FROM counted)
GROUP BY d.day
"""  # noqa: S608
# Sessions all of whose time is tracked are summed by the quarter of an hour in which they begin and end (0), the few
# others are given one by one (1).
_SPANS: Final = spans(
    "s.started_at, COALESCE(s.ended_at, :reached) AS ended_at, s.voice_ms",
    "{0}.user_id IN (SELECT user_id FROM counted)",
)
_VOICE: Final = f"""{_MEMBERS}, spans AS MATERIALIZED ({_SPANS}), whole AS (
  SELECT CASE WHEN started_at > :start THEN started_at ELSE :start END AS began,
    CASE WHEN ended_at < :end THEN ended_at ELSE :end END AS ended
  FROM spans WHERE voice_ms = ended_at - started_at
), turns AS (
  SELECT began AS at, 1 AS people FROM whole WHERE began < ended
  UNION ALL SELECT ended, -1 FROM whole WHERE began < ended
)
SELECT 0, at / {QUARTER_MS}, SUM(people), SUM(people * (at % {QUARTER_MS})) FROM turns GROUP BY at / {QUARTER_MS}
UNION ALL
SELECT 1, started_at, ended_at, voice_ms FROM spans WHERE voice_ms <> ended_at - started_at
"""  # noqa: S608


def read_chart_data(db: Database, *, guild_id: GuildId, role_id: RoleId | None, window: Window, now: Ms) -> ChartData:
    """What the charts of the report over `window` show. `role_id`, `now` and whose activity it is: as in the report.

    One consistent state of the database. Raises DatabaseError.
    """
    with db.read() as connection:
        reading = _Reading(Here(connection, db, guild_id), guild_id if role_id is None else role_id, now)
        before = window.previous()
        quarters = reading.quarters(window)
        if window.first_day == window.last_day:
            earlier = hours_of_day(before, reading.quarters(before))
            return ChartData(count=24, current=hours_of_day(window, quarters), before=earlier, week=None)
        current = reading.days(window)
        return ChartData(
            count=len(steps_by_day(window, window.last_day, {})),
            current=current,
            before=reading.days(before),
            week=week_of(window.zone, quarters),
        )


def read_hours(db: Database, *, guild_id: GuildId, role_id: RoleId | None, window: Window, now: Ms) -> tuple[int, ...]:
    """The voice time in `window` by the hour on the clock, of whom the report is about. Raises DatabaseError."""
    with db.read() as connection:
        reading = _Reading(Here(connection, db, guild_id), guild_id if role_id is None else role_id, now)
        return hours_on_clock(window.zone, reading.quarters(window))


class _Reading:
    """The questions about one role in one guild."""

    def __init__(self, here: Here, role: int, now: Ms) -> None:
        self._here = here
        self._role = role
        self._now = now
        self._as_of = here.reached()[1]
        # While a guild is lost its sessions are not credited: they have come as far as the loss.
        lost = here.rows("SELECT lost_at FROM guilds WHERE partition = :partition AND guild_id = :guild")
        self._credited = min([self._as_of, *(at for (at,) in lost if at is not None)])

    def days(self, window: Window) -> tuple[Step, ...]:
        """The days of a window that have begun."""
        rows = self._here.rows(_DAYS, **self._scope(window))
        sums = {day: DaySum(day=day, voice_ms=int(voice), messages=int(sent)) for day, voice, sent in rows}
        # In a zone that was in force before, tomorrow may have begun.
        return steps_by_day(window, max([local_day(window.zone, self._as_of).day, *sums]), sums)

    def quarters(self, window: Window) -> list[Quarter]:
        """Voice time by quarters of an hour, as far as it is known."""
        start, end = window.start, min(window.end, self._as_of)
        if end <= start:
            return []
        rows = self._here.rows(_VOICE, **self._scope(window), start=start, end=end, reached=self._credited)
        return quarters_of(
            start,
            Ms(end),
            [Turn(int(quarter), int(people), int(offset)) for kind, quarter, people, offset in rows if kind == 0],
            [PartSession(Ms(begin), Ms(end_), int(voice)) for kind, begin, end_, voice in rows if kind == 1],
        )

    def _scope(self, window: Window) -> dict[str, int]:
        at = window.end if window.end <= self._now else _FOREVER
        return {"role": self._role, "at": at, "first": window.first_day, "last": window.last_day}
