"""What reports of big guilds are made of, as one moment has it: to be kept in memory, or to be put beside what is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from store import sessions_on
from store.board_here import Here, settings_in
from store.engine import Database
from tracker.events.settings import DEFAULTS, GuildSettings
from tracker.ids import GuildId, Ms, Position, RoleId, UserId
from tracker.projections.days import LocalDay, local_day, next_day
from tracker.reports.kept import Numbers
from tracker.reports.kept_day import KeptDay
from tracker.reports.kept_days import OPEN, KeptDays
from tracker.reports.kept_holders import KeptBots, KeptHolders
from tracker.reports.kept_places import Places
from tracker.reports.kept_span import KeptFloor
from tracker.reports.window import Window

__all__ = ["GuildNow", "read_bots", "read_day", "read_days", "read_floor", "read_guild", "read_holders", "read_users"]

_OF_GUILD: Final = "WHERE partition = :partition AND guild_id = :guild"
_ON_DAYS: Final = f"{_OF_GUILD} AND day BETWEEN :first AND :last"
_SUMS: Final = (
    "SELECT day, user_id, CAST(SUM(voice_ms) AS BIGINT), CAST(SUM(messages) AS BIGINT), "  # noqa: S608
    "CAST(SUM(interactions) AS BIGINT), "
    "CAST(SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted) AS BIGINT), MAX(last_at) "
    f"FROM daily {_ON_DAYS} GROUP BY day, user_id"
)
_COUNTS: Final = f"SELECT user_id, COUNT(*) FROM ({sessions_on.MET}) met GROUP BY user_id"  # noqa: S608
_SESSIONS: Final = sessions_on.spans(f"s.user_id, s.started_at, COALESCE(s.ended_at, {OPEN}), s.voice_ms")
_CHANGES: Final = f"SELECT user_id, at, held FROM role_changes {_OF_GUILD} AND role_id = :role ORDER BY user_id, at"  # noqa: S608
_BOTS: Final = f"SELECT user_id FROM members {_OF_GUILD} AND bot = 1"  # noqa: S608
_NAMES: Final = f"SELECT user_id, COALESCE(name, '') FROM members {_OF_GUILD} AND user_id IN :users"  # noqa: S608
_ALL_NAMES: Final = f"SELECT user_id, COALESCE(name, '') FROM members {_OF_GUILD}"  # noqa: S608
_GUILD: Final = (
    "SELECT g.settings, g.lost_at, r.name, c.position FROM guilds g JOIN checkpoints c ON c.partition = g.partition "
    "LEFT JOIN roles r ON r.partition = g.partition AND r.guild_id = g.guild_id AND r.role_id = :role "
    "WHERE g.partition = :partition AND g.guild_id = :guild"
)
_USERS: Final = f"SELECT user_id FROM members {_OF_GUILD} ORDER BY user_id"  # noqa: S608
_FIRST_DAY: Final = f"SELECT MIN(day) FROM daily {_OF_GUILD}"  # noqa: S608
_ZONES: Final = f"SELECT at, settings FROM rules {_OF_GUILD} ORDER BY at"  # noqa: S608
_MET_BEFORE: Final = f"SELECT 1 FROM ({sessions_on.MET}) met WHERE started_at < :before LIMIT 1"  # noqa: S608
_AWAY: Final = f"SELECT from_at, COALESCE(to_at, :now) FROM away {_OF_GUILD} AND from_at < :end"  # noqa: S608
_AT_LEAST: Final = f"SELECT COUNT(*) FROM (SELECT 1 FROM members {_OF_GUILD} LIMIT :most) AS found"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildNow:
    """A guild that the database knows, in an open transaction: what is not kept. True at `position`.

    `lost_at`: since when the tracker is away; None if it is not. `role_name`: None for a role that was never described.
    """

    guild: GuildId
    settings: GuildSettings
    position: Position
    lost_at: Ms | None
    role_name: str | None
    here: Here

    def names(self, users: Collection[UserId]) -> dict[UserId, str]:
        """The names of those who are or were members, empty where none was heard."""
        return {UserId(user): name for user, name in self.here.rows(_NAMES, users=sorted(users))} if users else {}

    def all_names(self) -> dict[UserId, str]:
        """The names of everybody who is or was a member."""
        return {UserId(user): name for rows in self.here.chunks(_ALL_NAMES) for user, name in rows}

    def away_ms(self, window: Window, now: Ms) -> Ms:
        """As `queries.away_ms`."""
        rows = self.here.rows(_AWAY, now=now, end=window.end)
        return Ms(sum(max(0, min(window.end, to_at) - max(window.start, from_at)) for from_at, to_at in rows))

    def has_members(self, count: int) -> bool:
        """Whether `count` people are or were members."""
        return bool(self.here.rows(_AT_LEAST, most=count)[0][0] >= count)


@contextmanager
def read_guild(db: Database, guild: GuildId, role: RoleId | None) -> Iterator[GuildNow | None]:
    """The guild as it is, and a role of it; None for a guild that the database does not know. Raises DatabaseError."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        found = here.rows(_GUILD, role=role or 0)
        if not found:
            yield None
            return
        ((document, lost_at, name, position),) = found
        yield GuildNow(
            guild=guild,
            settings=settings_in(document),
            position=Position(position),
            lost_at=lost_at,
            role_name=name,
            here=here,
        )


def read_days(db: Database, guild: GuildId, first_day: int, last_day: int, *, listed: bool) -> KeptDays:
    """What was done on these days (yyyymmdd, both included). `listed`: each session, not only how many."""
    days = {"first": first_day, "last": last_day}
    with db.read() as connection:
        here = Here(connection, db, guild)
        position, as_of = here.reached()
        sums = _read(here, _SUMS, 7, days)
        sessions = _read(here, _SESSIONS, 4, days) if listed else ()
        counts = None if listed else _read(here, _COUNTS, 2, days)
    return KeptDays(
        first_day, last_day, sums=sums, sessions=sessions, counts=counts, position=position, as_of=as_of
    )  # fmt: skip


def read_day(db: Database, guild: GuildId, day: LocalDay, places: Places) -> KeptDay:
    """What was done on a day."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        position, as_of = here.reached()
        on = {"first": day.day, "last": day.day}
        sums, sessions = _read(here, _SUMS, 7, on), _read(here, _SESSIONS, 4, on)
    return KeptDay(day, places, sums=sums, sessions=sessions, position=position, as_of=as_of)


def read_users(db: Database, guild: GuildId) -> Numbers:
    """Everybody who is or was a member, ascending."""
    with db.read() as connection:
        found = _read(Here(connection, db, guild), _USERS, 1, {})
    return np.concatenate([np.empty((0, 1), dtype=np.int64), *found])[:, 0]


def read_floor(db: Database, guild: GuildId) -> KeptFloor:
    """From which day on days may be put together."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        position, as_of = here.reached()
        zone = here.settings().timezone
        ((oldest,),) = here.rows(_FIRST_DAY)
        first, complete = (local_day(here.settings().zone, as_of).day if oldest is None else int(oldest)), True
        changed = _zone_changed(here, zone)
        if changed is not None and _met_before(here, first, *changed):
            # Days of the zone before may be called as one of this zone a day later; those after that are not.
            first, complete = next_day(next_day(local_day(here.settings().zone, changed[0]).day)), False
    return KeptFloor(first_day=first, complete=complete, zone=zone, position=position, as_of=as_of)


def _zone_changed(here: Here, zone: str) -> tuple[Ms, ZoneInfo] | None:
    """When the guild's zone became the one it has, and which one it had before; None: it never had another one."""
    changed, before = None, DEFAULTS
    for at, document in here.rows(_ZONES):
        now = settings_in(document)
        if now.timezone != before.timezone:
            changed, before = (Ms(at), before.zone), now
    return changed


def _met_before(here: Here, first_day: int, changed_at: Ms, before: ZoneInfo) -> bool:
    """Whether the days from the first one on may have voice time from before the zone was another one."""
    days = (local_day(before, changed_at).day, local_day(here.settings().zone, changed_at).day)
    if first_day < min(days):
        return True
    return bool(here.rows(_MET_BEFORE, first=min(days), last=next_day(max(days)), before=changed_at))


def read_holders(db: Database, guild: GuildId, role: int) -> KeptHolders:
    """Who held the role and when."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        position, as_of = here.reached()
        return KeptHolders(role, changes=_read(here, _CHANGES, 3, {"role": role}), position=position, as_of=as_of)


def read_bots(db: Database, guild: GuildId) -> KeptBots:
    """Who is a bot."""
    with db.read() as connection:
        here = Here(connection, db, guild)
        position, as_of = here.reached()
        return KeptBots(bots=_read(here, _BOTS, 1, {}), position=position, as_of=as_of)


def _read(here: Here, statement: str, width: int, about: dict[str, int]) -> list[Numbers]:
    def numbers(rows: Any) -> Numbers:
        return np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=len(rows) * width).reshape(-1, width)

    return [numbers(rows) for rows in here.chunks(statement, **about)]
