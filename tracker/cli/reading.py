"""`tracker report` and `tracker activity`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracker.cli.options import AsJson, DatabaseUrl, GuildText, guild_of, opened
from tracker.cli.replay_until import Until, as_of
from tracker.errors import ConfigError, NotFoundError
from tracker.ids import GuildId, Ms, RoleId

if TYPE_CHECKING:
    from store.engine import Database
    from store.queries import DailyRow
    from tracker.reports.model import Report

__all__ = ["activity", "report"]


class PeriodName(StrEnum):
    """The periods of a report."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


def report(
    guild: GuildText,
    role: Annotated[
        str | None,
        typer.Option("--role", metavar="ID|NAME", help="The role whose members it is about. Default: everyone."),
    ] = None,
    period: Annotated[
        PeriodName, typer.Option("--period", help="A local day, a week from Monday on, or a calendar month.")
    ] = PeriodName.DAILY,
    date: Annotated[
        str | None,
        typer.Option("--date", metavar="YYYY-MM-DD", help="A date in the period. Default: the last one that is known."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="With --to: any dates instead.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="The last day, itself included.")
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FILE", help="Also write the charts: a picture for a phone or Discord."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write all members, as a table that Excel opens.")
    ] = None,
    until: Until = None,
    as_json: AsJson = False,
    database: DatabaseUrl = None,
) -> None:
    """Show the report of a role: members and how many were active, sums and their change, the top 10, the last 5.

    Dates are the server's own (its time zone is in its settings). The bot may be running; the figures are as of its
    last flush, at most a minute ago, or with --until as of any instant of the past.

    \b
    Examples:
      tracker report --guild 1100000000000000001 --role Study
      tracker report --guild 1100000000000000001 --role 1100000000000000040 --period weekly --date 2026-02-18 --json
      tracker report --guild 1100000000000000001 --from 2026-02-01 --to 2026-02-14
      tracker report --guild 1100000000000000001 --period weekly --png week.png --csv week.csv
    """
    from store import queries, reporting
    from tracker.reports.plain import plain_report
    from tracker.reports.window import between, parse_day

    if (first is None) != (last is None) or (first is not None and date is not None):
        raise ConfigError("give --date, or both --from and --to")
    guild_id = guild_of(guild)
    with opened(database) as live, as_of(live, until, [guild_id]) as db:
        role_id = None if role is None else _role_of(db, guild_id, role)
        now = _now(db, guild_id)
        settings = queries.settings_of(db, guild_id)
        if first is not None and last is not None:
            window = between(parse_day(first), parse_day(last), settings.zone)
            found = reporting.report_of_window(db, guild_id=guild_id, role_id=role_id, window=window, now=now)
        else:
            day = None if date is None else parse_day(date)
            found = reporting.read_report(db, guild_id=guild_id, role_id=role_id, period=period.value, day=day, now=now)
        for file, contents in ((png, _charts), (csv, _full_list)):
            if file is not None:
                _write(file, contents(db, found, now, settings.locale))
    if as_json:
        typer.echo(json.dumps(plain_report(found), ensure_ascii=False, indent=2))
        return
    from tracker.cli.tables import show_report

    show_report(found, settings.locale)


def activity(
    guild: GuildText,
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="The last day, itself included.")],
    until: Until = None,
    as_json: AsJson = False,
    database: DatabaseUrl = None,
) -> None:
    """Show what each member did in each channel on each local day.

    With --json: a list of objects, sorted by day, member and channel; ids are strings, times in milliseconds, and
    channel_id is null for EXP given by hand. The bot may be running; the figures are as of its last flush, or with
    --until as of any instant of the past.

    \b
    Example:
      tracker activity --guild 1100000000000000001 --from 2026-02-16 --to 2026-02-22 --json
    """
    from store import queries
    from tracker.reports.window import parse_day

    guild_id = guild_of(guild)
    first_day, last_day = parse_day(first), parse_day(last)
    if last_day < first_day:
        raise ConfigError(f"the dates are the wrong way round: --to {last} is before --from {first}")
    with opened(database) as live, as_of(live, until, [guild_id]) as db:
        if not queries.is_known(db, guild_id):
            raise NotFoundError(f"guild {guild_id} is not in the database")
        rows = queries.daily_rows(db, guild_id, first_day, last_day)
        if as_json:
            _print_rows(rows)
            return
        from tracker.cli.tables import show_activity

        members, channels = queries.member_names(db, guild_id), queries.channel_names(db, guild_id)
        show_activity(rows, (first_day, last_day), members, channels, queries.settings_of(db, guild_id).locale)


def _charts(db: Database, report: Report, now: Ms, locale: str | None) -> bytes:
    from store.chart_queries import read_chart_data
    from tracker.reports.charts import draw_charts

    data = read_chart_data(db, guild_id=report.guild_id, role_id=report.role_id, window=report.window, now=now)
    return draw_charts(report, data, locale)


def _full_list(db: Database, report: Report, now: Ms, locale: str | None) -> bytes:
    from store.reporting import read_full_list
    from tracker.reports.csv_text import full_list_csv

    window = report.window
    members = read_full_list(db, guild_id=report.guild_id, role_id=report.role_id, window=window, now=now)
    return full_list_csv(members, window, locale)


def _write(file: Path, contents: bytes) -> None:
    try:
        file.write_bytes(contents)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None


def _role_of(db: Database, guild: GuildId, text: str) -> RoleId:
    """The role that is meant: by its id, or else by its name. Raises NotFoundError."""
    from store import queries

    named = [role for role, name in queries.roles(db, guild).items() if name == text]
    if len(named) == 1:
        return named[0]
    if named:
        raise NotFoundError(f"several roles are named {text!r}: give an id ({', '.join(map(str, named))})")
    if text.isascii() and text.isdigit() and len(text) < 20:
        return RoleId(int(text))
    raise NotFoundError(f"no role of server {guild} is named {text!r}")


def _now(db: Database, guild: GuildId) -> Ms:
    """The instant that the figures have come to: for a database without a running bot, "now" is when it stopped."""
    from store import queries
    from tracker.clock import SystemClock

    return queries.as_of(db, guild) or SystemClock().now()


def _print_rows(rows: Iterable[DailyRow]) -> None:
    """A JSON list, row by row: a year of a big server need not fit into memory."""
    separator = "["
    for row in rows:
        sys.stdout.write(f"{separator}\n  {json.dumps(_plain(row))}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _plain(row: DailyRow) -> Mapping[str, Any]:
    from tracker.projections.days import date_of
    from tracker.reports.plain import DAILY_COUNTS

    return {
        "guild_id": str(row.guild_id),
        "user_id": str(row.user_id),
        "day": date_of(row.day).isoformat(),
        "channel_id": None if row.channel_id is None else str(row.channel_id),
        **{name: getattr(row, name) for name in DAILY_COUNTS},
    }
