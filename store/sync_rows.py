"""Many rows of `member_sync` in one statement, on both databases."""

# ruff: noqa: S608  (the statements are put together from constants of this module; what is looked for is bound)

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, text

from store import arrays
from store.planning import whole_guild
from tracker.ids import Partition

__all__ = ["Appeared", "Noted", "Owed", "guild_rows", "owe", "put_levels", "read", "retry_blocked", "strays", "wake"]


class Owed(NamedTuple):
    """A member who should look like this, which is to be delivered from `at` on."""

    partition: Partition
    guild_id: int
    user_id: int
    level: int
    tier_roles: str
    at: int


class Noted(NamedTuple):
    """A member's EXP, and what is noted of them: None where nothing is."""

    exp: int
    season_exp: int
    level: int | None
    tier_roles: str | None
    managed: int | None


class Appeared(NamedTuple):
    """A member who (re)joined, or is called `name` from now on (None: not known, or of no matter)."""

    partition: Partition
    guild_id: int
    user_id: int
    joined: int
    name: str | None
    at: int


_WHOLE: Final = "bigint"
_AGAIN: Final = "revision = t.revision + 1, state = 'pending', attempts = 0, error = NULL"
_OWE: Final = (
    "INSERT INTO member_sync AS t "
    "(partition, guild_id, user_id, level, tier_roles, revision, state, attempts, next_attempt_at, managed) "
    "SELECT k.partition, k.guild_id, k.user_id, k.level, k.tier_roles, 1, 'pending', 0, k.at, 0 FROM {keys} "
    "WHERE true ON CONFLICT (partition, guild_id, user_id) DO UPDATE SET level = excluded.level, "
    f"tier_roles = excluded.tier_roles, next_attempt_at = excluded.next_attempt_at, {_AGAIN}"
)
_ON: Final = "t.partition = k.partition AND t.guild_id = k.guild_id AND t.user_id = k.user_id"
_LEVELS: Final = "UPDATE member_sync AS t SET level = k.level FROM {keys} WHERE " + _ON
# Our own nickname that comes back as the member's name is no news.
_WAKE: Final = (
    f"UPDATE member_sync AS t SET next_attempt_at = k.at, {_AGAIN} FROM {{keys}} WHERE {_ON} AND (k.joined = 1 OR "
    "(t.managed = 1 AND k.name IS NOT NULL AND k.name <> COALESCE(t.set_nick, '') "
    "AND k.name <> COALESCE(t.meant_nick, '')))"
)
_READ: Final = (
    "SELECT k.partition, k.guild_id, k.user_id, t.exp, COALESCE(b.exp, 0), s.level, s.tier_roles, s.managed "
    f"FROM {{keys}} JOIN totals t ON {_ON} LEFT JOIN season_totals b ON b.partition = k.partition "
    "AND b.guild_id = k.guild_id AND b.season_at = k.season_at AND b.user_id = k.user_id LEFT JOIN member_sync s "
    "ON s.partition = k.partition AND s.guild_id = k.guild_id AND s.user_id = k.user_id"
)
_GUILDS: Final = (
    "SELECT t.guild_id, t.settings, t.season_at FROM {keys} "
    "JOIN guilds t ON t.partition = k.partition AND t.guild_id = k.guild_id"
)
_MEMBER: Final = {"partition": _WHOLE, "guild_id": _WHOLE, "user_id": _WHOLE}


def owe(connection: Connection, owed: Sequence[Owed]) -> None:
    """These members should look like that, and do not yet."""
    columns = {**_MEMBER, "level": _WHOLE, "tier_roles": "text", "at": _WHOLE}
    _each(connection, _OWE, columns, owed)


def put_levels(connection: Connection, levels: Sequence[tuple[int, int, int, int]]) -> None:
    """Notes levels, (partition, guild id, user id, level), from which nothing follows."""
    _each(connection, _LEVELS, {**_MEMBER, "level": _WHOLE}, levels)


def wake(connection: Connection, appeared: Iterable[Appeared]) -> None:
    """Has another look at members who joined, or whose name is not the one that the tracker gave them."""
    columns = {**_MEMBER, "joined": _WHOLE, "name": "text", "at": _WHOLE}
    _each(connection, _WAKE, columns, list(appeared))


def read(connection: Connection, keys: Sequence[tuple[int, int, int, int]]) -> dict[tuple[int, int, int], Noted]:
    """Of each (partition, guild id, user id, season_at) what is noted, by the first three."""
    found: dict[tuple[int, int, int], Noted] = {}
    for rows in _each(connection, _READ, {**_MEMBER, "season_at": _WHOLE}, keys):
        found.update({(row[0], row[1], row[2]): Noted(*row[3:]) for row in rows})
    return found


def guild_rows(connection: Connection, keys: Sequence[tuple[int, int]]) -> dict[int, tuple[str | None, int | None]]:
    """The stored (settings, season_at) of each (partition, guild id); (None, None) of one that has no row yet."""
    found: dict[int, tuple[str | None, int | None]] = {guild: (None, None) for _, guild in keys}
    for rows in _each(connection, _GUILDS, {"partition": _WHOLE, "guild_id": _WHOLE}, keys):
        found.update({row[0]: (row[1], row[2]) for row in rows})
    return found


def retry_blocked(connection: Connection, partition: int, guild: int, at: int) -> int:
    """What was blocked in the guild is tried again; returns how many."""
    statement = (
        "UPDATE member_sync SET state = 'pending', attempts = 0, next_attempt_at = :at "
        "WHERE partition = :partition AND guild_id = :guild AND state = 'blocked'"
    )
    return connection.execute(text(statement), {"partition": partition, "guild": guild, "at": at}).rowcount


def strays(connection: Connection, partition: int, guild: int, managed: Collection[int]) -> list[tuple[int, str]]:
    """(user id, tier roles) of members who hold other ones of the `managed` roles than they should."""
    statement = (
        "SELECT m.user_id, m.role_ids, COALESCE(s.tier_roles, '') FROM members m "
        "LEFT JOIN member_sync s ON s.partition = m.partition AND s.guild_id = m.guild_id AND s.user_id = m.user_id "
        "WHERE m.partition = :partition AND m.guild_id = :guild AND m.present = 1 AND (m.bot IS NULL OR m.bot = 0) "
        "AND m.role_ids <> ''"
    )
    found = []
    with whole_guild(connection):
        rows = connection.execute(text(statement), {"partition": partition, "guild": guild})
    for user, role_ids, wanted in rows:
        held = [role for role in role_ids.split(",") if int(role) in managed]
        if ",".join(held) != wanted:
            found.append((user, wanted))
    return found


_MOST: Final = 20_000


def _each(
    connection: Connection, statement: str, columns: dict[str, str], rows: Sequence[Sequence[Any]]
) -> Iterable[Sequence[Any]]:
    """Runs the statement with `rows` as the table k of these columns; gives what it returns, part by part."""
    results = []
    for start in range(0, len(rows), _MOST):
        part = rows[start : start + _MOST]
        if connection.dialect.name == "sqlite":
            keys = ", ".join(f"value ->> {n} AS {name}" for n, name in enumerate(columns))
            filled = statement.format(keys=f"(SELECT {keys} FROM json_each(?)) k")
            result = connection.exec_driver_sql(filled, (json.dumps(part),))
        else:
            kinds = ", ".join(f"%s::{kind}[]" for kind in columns.values())
            filled = statement.format(keys=f"unnest({kinds}) AS k ({', '.join(columns)})")
            values = zip(*part, strict=True)
            literals = (
                arrays.texts(v) if kind == "text" else arrays.whole(v)
                for kind, v in zip(columns.values(), values, strict=True)
            )
            result = connection.exec_driver_sql(filled, tuple(literals))
        if result.returns_rows:
            results.append(result.all())
    return results
