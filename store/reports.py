"""A guild's report out of the read models: what the command line, `/report` and the schedule all show."""

from __future__ import annotations

from store import queries
from store.engine import Database
from tracker.errors import NotFoundError
from tracker.ids import GuildId, Ms, RoleId
from tracker.reports.build import build_report, sum_up
from tracker.reports.model import Activity, Member, Report
from tracker.reports.window import Period, Window, containing, containing_moment

__all__ = ["known_guild", "read_report", "window_of"]


def known_guild(db: Database, guild: GuildId) -> GuildId:
    """The guild, if the database knows it. Raises NotFoundError."""
    if guild not in queries.guild_ids(db):
        raise NotFoundError(f"server {guild} is not in the database {db.name}")
    return guild


def window_of(db: Database, guild: GuildId, period: Period, day: int | None) -> Window:
    """The window of the guild's own zone that `day` (yyyymmdd) is in; None: the one the read models have come to."""
    zone = queries.settings_of(db, guild).zone
    if day is None:
        return containing_moment(period, queries.as_of(db, guild), zone)
    return containing(period, day, zone)


def read_report(db: Database, guild: GuildId, role: RoleId | None, window: Window) -> Report:
    """The report of those who hold `role` (None: of everyone) at the window's end, or now if it is not over.

    Raises NotFoundError for a guild or a role that is not in the database, DatabaseError.
    """
    known_guild(db, guild)
    if role is not None and int(role) == int(guild):
        role = None  # @everyone
    as_of = queries.as_of(db, guild)
    name = None if role is None else queries.role_name(db, guild, role)
    rows = _rows(db, guild, role, window, as_of)
    if role is not None and name is None and not rows:
        raise NotFoundError(f"role {role} is not known in server {guild}")
    return build_report(
        guild_id=guild,
        role_id=role,
        role_name=name,
        window=window,
        as_of=as_of,
        members=[Member(user_id=row.user_id, name=row.name) for row in rows],
        activity={row.user_id: _activity(row) for row in rows},
        before=sum_up(_activity(row) for row in _rows(db, guild, role, window.previous(), as_of)),
        away_ms=queries.away_ms(db, guild, window.start, window.end, as_of),
    )


def _rows(
    db: Database, guild: GuildId, role: RoleId | None, window: Window, as_of: Ms
) -> list[queries.MemberActivity]:
    return queries.member_activity(
        db,
        guild,
        role=role,
        first_day=window.first_day,
        last_day=window.last_day,
        holders_at=window.end if window.end <= as_of else None,
    )


def _activity(row: queries.MemberActivity) -> Activity:
    return Activity(
        user_id=row.user_id,
        voice_ms=row.voice_ms,
        sessions=row.sessions,
        messages=row.messages,
        interactions=row.interactions,
        exp=row.exp,
        last_seen=row.last_at,
    )
