"""A rebuild's tables: filled beside the live ones, checked, and swapped in; on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import bulk, state
from store.engine import Database, open_database
from store.schema import TEXT_COLUMNS, metadata
from store.shadow import Fingerprint, Shadow, fingerprints, sweep
from store.shadow_tables import SHADOWS
from tests.databases import only_sqlite
from tests.examples import examples
from tests.properties.communities import Community, communities
from tests.properties.folding import with_ticks
from tests.store.living import tables
from tests.store.shadows import add_changes, add_rows
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START
from tests.store.test_bulk import deltas
from tracker.errors import DatabaseError
from tracker.ids import GuildId, Partition, partition_of
from tracker.projections.rows import TABLES, Changes, Row
from tracker.projections.state import PartitionState

DAY = 20_260_301
EVERYWHERE = [Partition(0), Partition(1)]


def stored(db: Database, name: str, *, shadow: bool = False) -> list[Row]:
    """All rows (partition, *columns) of a table."""
    with db.read() as connection:
        columns = ", ".join(("partition", *TABLES[name].columns))
        rows = connection.exec_driver_sql(f"SELECT {columns} FROM {SHADOWS[name] if shadow else name}").all()
    return sorted(map(tuple, rows), key=repr)


def everything(db: Database) -> dict[str, list[Row]]:
    return {name: stored(db, name) for name in TABLES}


def swap(db: Database, shadow: Shadow) -> None:
    shadow.finish()
    shadow.check()
    with db.write() as connection:
        shadow.swap(connection)


def daily(user: int = 1, *, guild: int = GUILD, ms: int = 5) -> Row:
    return (guild, DAY, user, CHANNEL, ms, 1, 2, 3, 4, 5, 6, 7, START)


def home(db: Database, guild: int = GUILD) -> Partition:
    return partition_of(GuildId(guild), db.partitions)


def row_of(name: str, number: int, guild: int = GUILD) -> Row:
    """Some row of a table."""
    cells = (f"{c} {number} 🎙️" if c in TEXT_COLUMNS else number * 1_000 + i for i, c in enumerate(TABLES[name].columns))
    return (guild, *list(cells)[1:])


def fill(db: Database, rows: dict[str, Sequence[Row]]) -> None:
    """Writes rows (partition, *columns) as a flush does."""
    with db.write() as connection:
        for name, some in rows.items():
            bulk.upsert(connection, TABLES[name], some)


def one_of_each(db: Database, *guilds: int, number: int = 1) -> dict[str, Sequence[Row]]:
    return {name: [(home(db, g), *row_of(name, number, g)) for g in guilds] for name in TABLES}


def add_all(shadow: Shadow, rows: Mapping[str, Sequence[Row]], *, fresh: bool = True) -> None:
    for name, some in rows.items():
        for partition in {row[0] for row in some}:
            add_rows(shadow, name, partition, [row[1:] for row in some if row[0] == partition], fresh=fresh)


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_fresh_and_late_rows_leave_what_flushes_would_leave(database: Database, data: st.DataObject) -> None:
    with Shadow.create(database, EVERYWHERE) as shadow:
        with database.write() as connection:
            for name, table in TABLES.items():
                connection.exec_driver_sql(f"DELETE FROM {name}")
                for number, batch in enumerate(data.draw(st.lists(deltas(table), max_size=3))):
                    rows = [key + values for key, values in batch.items()]
                    bulk.upsert(connection, table, rows)
                    add_all(shadow, {name: rows}, fresh=number == 0)
        shadow.finish()
        for name in TABLES:
            assert stored(database, name, shadow=True) == stored(database, name)
        with database.read() as connection:
            assert fingerprints(connection) == shadow.fingerprints() == shadow.handed_in


def folded(community: Community) -> Changes:
    folding = PartitionState(partition=Partition(0))
    for event in with_ticks(community.events, [community.until]):
        folding.apply(event)
    return folding.drain()


@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(community=communities(moves=40))
def test_a_community_swapped_in_is_what_write_changes_writes(database: Database, community: Community) -> None:
    changes = {Partition(0): folded(community)}
    with database.write() as connection:
        for name in TABLES:
            connection.exec_driver_sql(f"DELETE FROM {name}")
        state.write_changes(connection, changes)
    expected = tables(database)
    with Shadow.create(database, database.all_partitions) as shadow:
        add_changes(shadow, changes)
        swap(database, shadow)
    assert tables(database) == expected
    assert expected["daily"] or expected["members"]


def test_the_swap_leaves_all_names_indexes_and_constraints_as_the_migrations_make_them(database: Database) -> None:
    before = definitions(database)
    for number in (1, 2):
        with Shadow.create(database, database.all_partitions) as shadow:
            add_all(shadow, one_of_each(database, GUILD, number=number))
            swap(database, shadow)
        assert definitions(database) == before
        with database.read() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert everything(database) == one_of_each(database, GUILD, number=number)


def definitions(db: Database) -> list[list[str]]:
    """Every table, index, column and constraint, as the database itself describes them."""
    ours = "(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')"
    asked = (
        ["SELECT type, name, tbl_name, replace(sql, '\"', '') FROM sqlite_master"]
        if db.dialect == "sqlite"
        else [
            "SELECT c.relname, c.relkind, c.relpersistence, c.reloptions::text, pg_get_indexdef(c.oid) "
            "FROM pg_class c WHERE relnamespace = 'public'::regnamespace",
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
            f"FROM pg_constraint WHERE conrelid IN {ours}",
            "SELECT attrelid::regclass::text, attname, attnum, attnotnull, atttypid "
            f"FROM pg_attribute WHERE attrelid IN {ours}",
        ]
    )
    with db.read() as connection:
        return [sorted(map(repr, connection.exec_driver_sql(statement).all())) for statement in asked]


def test_open_sessions_are_found_as_before_after_a_swap(database: Database) -> None:
    rows = [
        (GUILD, DAY, user, START + user, CHANNEL, None if user == 7 else START, 0, 1, 2, 3) for user in range(3_000)
    ]
    where = f"partition = {home(database)} AND ended_at IS NULL"
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    asked = [f"{explain} SELECT {what} FROM sessions WHERE {where}" for what in ("*", "min(started_at)", "user_id")]

    def plans() -> list[Any]:
        with database.read() as connection:
            return [connection.exec_driver_sql(statement).all() for statement in asked]

    before = plans()
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "sessions", home(database), rows)
        swap(database, shadow)
    by_index = "sessions"
    if database.dialect == "sqlite":  # which would refuse an index that is not there or does not fit
        assert plans() == before
        by_index = "sessions INDEXED BY sessions_open"
    else:
        assert "sessions_open" in repr(plans())
    with database.read() as connection:
        assert connection.exec_driver_sql(f"SELECT user_id FROM {by_index} WHERE {where}").scalars().all() == [7]


def test_after_a_swap_the_tables_are_written_to_as_before(database: Database) -> None:
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "daily", home(database), [daily(ms=5)])
        swap(database, shadow)
    fill(database, {"daily": [(home(database), *daily(ms=7))]})
    assert stored(database, "daily")[0][5] == 12


@pytest.fixture
def in_parts(database_url: str, tmp_path: Any) -> Any:
    """A database of several partitions."""
    url = f"sqlite:///{tmp_path / 'parts.db'}" if database_url.startswith("sqlite") else database_url
    with_parts = open_database(url, partitions=4)
    yield with_parts
    with_parts.close()


def test_some_partitions_are_replaced_and_the_others_left(in_parts: Database) -> None:
    assert home(in_parts, GUILD) != home(in_parts, OTHER_GUILD)
    fill(in_parts, one_of_each(in_parts, GUILD, OTHER_GUILD))
    with Shadow.create(in_parts, [home(in_parts)]) as shadow:
        add_all(shadow, one_of_each(in_parts, GUILD, number=2))
        swap(in_parts, shadow)
    new, old = one_of_each(in_parts, GUILD, number=2), one_of_each(in_parts, OTHER_GUILD)
    assert everything(in_parts) == {name: sorted([*new[name], *old[name]], key=repr) for name in TABLES}


def test_some_guilds_are_replaced_and_the_others_left(database: Database) -> None:
    third = GuildId(GUILD + 1)  # of the same partition as the first
    fill(database, one_of_each(database, GUILD, OTHER_GUILD, third))
    with Shadow.create(database, database.all_partitions) as shadow:
        add_all(shadow, one_of_each(database, GUILD, OTHER_GUILD, third, number=2))
        shadow.finish()
        with database.write() as connection:
            shadow.swap_guilds(connection, [GUILD, OTHER_GUILD])
    new, old = one_of_each(database, GUILD, OTHER_GUILD, number=2), one_of_each(database, third)
    assert everything(database) == {name: sorted([*new[name], *old[name]], key=repr) for name in TABLES}


def test_a_swap_that_is_rolled_back_leaves_the_old_tables_and_can_be_done_again(database: Database) -> None:
    fill(database, one_of_each(database, GUILD))
    before = everything(database), definitions(database)
    with Shadow.create(database, database.all_partitions) as shadow:
        add_all(shadow, one_of_each(database, GUILD, number=2))
        shadow.finish()
        with database.write() as connection:
            shadow.swap(connection)
            connection.rollback()
        assert everything(database) == before[0]
        with database.write() as connection:
            shadow.swap(connection)
    assert everything(database) == one_of_each(database, GUILD, number=2)
    assert definitions(database) == before[1]


@pytest.mark.parametrize("name", ["daily", "sessions", "members", "rules", "session_days"])
def test_a_changed_cell_a_lost_row_and_an_added_one_are_seen_in_the_database_too(database: Database, name: str) -> None:
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, name, home(database), [row_of(name, n) for n in range(5)])
        shadow.finish()
        shadow.check()
        key = f"guild_id = {GUILD} AND {TABLES[name].key[1]} = {row_of(name, 3)[1]}"
        plants = [
            f"UPDATE {SHADOWS[name]} SET {c} = " + ("'x'" if c in TEXT_COLUMNS else f"{c} + 1") + f" WHERE {key}"
            for c in ("partition", *TABLES[name].columns)
        ]
        nulled = TABLES[name].largest + TABLES[name].set + TABLES[name].known
        plants += [f"UPDATE {SHADOWS[name]} SET {c} = NULL WHERE {key}" for c in nulled]
        plants.append(f"DELETE FROM {SHADOWS[name]} WHERE {key}")
        for plant in plants:
            with database.write() as connection:
                connection.exec_driver_sql(plant)
                assert fingerprints(connection, live=False)[name] != shadow.handed_in[name], plant
                connection.rollback()
        with database.write() as connection:
            connection.exec_driver_sql(plants[-1])
        with pytest.raises(DatabaseError, match=f"table {name} was rebuilt with 5 rows and holds 4"):
            shadow.check()


def test_fingerprints_of_some_partitions_and_guilds_count_only_these(database: Database) -> None:
    fill(database, one_of_each(database, GUILD, OTHER_GUILD))
    with database.read() as connection:
        both, one, other = (fingerprints(connection, guilds=guilds) for guilds in (None, [GUILD], [OTHER_GUILD]))
        assert all(one[name] + other[name] == both[name] for name in TABLES)
        assert all(both[name] - one[name] == other[name] != one[name] for name in TABLES)
        assert fingerprints(connection, partitions=database.all_partitions) == both
        assert set(fingerprints(connection, guilds=[]).values()) == {Fingerprint()}


def test_what_a_killed_rebuild_left_is_dropped_and_the_live_tables_are_not(database: Database) -> None:
    before = definitions(database)
    fill(database, one_of_each(database, GUILD))
    left = Shadow.create(database, database.all_partitions)
    add_all(left, one_of_each(database, GUILD, number=2))
    left.finish()
    again = Shadow.create(database, database.all_partitions)
    again.finish()
    assert set(again.fingerprints().values()) == {Fingerprint()}
    assert sorted(sweep(database)) == sorted(SHADOWS.values())
    assert sweep(database) == []
    assert definitions(database) == before
    assert everything(database) == one_of_each(database, GUILD)


def test_a_row_that_was_handed_in_twice_is_refused_before_anything_is_swapped(database: Database) -> None:
    before = definitions(database)
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "daily", home(database), [daily(1), daily(2)])
        add_rows(shadow, "daily", home(database), [daily(2)])
        with pytest.raises(ValueError, match="daily was handed the fresh row"):
            shadow.finish()
    assert definitions(database) == before


def test_what_the_database_says_while_it_is_filled_comes_as_our_error(database: Database) -> None:
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "daily", home(database), [daily()])
        sweep(database)
        with pytest.raises(DatabaseError, match="not there, or something in it is missing"):
            shadow.finish()


@only_sqlite  # elsewhere writers of other tables are not in the way
def test_a_writer_that_does_not_let_go_of_sqlite_is_told_of(database_url: str, database: Database) -> None:
    hasty = open_database(database_url, busy_ms=20)
    with Shadow.create(hasty, hasty.all_partitions) as shadow:
        add_rows(shadow, "daily", 0, [daily()])
        with database.write(), pytest.raises(DatabaseError, match="locked by another process"):
            shadow.finish()
    hasty.close()


def test_rows_of_a_partition_that_is_not_rebuilt_are_refused(in_parts: Database) -> None:
    with Shadow.create(in_parts, [Partition(1)]) as shadow, pytest.raises(ValueError, match="partition 2 is none"):
        add_rows(shadow, "daily", 2, [daily()])


def test_many_rows_of_every_table_arrive(database: Database) -> None:
    many = [name for name in TABLES if name != "guilds"]
    rows = {name: [(home(database), *row_of(name, n)) for n in range(1_500)] for name in many}
    for n in range(64):
        rows["sessions"][n] = (*rows["sessions"][n][:5], *(None if n >> i & 1 else n for i in range(6)))
    with Shadow.create(database, database.all_partitions) as shadow:
        add_all(shadow, rows)
        swap(database, shadow)
    assert {name: stored(database, name) for name in many} == {n: sorted(some, key=repr) for n, some in rows.items()}
