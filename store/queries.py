"""The read side: what reports and the command line ask of the read models. Each call reads one consistent state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from sqlalchemy import text

from store.engine import Database
from store.sessions_on import MET
from tracker.events.settings import DEFAULTS, GuildSettings, parse_settings
from tracker.ids import ChannelId, GuildId, Ms, RoleId, UserId, partition_of
from tracker.projections.rows import TABLES

__all__ = [
    "DailyRow", "DaySums", "MemberActivity", "activity_by_day", "as_of", "away_ms", "channel_names", "daily_rows",
    "guild_ids", "is_known", "member_activity", "member_names", "role_name", "roles", "settings_document",
    "settings_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberActivity:
    """What a member did in a window, over all channels; `last_at`: when they were last seen in it, None if never.

    `sessions` counts a session once, however many days it touches. `exp` is of every kind, adjustments included.
    """

    user_id: UserId
    name: str
    voice_ms: int
    messages: int
    interactions: int
    exp: int
    sessions: int
    last_at: Ms | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyRow:
    """What a member did in a channel on a local day (yyyymmdd). `channel_id` None: adjustments, in no channel."""

    guild_id: GuildId
    day: int
    user_id: UserId
    channel_id: ChannelId | None
    voice_ms: int
    sessions: int
    messages: int
    interactions: int
    exp_voice: int
    exp_messages: int
    exp_interactions: int
    exp_adjusted: int
    last_at: Ms | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySums:
    """What all members did on a local day (yyyymmdd); `active`: how many of them did anything."""

    day: int
    active: int
    voice_ms: int
    messages: int
    interactions: int
    exp: int


def guild_ids(db: Database) -> list[GuildId]:
    """Every guild that the read models know, ascending."""
    return [GuildId(row[0]) for row in _rows(db, "SELECT guild_id FROM guilds ORDER BY guild_id")]


def is_known(db: Database, guild: GuildId, role: RoleId | None = None) -> bool:
    """Whether anything was ever heard of the guild, or (given one) of the role in it."""
    if role is None:
        return bool(_of_guild(db, guild, "SELECT 1 FROM guilds WHERE {here}"))
    for table in ("roles", "role_changes"):
        if _of_guild(db, guild, f"SELECT 1 FROM {table} WHERE {{here}} AND role_id = :role LIMIT 1", role=role):  # noqa: S608
            return True
    return False


def settings_document(db: Database, guild: GuildId) -> Mapping[str, Any] | None:
    """The guild's settings document as it was given; None if none ever was."""
    found = _of_guild(db, guild, "SELECT settings FROM guilds WHERE {here}")
    return msgspec.json.decode(found[0][0]) if found and found[0][0] is not None else None


def settings_of(db: Database, guild: GuildId) -> GuildSettings:
    """The settings in force; the defaults if none were ever given."""
    document = settings_document(db, guild)
    return DEFAULTS if document is None else parse_settings(document)


def as_of(db: Database, guild: GuildId) -> Ms:
    """The instant up to which the guild's read models are true; 0: nothing was ever written."""
    statement = "SELECT as_of FROM checkpoints WHERE partition = :partition"
    return Ms(_of_guild(db, guild, statement)[0][0])


def roles(db: Database, guild: GuildId) -> dict[RoleId, str]:
    """The names of the guild's roles, as last heard."""
    rows = _of_guild(db, guild, "SELECT role_id, name FROM roles WHERE {here} ORDER BY role_id")
    return {RoleId(role): name for role, name in rows}


def role_name(db: Database, guild: GuildId, role: RoleId) -> str | None:
    """The role's name; None for one that was never heard of."""
    return roles(db, guild).get(role)


def channel_names(db: Database, guild: GuildId) -> dict[ChannelId, str]:
    """The names of the guild's channels, as last heard."""
    rows = _of_guild(db, guild, "SELECT channel_id, name FROM channels WHERE {here}")
    return {ChannelId(channel): name for channel, name in rows}


def member_names(db: Database, guild: GuildId) -> dict[UserId, str]:
    """The names of everyone who is or was a member, as last heard; empty where none was."""
    rows = _of_guild(db, guild, "SELECT user_id, COALESCE(name, '') FROM members WHERE {here}")
    return {UserId(user): name for user, name in rows}


# The last change at or before the instant decides. The key leads with the role, so only its own changes are read.
_MEMBER_ACTIVITY: Final = """
WITH holders AS (
  SELECT r.user_id FROM role_changes r
  WHERE r.{here} AND r.role_id = :role AND r.held = 1 AND r.at <= :at AND NOT EXISTS (
    SELECT 1 FROM role_changes x WHERE x.partition = r.partition AND x.guild_id = r.guild_id
      AND x.role_id = r.role_id AND x.user_id = r.user_id AND x.at > r.at AND x.at <= :at)
), did AS (
  SELECT user_id, SUM(voice_ms) AS voice_ms, SUM(messages) AS messages, SUM(interactions) AS interactions,
    SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted) AS exp, MAX(last_at) AS last_at
  FROM daily d WHERE d.{here} AND d.day BETWEEN :first AND :last GROUP BY user_id
), met AS (
  SELECT user_id, COUNT(*) AS sessions FROM ({met}) every GROUP BY user_id
)
SELECT m.user_id, COALESCE(m.name, '') AS name, COALESCE(did.voice_ms, 0), COALESCE(did.messages, 0),
  COALESCE(did.interactions, 0), COALESCE(did.exp, 0), COALESCE(met.sessions, 0), did.last_at
FROM holders JOIN members m ON m.user_id = holders.user_id AND m.{here}
LEFT JOIN did ON did.user_id = m.user_id LEFT JOIN met ON met.user_id = m.user_id
WHERE (m.bot IS NULL OR m.bot = 0) ORDER BY m.user_id
""".replace("{met}", MET)
_FOREVER: Final = (1 << 63) - 1


def member_activity(
    db: Database, guild: GuildId, *, role: RoleId | None, first_day: int, last_day: int, holders_at: Ms | None
) -> list[MemberActivity]:
    """What each non-bot member who holds `role` did on the days from `first_day` to `last_day` (yyyymmdd, included).

    `role` None: every member. `holders_at`: who held it at that instant; None: who holds it now. Members who did
    nothing are there too. By user id.
    """
    rows = _of_guild(
        db,
        guild,
        _MEMBER_ACTIVITY,
        role=guild if role is None else role,
        at=_FOREVER if holders_at is None else holders_at,
        first=first_day,
        last=last_day,
    )
    return [
        MemberActivity(
            user_id=UserId(user),
            name=name,
            voice_ms=int(voice_ms),
            messages=int(messages),
            interactions=int(interactions),
            exp=int(exp),
            sessions=sessions,
            last_at=Ms(last_at) if last_at else None,
        )
        for user, name, voice_ms, messages, interactions, exp, sessions, last_at in rows
    ]


_DAILY: Final = TABLES["daily"].columns
_DAILY_ROWS: Final = (
    f"SELECT {', '.join(_DAILY)} FROM daily WHERE {{here}} AND day BETWEEN :first AND :last "  # noqa: S608
    "ORDER BY day, user_id, channel_id"
)


def daily_rows(db: Database, guild: GuildId, first_day: int, last_day: int) -> Iterator[DailyRow]:
    """The daily rows from `first_day` to `last_day` (yyyymmdd, included), by day, member and channel (streamed)."""
    statement = text(_DAILY_ROWS.format(here=_HERE))
    arguments = {**_place(db, guild), "first": first_day, "last": last_day}
    with db.read() as connection:
        streaming = connection.execution_options(stream_results=True, yield_per=2_000)
        for row in streaming.execute(statement, arguments):
            values = dict(zip(_DAILY, row, strict=True))
            yield DailyRow(
                **{**values, "channel_id": values["channel_id"] or None, "last_at": values["last_at"] or None}
            )


def activity_by_day(db: Database, guild: GuildId, first_day: int, last_day: int) -> list[DaySums]:
    """The sums of each day from `first_day` to `last_day` (yyyymmdd, included) on which anything happened."""
    rows = _of_guild(
        db,
        guild,
        "SELECT day, COUNT(DISTINCT CASE WHEN voice_ms > 0 OR messages > 0 OR interactions > 0 THEN user_id END), "
        "SUM(voice_ms), SUM(messages), SUM(interactions), "
        "SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted) "
        "FROM daily WHERE {here} AND day BETWEEN :first AND :last GROUP BY day ORDER BY day",
        first=first_day,
        last=last_day,
    )
    return [
        DaySums(day=d, active=n, voice_ms=int(v), messages=int(m), interactions=int(i), exp=int(e))
        for d, n, v, m, i, e in rows
    ]


def away_ms(db: Database, guild: GuildId, start: Ms, end: Ms, now: Ms) -> Ms:
    """For how long the tracker did not see the guild in [start, end); an absence that lasts goes on until `now`."""
    rows = _of_guild(
        db,
        guild,
        "SELECT from_at, COALESCE(to_at, :now) FROM away WHERE {here} AND from_at < :end",
        now=now,
        end=end,
    )
    return Ms(sum(max(0, min(end, to_at) - max(start, from_at)) for from_at, to_at in rows))


_HERE: Final = "partition = :partition AND guild_id = :guild"


def _place(db: Database, guild: GuildId) -> dict[str, int]:
    return {"partition": partition_of(guild, db.partitions), "guild": guild}


def _of_guild(db: Database, guild: GuildId, statement: str, **arguments: int) -> list[tuple[Any, ...]]:
    """Runs a statement in which `{here}` keeps to the guild; `x.{here}` keeps the table x to it."""
    for prefix in ("r", "d", "m"):
        here = f"{prefix}.partition = :partition AND {prefix}.guild_id = :guild"
        statement = statement.replace(f" {prefix}.{{here}}", f" {here}")
    return _rows(db, statement.replace("{here}", _HERE), **_place(db, guild), **arguments)


def _rows(db: Database, statement: str, **arguments: int) -> list[tuple[Any, ...]]:
    with db.read() as connection:
        return cast("list[tuple[Any, ...]]", connection.execute(text(statement), arguments).all())
