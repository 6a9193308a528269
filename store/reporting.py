"""A report, read from the database: the one way for `/report`, the schedule and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from store import queries
from store.chart_queries import read_hours
from store.engine import Database
from store.queries import MemberActivity
from tracker.errors import ConfigError, NotFoundError
from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.build import build_report, full_list, sum_up
from tracker.reports.model import Activity, Member, MemberEntry, MemberReport, Report, percent_of
from tracker.reports.window import PERIODS, Period, Window, containing, containing_moment

__all__ = ["read_full_list", "read_member_report", "read_report", "report_of_window"]


def read_report(
    db: Database, *, guild_id: GuildId, role_id: RoleId | None, period: str, day: int | None, now: Ms
) -> Report:
    """The report over the `period` (daily, weekly, monthly) that `day` (yyyymmdd; None: the day of `now`) is in.

    `role_id` None: everyone. Raises ConfigError for another period, NotFoundError for a guild or role that the
    database does not know, DatabaseError.
    """
    if period not in PERIODS:
        raise ConfigError(f"period must be daily, weekly or monthly, not {period!r}")
    kind = cast("Period", period)
    with db.moment():
        zone = queries.settings_of(db, guild_id).zone
        window = containing_moment(kind, now, zone) if day is None else containing(kind, day, zone)
        return report_of_window(db, guild_id=guild_id, role_id=role_id, window=window, now=now)


def report_of_window(db: Database, *, guild_id: GuildId, role_id: RoleId | None, window: Window, now: Ms) -> Report:
    """The report over any window. Members are those at its end, or now if it is still open. Raises as `read_report`."""
    with db.moment():
        return _report(db, guild_id, role_id, window, now)


def _report(db: Database, guild_id: GuildId, role_id: RoleId | None, window: Window, now: Ms) -> Report:
    _check_known(db, guild_id, role_id)
    rows, before = _read(db, guild_id, role_id, window, now), _read(db, guild_id, role_id, window.previous(), now)
    as_of = queries.as_of(db, guild_id)
    return build_report(
        guild_id=guild_id,
        role_id=role_id,
        role_name=None if role_id is None else queries.role_name(db, guild_id, role_id),
        window=window,
        as_of=as_of,
        members=_members(rows),
        activity=_by_user(rows),
        before=sum_up(_activity(before)),
        percent_before=percent_of(sum(did.active for did in _activity(before)), len(before)),
        away_ms=_away_ms(db, guild_id, window, as_of, now),
        hours=read_hours(db, guild_id=guild_id, role_id=role_id, window=window, now=now),
    )


def read_full_list(
    db: Database, *, guild_id: GuildId, role_id: RoleId | None, window: Window, now: Ms
) -> list[MemberEntry]:
    """Every member of the report over `window`, in its order. Nobody for what the database does not know.

    Raises DatabaseError.
    """
    rows = _read(db, guild_id, role_id, window, now)
    return full_list(_members(rows), _by_user(rows))


def read_member_report(
    db: Database, *, guild_id: GuildId, role_id: RoleId | None, user_id: UserId, window: Window, now: Ms
) -> MemberReport | None:
    """What one member did in `window`; None if they are not among those whom the report of the role is about.

    Raises as `read_report`.
    """
    with db.moment():
        return _member_report(db, guild_id, role_id, user_id, window, now)


def _member_report(
    db: Database, guild_id: GuildId, role_id: RoleId | None, user_id: UserId, window: Window, now: Ms
) -> MemberReport | None:
    _check_known(db, guild_id, role_id)
    listed = read_full_list(db, guild_id=guild_id, role_id=role_id, window=window, now=now)
    member = next((entry for entry in listed if entry.user_id == user_id), None)
    if member is None:
        return None
    before = [row for row in _read(db, guild_id, role_id, window.previous(), now) if row.user_id == user_id]
    did = sum_up([member])
    as_of = queries.as_of(db, guild_id)
    return MemberReport(
        guild_id=guild_id,
        role_id=role_id,
        role_name=None if role_id is None else queries.role_name(db, guild_id, role_id),
        window=window,
        as_of=as_of,
        member=member,
        members=len(listed),
        did=did,
        change=did.minus(sum_up(_activity(before))),
        away_ms=_away_ms(db, guild_id, window, as_of, now),
    )


def _check_known(db: Database, guild: GuildId, role: RoleId | None) -> None:
    if not queries.is_known(db, guild):
        raise NotFoundError(f"guild {guild} is not in the database")
    if role is not None and not queries.is_known(db, guild, role):
        raise NotFoundError(f"role {role} is not known in guild {guild}")


def _away_ms(db: Database, guild: GuildId, window: Window, as_of: Ms, now: Ms) -> Ms:
    return queries.away_ms(db, guild, window.start, window.end, max(as_of, min(now, window.end)))


def _members(rows: Iterable[MemberActivity]) -> list[Member]:
    return [Member(user_id=row.user_id, name=row.name) for row in rows]


def _by_user(rows: Sequence[MemberActivity]) -> dict[UserId, Activity]:
    return {row.user_id: did for row, did in zip(rows, _activity(rows), strict=True)}


def _read(db: Database, guild: GuildId, role: RoleId | None, window: Window, now: Ms) -> list[MemberActivity]:
    return queries.member_activity(
        db,
        guild,
        role=role,
        first_day=window.first_day,
        last_day=window.last_day,
        holders_at=window.end if window.end <= now else None,
    )


def _activity(rows: Iterable[MemberActivity]) -> list[Activity]:
    return [
        Activity(
            user_id=row.user_id,
            voice_ms=row.voice_ms,
            sessions=row.sessions,
            messages=row.messages,
            interactions=row.interactions,
            exp=row.exp,
            last_seen=row.last_at,
        )
        for row in rows
    ]
