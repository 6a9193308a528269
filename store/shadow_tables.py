"""The shadow tables themselves: made like the live ones, given their keys, put in the live ones' place, dropped.

What a live table is like is read from the database, where the migrations have made it, so that a table that took its
place is the same in every respect: columns, key, indexes, room left in pages to come, and who may read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any, Final

from sqlalchemy import Connection, inspect

from store.engine import Database
from store.failures import explained
from store.planning import READ_ALONE
from store.shadow_hash import SUFFIX
from store.wal import own_connection, tidied
from tracker.ids import GuildId, Partition, partition_of
from tracker.projections.rows import TABLES

__all__ = [
    "SHADOWS", "aside", "complete", "drop", "drop_behind", "make", "need_not_last", "others_build_on_them",
    "replace_guilds", "replace_partitions", "sweep", "take_places",
]  # fmt: skip

SHADOWS: Final = {name: name + SUFFIX for name in TABLES}
"""The shadow table of each read model."""

_OLD: Final = "__old"
"""Behind the name of a table whose place was taken, until it is dropped."""

_LOOK_S: Final = 1.0

_PAST: Final = frozenset({"daily", "sessions"})
"""Of these most rows are of days gone by, and never change again."""

_SORTING_KB: Final = 256 << 10
"""PostgreSQL: so much memory a key may take while it is made, if the server's own setting allows less: what is in order
already is then never put down in between."""

_SORT_IN_MEMORY: Final = (
    "SELECT set_config('maintenance_work_mem', greatest(setting::bigint, "  # noqa: S608 - a number of our own
    f"{_SORTING_KB})::text, true) FROM pg_settings WHERE name = 'maintenance_work_mem'"
)

_MEASURED: Final = (
    "SELECT set_config('default_statistics_target', least(setting::int, 30)::text, true) "
    "FROM pg_settings WHERE name = 'default_statistics_target'"
)
"""PostgreSQL: of a table a rebuild measures some 9,000 rows, most of them in pages of their own. As the server is set
otherwise, all pages would be read once more for it; and so it measures again once a tenth of the rows have changed.
"""

_TABLE: Final = re.compile(r'^CREATE TABLE "?(\w+)"?')
_INDEX: Final = re.compile(r'^(CREATE (?:UNIQUE )?INDEX) "?(\w+)"? ON (?:"?\w+"?\.)?"?(\w+)"?')

_GRANTS: Final = """
SELECT format('GRANT %%s ON %%I TO %%s%%s', string_agg(a.privilege_type, ', '), %s::text,
  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
WHERE c.oid = %s::regclass AND a.grantee <> c.relowner GROUP BY a.grantee, a.is_grantable
"""


def aside(db: Database) -> Path:
    """SQLite: the file in which a rebuild's rows are put down before they are in the database."""
    return Path(f"{db.name}-rebuild")


def make(connection: Connection) -> None:
    """Makes an empty shadow table for each read model; on PostgreSQL without key and indexes."""
    for name, shadow in SHADOWS.items():
        if connection.dialect.name == "sqlite":
            made = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
            definition = str(connection.exec_driver_sql(made, (name,)).scalar_one())
            connection.exec_driver_sql(_TABLE.sub(f"CREATE TABLE {shadow}", definition, count=1))
        else:
            options = "" if name in _PAST else _options(connection, name)
            room = f" WITH ({options})" if options else ""
            connection.exec_driver_sql(
                f"CREATE TABLE {shadow} (LIKE {name} INCLUDING DEFAULTS INCLUDING STORAGE){room}"
            )


def _options(connection: Connection, name: str) -> str:
    """PostgreSQL: with what a live table was made, such as the room that is left in its pages."""
    asked = "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = %s::regclass"
    return str(connection.exec_driver_sql(asked, (name,)).scalar_one() or "")


def complete(connection: Connection, name: str, *, measured: bool = True) -> None:
    """PostgreSQL: gives a filled shadow table the key, the indexes and the readers of the live one, and statistics
    (`measured`); else all the planner knows is how many rows there are, until it is told more (`drop_behind`).

    A table of days gone by was filled without room in its pages; what comes from now on has some beside it. The table
    can be read meanwhile: only at the end this waits for who does.
    """
    need_not_last(connection)
    connection.exec_driver_sql(f"SET LOCAL {READ_ALONE}")
    connection.exec_driver_sql("SET LOCAL maintenance_io_concurrency TO 0")
    # Who else reads the table is somewhere in it; from there on its rows would not be in the order of the key.
    connection.exec_driver_sql("SET LOCAL synchronize_seqscans TO OFF")
    connection.exec_driver_sql(_SORT_IN_MEMORY)
    # The rows lie in the order of the key: workers would each sort a part of what is sorted, to be merged again.
    connection.exec_driver_sql("SET LOCAL max_parallel_maintenance_workers TO 0")
    shadow, key = SHADOWS[name], ", ".join(("partition", *TABLES[name].key))
    if name in _PAST and (options := _options(connection, name)):
        connection.exec_driver_sql(f"ALTER TABLE {shadow} SET ({options})")
    connection.exec_driver_sql(f"CREATE UNIQUE INDEX {shadow}_pkey ON {shadow} ({key})")
    for index, definition in _indexes(connection, name).items():
        connection.exec_driver_sql(_INDEX.sub(rf"\1 {index}{SUFFIX} ON {shadow}", definition, count=1))
    for grant in connection.exec_driver_sql(_GRANTS, (shadow, name)).scalars().all():
        connection.exec_driver_sql(grant)
    if measured:
        connection.exec_driver_sql(_MEASURED)
        connection.exec_driver_sql(f"ANALYZE {shadow}")
    connection.exec_driver_sql(f"ALTER TABLE {shadow} ADD PRIMARY KEY USING INDEX {shadow}_pkey")


def need_not_last(connection: Connection) -> None:
    """PostgreSQL: this transaction's commit does not wait for the disk. A shadow table is of use only after a swap, and
    what that commit makes last, makes all before it last.
    """
    connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")


def _indexes(connection: Connection, name: str) -> dict[str, str]:
    """The statements that make a live table's indexes, its key's apart."""
    asked = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
        "postgresql": "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass AND NOT i.indisprimary",
    }
    rows = connection.exec_driver_sql(asked[connection.dialect.name], (name,)).all()
    return {str(index): str(made) for index, made in rows}


def others_build_on_them(connection: Connection) -> bool:
    """Whether somebody made views, triggers, policies or publications of the live tables: they would go with them."""
    if connection.dialect.name == "sqlite":
        asked = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type IN ('view', 'trigger'))"
        return bool(connection.exec_driver_sql(asked).scalar_one())
    kinds = ", ".join(f"'pg_{kind}'::regclass" for kind in ("rewrite", "trigger", "policy", "publication_rel"))
    asked = (
        "SELECT EXISTS (SELECT 1 FROM pg_depend WHERE refclassid = 'pg_class'::regclass "  # noqa: S608
        f"AND refobjid = ANY (%s::regclass[]) AND classid IN ({kinds}))"
    )
    return bool(connection.exec_driver_sql(asked, ("{" + ",".join(TABLES) + "}",)).scalar_one())


def take_places(connection: Connection, *, big: bool = False) -> None:
    """Puts every shadow table in its live table's place, under its names. The live tables are gone.

    SQLite reads every page of a table that it drops; so there they are only out of the way, and left to `sweep`. So are
    those that are `big` on PostgreSQL, where a commit waits for the system to be rid of their files: until then nobody
    could read the new ones (`drop_behind`).
    """
    sqlite = connection.dialect.name == "sqlite"
    aside = sqlite or big
    for name, shadow in SHADOWS.items():
        indexes = _indexes(connection, name)
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {name}{_OLD}" if aside else f"DROP TABLE {name}")
        for index in (f"{name}_pkey", *indexes) if big and not sqlite else ():
            connection.exec_driver_sql(f"ALTER INDEX {index} RENAME TO {index}{_OLD}")
        connection.exec_driver_sql(f"ALTER TABLE {shadow} RENAME TO {name}")
        if sqlite:  # where indexes cannot be renamed
            for index, definition in indexes.items():
                connection.exec_driver_sql(f"DROP INDEX {index}")
                connection.exec_driver_sql(definition)
        else:
            for index in (f"{name}_pkey", *indexes):
                given = f"{shadow}_pkey" if index == f"{name}_pkey" else index + SUFFIX
                connection.exec_driver_sql(f"ALTER INDEX {given} RENAME TO {index}")


def replace_partitions(connection: Connection, partitions: Collection[Partition]) -> None:
    """Replaces all rows of these partitions by those of the shadow tables."""
    _replace(connection, ("partition",), [(p,) for p in partitions])


def replace_guilds(connection: Connection, guilds: Collection[GuildId], partitions: int) -> None:
    """Replaces all rows of these guilds by those of the shadow tables. `partitions`: how many the database has."""
    _replace(connection, ("partition", "guild_id"), [(partition_of(g, partitions), g) for g in guilds])


def _replace(connection: Connection, columns: Sequence[str], wanted: Sequence[tuple[int, ...]]) -> None:
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    where = " AND ".join(f"{column} = {mark}" for column in columns)
    for name, shadow in SHADOWS.items():
        named = ", ".join(("partition", *TABLES[name].columns))
        for values in sorted(wanted):
            connection.exec_driver_sql(f"DELETE FROM {name} WHERE {where}", values)  # noqa: S608
            connection.exec_driver_sql(
                f"INSERT INTO {name} ({named}) SELECT {named} FROM {shadow} WHERE {where}",  # noqa: S608
                values,
            )


def drop(connection: Connection, shadows: Collection[str]) -> None:
    """Drops shadow tables, if they are there."""
    for shadow in shadows:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {shadow}")


def drop_behind(db: Database) -> None:
    """PostgreSQL: has the server measure the tables that took others' places, and drop those; does not wait for it.

    It goes on with what it was told when nobody listens any more. Should it not come to its end: `sweep` drops them,
    and the server itself measures tables of which much is new.
    """
    import psycopg

    with explained(db.name):
        kept = db.engine.raw_connection()
    try:
        driver: Any = kept.driver_connection
        old = ", ".join(name + _OLD for name in SHADOWS)
        # Apart: what still reads the old tables is in the way of dropping them, and not of the rest.
        told = f"BEGIN; {_MEASURED}; ANALYZE {', '.join(SHADOWS)}; COMMIT; DROP TABLE IF EXISTS {old}"
        with suppress(psycopg.Error):
            driver.pgconn.send_query(told.encode())
            while driver.pgconn.flush():
                select([], [driver.pgconn.socket], [], _LOOK_S)
    finally:
        kept.invalidate()


def sweep(db: Database, *, but_old: bool = False) -> list[str]:
    """Drops what a rebuild left, each table in a transaction of its own; returns their names, and that of its file.

    `but_old`: those whose places were taken are being dropped already. Only for who holds the writer's lease: a rebuild
    that is still going on would lose its tables. Raises DatabaseError.
    """
    with db.read() as connection:
        found = set(inspect(connection).get_table_names())
    if but_old:
        found -= {name + _OLD for name in SHADOWS}
    left = [left for name, shadow in SHADOWS.items() for left in (shadow, name + _OLD) if left in found]
    if db.dialect == "sqlite":
        _drop_apart(db, left)
    else:
        for shadow in left:
            with db.write() as connection:
                drop(connection, [shadow])
    if db.dialect == "sqlite" and aside(db).exists():
        aside(db).unlink()
        left.append(aside(db).name)
    return left


def _drop_apart(db: Database, left: Collection[str]) -> None:
    """SQLite reads every page of a table that it drops, and writes zeros into it: nobody is to find there what a member
    who asked to be forgotten once did.
    """
    if left:
        with own_connection(db) as driver, tidied(db, driver) as committed:
            driver.execute("PRAGMA secure_delete = ON")  # not every SQLite has it so by itself
            for shadow in left:
                # A statement on its own: within a transaction SQLite would keep what each page held, in memory, to
                # be able to take back this statement alone.
                driver.execute(f"DROP TABLE {shadow}")
                committed()
