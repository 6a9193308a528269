"""Reports and daily rows as tables in a terminal, in the guild's language. Names are never read as markup."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tracker.ids import ChannelId, UserId
from tracker.projections.days import date_of
from tracker.reports import text
from tracker.reports.catalogue import Translate
from tracker.reports.model import MemberEntry, Report
from tracker.reports.plain import DAILY_COUNTS
from tracker.reports.wording import away_text, open_text, sums_of, title_of, when_text

if TYPE_CHECKING:
    from store.queries import DailyRow

__all__ = ["console", "new_table", "show_activity", "show_findings", "show_report"]


def show_report(report: Report, locale: str | None) -> None:
    """Print the report."""
    t, out = text.translate(locale), console()
    out.print(Text(title_of(report, locale), style="bold"))
    out.print(Text(when_text(report.window, locale)))
    if (still_open := open_text(report, locale)) is not None:
        out.print(Text(still_open, style="yellow"))
    out.print(_sums(report, locale))
    if report.top:
        out.print(_entries(t("report.top", count=len(report.top)), report.top, report, locale))
    else:
        out.print(Text(t("report.nobody_active") if report.members else t("report.nobody")))
    if report.low:
        out.print(_entries(t("report.low"), report.low, report, locale))
    if (away := away_text(report, locale)) is not None:
        out.print(Text(away, style="yellow"))


def show_activity(
    rows: Iterable[DailyRow],
    days: tuple[int, int],
    members: Mapping[UserId, str],
    channels: Mapping[ChannelId, str],
    locale: str | None,
) -> None:
    """Print daily rows, with the names of members and channels where they are known."""
    t = text.translate(locale)
    table = new_table(
        t("activity.title", range=text.range_text(*days, locale)),
        [t("column.day"), t("column.member"), t("column.channel")],
        [t(f"column.{name.removesuffix('_ms')}") for name in DAILY_COUNTS],
    )
    for row in rows:
        user, channel = row.user_id, row.channel_id
        counts = [_count(name, getattr(row, name), locale) for name in DAILY_COUNTS]
        table.add_row(
            date_of(row.day).isoformat(),
            Text(members.get(user) or str(user)),
            Text(t("activity.no_channel") if channel is None else channels.get(channel) or str(channel)),
            *counts,
        )
    console().print(table if table.row_count else Text(t("activity.empty")))


_MARKS = {"ok": Text("✔", style="green"), "note": Text("•", style="yellow"), "bad": Text("✘", style="bold red")}


def show_findings(findings: Iterable[tuple[str, str, str, str | None]], end: str) -> None:
    """Print (kind, topic, sentence, what to do) of each finding, the topic where it begins, and `end` below."""
    out, table, before = console(), Table.grid(padding=(0, 1)), ""
    for kind, topic, sentence, todo in findings:
        table.add_row(_MARKS[kind], Text("" if topic == before else topic, style="bold"), Text(sentence))
        if todo is not None:
            table.add_row("", "", Text(f"→ {todo}", style="cyan"))
        before = topic
    out.print(table)
    out.print(Text(end, style="bold"))


def _count(name: str, value: int, locale: str | None) -> str:
    return text.duration(value, locale) if name == "voice_ms" else text.number(value, locale)


def _sums(report: Report, locale: str | None) -> Table:
    t = text.translate(locale)
    table = new_table("", [""], [t("column.this_period"), t(f"report.change.{report.window.period}")])
    for label, value, change in sums_of(report, locale):
        table.add_row(label, value, change)
    return table


def _entries(title: str, entries: Sequence[MemberEntry], report: Report, locale: str | None) -> Table:
    t = text.translate(locale)
    table = new_table(title, [t("column.rank"), t("column.member")], _headings(t))
    for entry in entries:
        seen = entry.last_seen
        table.add_row(
            str(entry.rank),
            Text(entry.name or str(entry.user_id)),
            text.duration(entry.voice_ms, locale),
            text.number(entry.sessions, locale),
            text.duration(entry.average_session_ms, locale),
            text.number(entry.messages, locale),
            text.number(entry.exp, locale),
            "–" if seen is None else text.moment_text(seen, report.window.zone, locale),
        )
    return table


def _headings(t: Translate) -> list[str]:
    names = ("voice", "sessions", "average_session", "messages", "exp", "last_seen")
    return [t(f"column.{name}") for name in names]


def new_table(title: str, names: Iterable[str], figures: Iterable[str]) -> Table:
    """An empty table with columns of names, and of figures on the right."""
    table = Table(title=Text(title, style="bold") if title else None, title_justify="left")
    for name in names:
        table.add_column(Text(name))
    for figure in figures:
        table.add_column(Text(figure), justify="right")
    return table


def console() -> Console:
    """On a terminal as wide as that; into a file or a pipe wide enough that nothing is folded."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200)
