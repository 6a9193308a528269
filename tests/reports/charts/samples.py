"""Reports and what their charts show, small and made up."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.projections.days import local_day
from tracker.reports.build import build_report
from tracker.reports.chart_data import (
    ChartData,
    DaySum,
    Quarter,
    Step,
    hours_of_day,
    quarters_of,
    steps_by_day,
    week_of,
)
from tracker.reports.model import Activity, Member, Report, Sums
from tracker.reports.window import Window, containing

__all__ = ["SEOUL", "chart_of", "report_of", "sample"]

SEOUL = ZoneInfo("Asia/Seoul")
_MINUTE = 60_000


def sample(
    window: Window | None = None, names: Sequence[str] = ("민준", "Ann"), busy: int = 5
) -> tuple[Report, ChartData]:
    """A week (or `window`) in which the evenings are busy (0: nothing happened), and members who did ever less."""
    window = containing("weekly", 20260218, SEOUL) if window is None else window
    return report_of(window, names, busy=busy), chart_of(window, busy=busy)


def report_of(window: Window, names: Sequence[str], *, busy: int = 5) -> Report:
    """The first of `names` did most."""
    members = [Member(user_id=UserId(1000 + index), name=name) for index, name in enumerate(names)]
    did = {
        member.user_id: Activity(user_id=member.user_id, voice_ms=busy * 7_200_000 // (index + 1), messages=3 * busy)
        for index, member in enumerate(members)
    }
    return build_report(
        guild_id=GuildId(1), role_id=RoleId(2), role_name="스터디 🎧", window=window, as_of=window.end,
        members=members, activity=did, before=Sums(), away_ms=0,
    )  # fmt: skip


def chart_of(window: Window, *, busy: int = 5) -> ChartData:
    """The more, the later on each day."""
    before = window.previous()
    quarters = _quarters(window, busy)
    if window.first_day == window.last_day:
        current, earlier = hours_of_day(window, quarters), hours_of_day(before, _quarters(before, busy))
        return ChartData(count=24, current=current, before=earlier, week=None)
    steps = _days(window, quarters, busy)
    return ChartData(
        count=len(steps), current=steps, before=_days(before, _quarters(before, busy), busy),
        week=week_of(window.zone, quarters),
    )  # fmt: skip


def _quarters(window: Window, busy: int) -> list[Quarter]:
    empty = quarters_of(window.start, window.end, [], [])
    return [
        Quarter(
            q.start, q.end, busy * max(0, (q.start - local_day(window.zone, q.start).start) // _MINUTE - 700) * 1000
        )
        for q in empty
    ]


def _days(window: Window, quarters: Sequence[Quarter], busy: int) -> tuple[Step, ...]:
    sums: dict[int, int] = {}
    for quarter in quarters:
        day = local_day(window.zone, quarter.start).day
        sums[day] = sums.get(day, 0) + quarter.voice_ms
    days = {day: DaySum(day=day, voice_ms=voice, messages=busy * (day % 10)) for day, voice in sums.items()}
    return steps_by_day(window, local_day(window.zone, Ms(window.end - 1)).day, days)
