"""Many rows in one statement: what the read models' deltas mean is said by their Table (add, largest, set, known)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection

from store import arrays
from store.schema import TEXT_COLUMNS
from tracker.projections.rows import TABLES, Row, Table

__all__ = ["TABLES_WITH_A_USER", "delete_keys", "delete_keys_as_part", "delete_members", "upsert", "upsert_as_part"]

TABLES_WITH_A_USER: Final = tuple(name for name, table in TABLES.items() if "user_id" in table.columns)

_MOST: Final = 20_000


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Writes deltas: rows of (partition, *table.columns), no key twice."""
    if not rows:
        return
    dialect = connection.dialect.name
    if dialect == "sqlite":
        connection.exec_driver_sql(_upsert_sql(table.name, dialect), list(rows))
    else:
        for part in _parts(rows):
            connection.exec_driver_sql(_upsert_sql(table.name, dialect), _arrays(_columns(table), part))


def upsert_as_part(table: Table, rows: Sequence[Row], condition: str) -> tuple[str, tuple[Any, ...]]:
    """PostgreSQL: `upsert` as a part of a larger statement, done if `condition` holds, and its parameters."""
    return _upsert_sql(table.name, "postgresql", condition), _arrays(_columns(table), rows)


def delete_keys_as_part(table: Table, keys: Sequence[Row], condition: str) -> tuple[str, tuple[Any, ...]]:
    """PostgreSQL: `delete_keys` as a part of a larger statement, done if `condition` holds, and its parameters."""
    columns = ("partition", *table.key)
    return f"{_delete_sql(table.name, columns)} AND {condition}", _arrays(columns, keys)


def delete_keys(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Deletes rows by key: (partition, *table.key)."""
    _delete(connection, table.name, ("partition", *table.key), keys)


def delete_members(connection: Connection, members: Iterable[tuple[int, int, int]]) -> None:
    """Deletes all rows of these members, (partition, guild id, user id): read models, and how they should look."""
    wanted = list(members)
    for name in (*TABLES_WITH_A_USER, "member_sync"):
        _delete(connection, name, ("partition", "guild_id", "user_id"), wanted)


def _delete(connection: Connection, name: str, columns: tuple[str, ...], keys: Sequence[Row]) -> None:
    if not keys:
        return
    if connection.dialect.name == "sqlite":
        where = " AND ".join(f"{c} = ?" for c in columns)
        connection.exec_driver_sql(f"DELETE FROM {name} WHERE {where}", list(keys))  # noqa: S608
    else:
        for part in _parts(keys):
            connection.exec_driver_sql(_delete_sql(name, columns), _arrays(columns, part))


def _delete_sql(name: str, columns: tuple[str, ...]) -> str:
    where = " AND ".join(f"t.{c} = k.{c}" for c in columns)
    return f"DELETE FROM {name} t USING {_unnest(columns)} AS k ({', '.join(columns)}) WHERE {where}"  # noqa: S608


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """All rows at once, unless they are so many (in a rebuild) that their text would fill the memory."""
    for start in range(0, len(rows), _MOST):
        yield rows[start : start + _MOST]


def _columns(table: Table) -> tuple[str, ...]:
    return ("partition", *table.columns)


@cache
def _upsert_sql(name: str, dialect: str, condition: str = "true") -> str:
    table = TABLES[name]
    columns = _columns(table)
    if dialect == "sqlite":
        source, larger = f"VALUES ({', '.join('?' * len(columns))})", "max"
    else:
        source, larger = f"SELECT * FROM {_unnest(columns)} WHERE {condition}", "greatest"  # noqa: S608
    changes = [f"{c} = t.{c} + excluded.{c}" for c in table.add]
    # SQLite's max of anything and null is null, PostgreSQL's greatest passes over nulls: say what is meant.
    changes += [f"{c} = {larger}(coalesce(t.{c}, excluded.{c}), coalesce(excluded.{c}, t.{c}))" for c in table.largest]
    changes += [f"{c} = excluded.{c}" for c in table.set]
    changes += [f"{c} = coalesce(excluded.{c}, t.{c})" for c in table.known]
    action = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
    key = ", ".join(("partition", *table.key))
    return f"INSERT INTO {name} AS t ({', '.join(columns)}) {source} ON CONFLICT ({key}) DO {action}"


def _unnest(columns: Sequence[str]) -> str:
    kinds = ("%s::text[]" if c in TEXT_COLUMNS else "%s::bigint[]" for c in columns)
    return f"unnest({', '.join(kinds)})"


def _arrays(columns: Sequence[str], rows: Sequence[Row]) -> tuple[Any, ...]:
    values = zip(*rows, strict=True)
    return tuple(
        arrays.texts(v) if c in TEXT_COLUMNS else arrays.whole(v) for c, v in zip(columns, values, strict=True)
    )
