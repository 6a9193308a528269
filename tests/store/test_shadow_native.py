"""The fingerprint that PostgreSQL makes of a table by itself, and the same of the rows that are handed in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import shadow_native
from store.engine import Database
from store.schema import TEXT_COLUMNS
from store.shadow import Shadow, fingerprints
from store.shadow_hash import SUFFIX
from tests.databases import only_postgresql
from tests.examples import examples
from tests.store.shadows import add_rows
from tests.store.support import GUILD
from tests.store.test_shadow import home, row_of
from tracker.errors import DatabaseError
from tracker.projections.rows import TABLES, Row

pytest.importorskip("numba")


@settings(max_examples=examples(200))
@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=9), st.lists(st.text(max_size=40), max_size=9))
def test_a_number_and_a_text_count_by_all_of_their_bytes(numbers: list[int], texts: list[str]) -> None:
    found = shadow_native.hashes_of(numbers, texts)
    assert found == shadow_native.hashes_of(numbers, texts)
    for i, number in enumerate(numbers):
        assert found != shadow_native.hashes_of([*numbers[:i], number ^ 1, *numbers[i + 1 :]], texts)
    for i, text in enumerate(texts):
        assert found != shadow_native.hashes_of(numbers, [*texts[:i], text + "\0", *texts[i + 1 :]])


FAULTS = (
    "DELETE FROM carries__shadow WHERE user_id = 7",
    "INSERT INTO carries__shadow SELECT * FROM carries__shadow WHERE user_id = 7",
    "UPDATE carries__shadow SET carry_ms = 17 - carry_ms WHERE user_id IN (8, 9)",
    "UPDATE carries__shadow SET user_id = 17 - user_id WHERE user_id IN (8, 9)",
    "UPDATE carries__shadow SET carry_ms = user_id + 1, user_id = carry_ms WHERE user_id = 5",
    "UPDATE carries__shadow SET carry_ms = carry_ms + 1, channel_id = channel_id - 31 WHERE user_id = 7",
    "UPDATE carries__shadow SET carry_ms = carry_ms + CASE user_id WHEN 8 THEN 1 ELSE -1 END WHERE user_id IN (8, 9)",
)


@only_postgresql
def test_whatever_becomes_of_one_cell_is_found(database: Database) -> None:
    """Of a row of zeros, of empty texts, and of nulls: a zero, a null and an empty text are three things."""
    empty = {name: _empty(name) for name in TABLES}
    with Shadow.create(database, database.all_partitions, bulk=True) as shadow:
        for name, row in empty.items():
            add_rows(shadow, name, home(database), [row])
        shadow.finish()
        shadow.check()
        with database.write() as connection:
            for name, table in TABLES.items():
                nullable = set(connection.exec_driver_sql(_NULLABLE, (name,)).scalars())
                for column in set(table.columns) - {*table.key}:
                    values = (
                        ("' '", "'0'") if column in TEXT_COLUMNS else ("1", "-1", "1::bigint << 32", "1::bigint << 63")
                    )
                    for value in [*values, *(["NULL"] if column in nullable else [])]:
                        undone = connection.begin_nested()
                        connection.exec_driver_sql(f"UPDATE {name}{SUFFIX} SET {column} = {value}")
                        found = shadow_native.native_fingerprint(connection, name)
                        assert found != shadow.handed_in[name], (name, column, value)
                        undone.rollback()
                assert shadow_native.native_fingerprint(connection, name) == shadow.handed_in[name]


_NULLABLE = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'YES'"


def _empty(name: str) -> Row:
    table = TABLES[name]
    keys = dict.fromkeys(table.key, 77) | {"guild_id": GUILD}
    return tuple(keys.get(c, "" if c in TEXT_COLUMNS else 0) for c in table.columns)


@only_postgresql
def test_rows_that_are_lost_doubled_or_mixed_up_are_found(database: Database) -> None:
    with Shadow.create(database, database.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "carries", home(database), [(GUILD, user, 40, user) for user in range(20)])
        shadow.finish()
        shadow.check()
        with database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE carries__shadow DROP CONSTRAINT carries__shadow_pkey")
            for fault in FAULTS:
                undone = connection.begin_nested()
                connection.exec_driver_sql(fault)
                assert shadow_native.native_fingerprint(connection, "carries") != shadow.handed_in["carries"], fault
                undone.rollback()
            connection.exec_driver_sql(FAULTS[0])
        with pytest.raises(DatabaseError, match="table carries was rebuilt with 20 rows and holds 19 rows"):
            shadow.check()


@only_postgresql
@pytest.mark.parametrize("why", ["another hash", "no such function"])
def test_where_the_server_makes_something_else_the_rows_are_added_up_as_on_any_database(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    why: str,
) -> None:
    if why == "another hash":
        monkeypatch.setattr(shadow_native, "hashes_of", lambda *_: 7)
    else:
        monkeypatch.setattr(shadow_native, "_hash_of", lambda cells: "no_such_function(0)")

    def refused(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(shadow_native, "native_fingerprint", refused)
    monkeypatch.setattr(shadow_native, "fingerprint_of_native", refused)
    rows = [row_of("sessions", number) for number in range(9)]
    with Shadow.create(database, database.all_partitions, bulk=True) as shadow:
        add_rows(shadow, "sessions", home(database), rows)
        shadow.finish()
        shadow.check()
        with database.read() as connection:
            assert fingerprints(connection, live=False) == shadow.handed_in
