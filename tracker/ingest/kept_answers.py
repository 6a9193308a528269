"""What is asked of kept reports: counted in memory first, then told with what is read by its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tracker.ids import GuildId, Ms, Position, RoleId, UserId
from tracker.projections.days import local_day
from tracker.reports.build import build_report, full_list, member_entry, sum_up
from tracker.reports.chart_data import HOURS, ChartData, Quarter, Step, hours_of_day, steps_by_day, week_of
from tracker.reports.model import Activity, Member, MemberEntry, MemberReport, Report
from tracker.reports.window import Window

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from store.kept_rows import GuildNow
    from tracker.reports.kept import Numbers
    from tracker.reports.kept_days import KeptDays
    from tracker.reports.kept_figures import Before
    from tracker.reports.kept_holders import KeptBots, KeptHolders
    from tracker.reports.kept_packed import Packed
    from tracker.reports.kept_span import KeptSpan

    Days = KeptDays | KeptSpan

__all__ = ["Answer", "Asked", "Parts", "count_chart", "count_list", "count_member", "count_report"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that a report is made of."""

    bots: KeptBots
    holders: KeptHolders
    days: Days
    before: Days
    _members: dict[Ms | None, Numbers] = field(default_factory=dict)

    @property
    def position(self) -> Position | None:
        """That of all parts; None: they do not stand at the same one."""
        found = {part.position for part in (self.bots, self.holders, self.days, self.before)}
        return found.pop() if len(found) == 1 else None

    def members(self, at: Ms | None) -> Numbers:
        """Who a report is about whose window ends at `at` (None: is still open): those who hold the role; no bots."""
        found = self._members.get(at)
        if found is None:
            found = self._members[at] = self.bots.without(self.holders.at(at))
        return found

    def who(self, at: Ms | None) -> tuple[object, ...]:
        """What is equal for equal `members`."""
        return (self.holders.role, self.holders.changed_at, self.bots.changed_at, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question about a role (None: everyone) over a window, and the parts that answer it.

    `lost_at`: since when the tracker is away. `names`: those that are newer than the tables'.
    """

    guild: GuildId
    role: RoleId | None
    window: Window
    now: Ms
    parts: Parts
    lost_at: Ms | None
    names: dict[UserId, str]

    @property
    def as_of(self) -> Ms:
        """Up to when everything is known."""
        return self.parts.days.as_of

    def end_of(self, window: Window) -> Ms | None:
        """When those are members whom a report over the window is about; None: now."""
        return window.end if window.end <= self.now else None

    def turns(self, days: Days, window: Window) -> Packed:
        """The sessions of those whom a report over the window is about. `days`: those of the window."""
        at = self.end_of(window)
        reached = self.as_of if self.lost_at is None else Ms(min(self.as_of, self.lost_at))
        users, who = self.parts.members(at), self.parts.who(at)
        return days.turns(users, who, start=window.start, end=window.end, as_of=self.as_of, reached=reached)

    def away_ms(self, here: GuildNow) -> Ms:
        """For how long the tracker was away in the window."""
        return here.away_ms(self.window, max(self.as_of, min(self.now, self.window.end)))


Answer = Callable[["GuildNow"], T]
"""Tells what was counted, with what the tables know by its key."""


def count_report(asked: Asked, before_of: Callable[[Asked], Before]) -> Answer[Report]:
    """The whole report. `before_of`: what there is to say of the window before."""
    from tracker.reports.kept_figures import figures_of, with_all
    from tracker.reports.kept_hours import hours_of

    window, days, at, as_of = asked.window, asked.parts.days, asked.end_of(asked.window), asked.as_of
    users, who = asked.parts.members(at), asked.parts.who(at)
    hours = tuple([0] * HOURS)
    if window.start < min(window.end, as_of):
        hours = hours_of(window, asked.turns(days, window), Ms(min(window.end, as_of)))
    figures, before = figures_of(users, *days.those_of(users, who)), before_of(asked)

    def tell(here: GuildNow) -> Report:
        shown = {did.user_id: did for did in figures.shown}
        names = here.names(shown) | asked.names
        report = build_report(
            guild_id=asked.guild,
            role_id=asked.role,
            role_name=here.role_name,
            window=window,
            as_of=as_of,
            members=[Member(user_id=user, name=names.get(user, "")) for user in shown],
            activity=shown,
            before=before.sums,
            percent_before=before.percent,
            away_ms=asked.away_ms(here),
            hours=hours,
        )
        return with_all(report, figures, before.sums)

    return tell


def count_chart(asked: Asked) -> Answer[ChartData]:
    """What the report's charts show."""
    window, before, parts = asked.window, asked.window.previous(), asked.parts
    quarters = _quarters(asked, parts.days, window)
    if window.first_day == window.last_day:
        earlier = hours_of_day(before, _quarters(asked, parts.before, before))
        data = ChartData(count=HOURS, current=hours_of_day(window, quarters), before=earlier, week=None)
    else:
        data = ChartData(
            count=len(steps_by_day(window, window.last_day, {})),
            current=_steps(asked, parts.days, window),
            before=_steps(asked, parts.before, before),
            week=week_of(window.zone, quarters),
        )
    return lambda _: data


def count_member(asked: Asked, user: UserId) -> Answer[MemberReport | None]:
    """One member; None if the report is not about them."""
    from tracker.reports.kept_figures import find, place_of

    at = asked.end_of(asked.window)
    users, who = asked.parts.members(at), asked.parts.who(at)
    if find(users, user) is None:
        return lambda _: None
    doers, did = asked.parts.days.those_of(users, who)
    rank, activity = place_of(user, users, doers, did)
    previous = asked.window.previous()
    before = _of_one(asked.parts.before, user)
    if find(asked.parts.members(asked.end_of(previous)), user) is None:
        before = Activity(user_id=user)

    def tell(here: GuildNow) -> MemberReport:
        name = (here.names([user]) | asked.names).get(user, "")
        done = sum_up([activity])
        return MemberReport(
            guild_id=asked.guild,
            role_id=asked.role,
            role_name=here.role_name,
            window=asked.window,
            as_of=asked.as_of,
            member=member_entry(rank, activity, Member(user_id=user, name=name)),
            members=len(users),
            did=done,
            change=done.minus(sum_up([before])),
            away_ms=asked.away_ms(here),
        )

    return tell


def count_list(asked: Asked) -> Answer[list[MemberEntry]]:
    """Everybody, in the report's order."""
    from tracker.reports.kept_figures import activities

    at = asked.end_of(asked.window)
    users, who = asked.parts.members(at), asked.parts.who(at)
    doers, did = asked.parts.days.those_of(users, who)

    def tell(here: GuildNow) -> list[MemberEntry]:
        names = here.all_names() | asked.names
        members = [Member(user_id=user, name=names.get(user, "")) for user in map(UserId, users.tolist())]
        return full_list(members, activities(doers, did))

    return tell


def _quarters(asked: Asked, days: Days, window: Window) -> list[Quarter]:
    """Voice time by quarters of an hour, as far as it is known. `days`: those of the window."""
    from tracker.reports.kept_hours import quarters_in

    end = Ms(min(window.end, asked.as_of))
    return [] if end <= window.start else quarters_in(asked.turns(days, window), window.start, end)


def _steps(asked: Asked, days: Days, window: Window) -> tuple[Step, ...]:
    """The days of a window that have begun. `days`: those of the window."""
    at = asked.end_of(window)
    sums = days.steps(asked.parts.members(at), asked.parts.who(at))
    # In a zone that was in force before, tomorrow may have begun.
    return steps_by_day(window, max([local_day(window.zone, asked.as_of).day, *sums]), sums)


def _of_one(days: Days, user: UserId) -> Activity:
    import numpy as np

    from tracker.reports.kept_figures import activities

    one = np.array([user], dtype=np.int64)
    return activities(one, list(days.of(one)))[user]
