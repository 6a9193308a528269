"""A rebuild's tables: filled beside the live ones, checked, and swapped in; on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import bulk, shadow_spool, state
from store.engine import Database
from store.schema import metadata
from store.shadow import Shadow, fingerprints, sweep
from store.shadow_tables import SHADOWS
from tests.store.living import Writer, tables
from tests.store.shadows import add_changes, add_rows
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START, fact
from tests.store.test_bulk import deltas
from tracker.errors import DatabaseError
from tracker.ids import GuildId, Partition, partition_of
from tracker.projections.rows import TABLES, Changes, Row

DAY = 20_260_301


def stored(db: Database, name: str, *, shadow: bool = False) -> list[Row]:
    with db.read() as connection:
        columns = ", ".join(("partition", *TABLES[name].columns))
        rows = connection.exec_driver_sql(f"SELECT {columns} FROM {SHADOWS[name] if shadow else name}").all()
        return sorted(map(tuple, rows), key=repr)


def swapped(db: Database, shadow: Shadow) -> None:
    shadow.finish()
    shadow.check()
    with db.write() as connection:
        shadow.swap(connection)


def daily(user: int, *, guild: int = GUILD, ms: int = 5) -> Row:
    return (guild, DAY, user, CHANNEL, ms, 1, 2, 3, 4, 5, 6, 7, START)


def partition(guild: int, db: Database) -> Partition:
    return partition_of(GuildId(guild), db.partitions)


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_late_rows_leave_what_upserts_would_leave(database: Database, name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    batches = data.draw(st.lists(deltas(table), max_size=4))
    with Shadow.create(database, [Partition(0), Partition(1)]) as shadow, database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM {name}")
        for number, batch in enumerate(batches):
            rows = [key + values for key, values in batch.items()]
            bulk.upsert(connection, table, rows)
            for p in (0, 1):
                add_rows(shadow, name, p, [row[1:] for row in rows if row[0] == p], fresh=number == 0)
        connection.commit()
        shadow.finish()
        assert stored(database, name, shadow=True) == stored(database, name)
        assert shadow.fingerprints() == shadow.handed_in
        with database.read() as reading:
            assert fingerprints(reading, names=[name]) == fingerprints(reading, live=False, names=[name])


def test_the_swap_leaves_exactly_the_schema_and_all_names_as_the_migrations_make_them(database: Database) -> None:
    before = names(database)
    for _ in range(2):
        with Shadow.create(database, database.all_partitions) as shadow:
            add_rows(shadow, "daily", 0, [daily(1)], fresh=True)
            swapped(database, shadow)
        assert names(database) == before
        with database.read() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    assert stored(database, "daily") == [(0, *daily(1))]


def names(db: Database) -> Any:
    """Every table, index and constraint with its definition, as the database knows them."""
    asked = (
        ["SELECT type, name, tbl_name, replace(sql, '\"', '') FROM sqlite_master"]
        if db.dialect == "sqlite"
        else [
            "SELECT c.relname, c.relkind, c.relpersistence, c.reloptions::text, pg_get_indexdef(i.indexrelid) "
            "FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid "
            "WHERE relnamespace = 'public'::regnamespace",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace",
            "SELECT attrelid::regclass::text, attname, attnum, attnotnull, atttypid FROM pg_attribute "
            "WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')",
        ]
    )
    with db.read() as connection:
        return [sorted(map(repr, connection.exec_driver_sql(statement).all())) for statement in asked]
