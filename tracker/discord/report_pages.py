"""The buttons under a report: where each leads, said by its custom_id alone, so that they outlive the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast
from zoneinfo import ZoneInfo

import hikari
from hikari.impl import MessageActionRowBuilder

from tracker.discord.texts import translate
from tracker.errors import ConfigError
from tracker.ids import GuildId, RoleId
from tracker.projections.days import date_of, local_day
from tracker.reports.catalogue import locale_of
from tracker.reports.model import Report
from tracker.reports.window import PERIODS, Period, Window, between, containing, parse_day

__all__ = ["Action", "ReportPage", "report_buttons"]

Action = Literal["go", "list"]
"""Shows the report; or gives all its members as a file."""

_PREFIX: Final = "report"
_ACTIONS: Final = ("go", "list")
_EARLIEST: Final = 20150101
_LATEST_ID: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """Which report, in which language. `role_id` None: everyone; the days (yyyymmdd) are the window's first and last.

    The zone is not part of it: a button leads to these days in the zone that is in force when it is pressed.
    """

    action: Action
    locale: str
    role_id: RoleId | None
    period: Period
    first_day: int
    last_day: int

    @classmethod
    def of(cls, window: Window, role_id: RoleId | None, locale: str | None, action: Action = "go") -> ReportPage:
        """The page that shows `window`."""
        return cls(
            action=action,
            locale=locale_of(locale),
            role_id=role_id,
            period=window.period,
            first_day=window.first_day,
            last_day=window.last_day,
        )

    @property
    def custom_id(self) -> str:
        """What a button that leads here is called; `report` is the part that counts as what was used."""
        days = "_".join(date_of(day).isoformat() for day in (self.first_day, self.last_day))
        return f"{_PREFIX}:{self.action}/{self.locale}/{self.role_id or 0}/{self.period}/{days}"

    @classmethod
    def parse(cls, custom_id: str) -> ReportPage | None:
        """Where the button leads; None if it is none of ours."""
        prefix, _, rest = custom_id.partition(":")
        parts = rest.split("/")
        if prefix != _PREFIX or len(parts) != 5:
            return None
        action, locale, role, period, days = parts
        if action not in _ACTIONS or period not in (*PERIODS, "range") or not (role.isascii() and role.isdecimal()):
            return None
        try:
            first, last = map(parse_day, days.split("_"))
        except (ConfigError, ValueError):
            return None
        if last < first or int(role) > _LATEST_ID:
            return None
        return cls(
            action=cast("Action", action),
            locale=locale_of(locale),
            role_id=RoleId(int(role)) if int(role) else None,
            period=cast("Period", period),
            first_day=first,
            last_day=last,
        )

    def window(self, zone: ZoneInfo) -> Window:
        """The days that it leads to."""
        if self.period == "range":
            return between(self.first_day, self.last_day, zone)
        return containing(self.period, self.first_day, zone)


def report_buttons(report: Report, locale: str | None, *, listed: bool = True) -> list[MessageActionRowBuilder]:
    """To the windows before and after and (`listed`) to the full list; below, to the other periods."""
    t, window = translate(locale), report.window
    before, after = window.previous(), window.following()
    role = None if report.role_id is None or _is_everyone(report.guild_id, report.role_id) else report.role_id

    def leads_to(there: Window, action: Action = "go") -> str:
        return ReportPage.of(there, role, locale, action).custom_id

    turning, others = MessageActionRowBuilder(), MessageActionRowBuilder()
    turning.add_interactive_button(
        hikari.ButtonStyle.SECONDARY,
        leads_to(before),
        label=t("board.previous"),
        is_disabled=before.first_day < _EARLIEST,
    )
    turning.add_interactive_button(
        hikari.ButtonStyle.SECONDARY, leads_to(after), label=t("board.next"), is_disabled=after.start > report.as_of
    )
    if listed:
        turning.add_interactive_button(
            hikari.ButtonStyle.SECONDARY, leads_to(window, "list"), label=t("report.full_list"), emoji="📄"
        )
    shown = min(window.last_day, max(window.first_day, local_day(window.zone, report.as_of).day))
    for period in PERIODS:
        if period != window.period:
            there = containing(period, shown, window.zone)
            others.add_interactive_button(
                hikari.ButtonStyle.SECONDARY, leads_to(there), label=t(f"choice.{period}"), emoji="📅"
            )
    return [turning, others]


def _is_everyone(guild: GuildId, role: RoleId) -> bool:
    return int(guild) == int(role)
