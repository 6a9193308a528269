"""Deltas in bulk give what the same deltas one by one would give, nulls and odd text included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import bulk
from store.engine import Database
from store.schema import TEXT_COLUMNS
from tests.examples import examples
from tracker.projections.rows import TABLES, Row, Table

WHOLE = st.none() | st.integers(-(2**40), 2**40)
ODD = ("", "NULL", "{a,b}", '"quoted"', "back\\slash", "김민준 🎙️", "tab\tand\nline", "%s ? :x", "'")
TEXT = st.none() | st.sampled_from(ODD) | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)


def deltas(table: Table) -> st.SearchStrategy[dict[Row, Row]]:
    """Values by key; few keys, so that they meet again."""

    def column(name: str) -> st.SearchStrategy[Any]:
        if name in table.add:
            return st.integers(-(2**40), 2**40)
        return TEXT if name in TEXT_COLUMNS else WHOLE

    key = st.tuples(st.integers(0, 1), *(st.integers(1, 2) for _ in table.key))
    return st.dictionaries(key, st.tuples(*(column(c) for c in table.columns[len(table.key) :])), max_size=8)


def merged(table: Table, before: Row | None, delta: Row) -> Row:
    if before is None:
        return delta
    cells = []
    for name, old, new in zip(table.columns[len(table.key) :], before, delta, strict=True):
        if name in table.add:
            cells.append(old + new)
        elif name in table.largest:
            cells.append(max((v for v in (old, new) if v is not None), default=None))
        elif name in table.known and new is None:
            cells.append(old)
        else:
            cells.append(new)
    return tuple(cells)


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_upserts_add_enlarge_set_and_fill_in(database: Database, name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    width, expected = 1 + len(table.key), dict[Row, Row]()
    with database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM {name}")
        for batch in data.draw(st.lists(deltas(table), max_size=3)):
            bulk.upsert(connection, table, [key + values for key, values in batch.items()])
            for key, values in batch.items():
                expected[key] = merged(table, expected.get(key), values)
        stored = connection.exec_driver_sql(f"SELECT partition, {', '.join(table.columns)} FROM {name}").all()
        assert {tuple(row[:width]): tuple(row[width:]) for row in stored} == expected
        doomed = list(expected)[::2]
        bulk.delete_keys(connection, table, doomed)
        left = connection.exec_driver_sql(f"SELECT partition, {', '.join(table.key)} FROM {name}").all()
        assert {tuple(row) for row in left} == expected.keys() - set(doomed)


def test_truth_values_are_written_as_numbers(database: Database) -> None:
    with database.write() as connection:
        bulk.upsert(
            connection, TABLES["channels"], [(0, 1, 2, "name", "voice", None, True), (0, 1, 3, None, None, 5, False)]
        )
        rows = connection.exec_driver_sql("SELECT channel_id, parent_id, afk FROM channels ORDER BY channel_id").all()
    assert [tuple(row) for row in rows] == [(2, None, 1), (3, 5, 0)]


def test_a_forgotten_member_is_deleted_from_every_table_with_a_user_and_nobody_else_is(database: Database) -> None:
    with database.write() as connection:
        for name in bulk.TABLES_WITH_A_USER:
            table = TABLES[name]
            for user in (5, 6):
                cells = {"user_id": user, "guild_id": 1, **dict.fromkeys(table.add, 0)}
                key_or_null = (cells.get(c, user if c in table.key else None) for c in table.columns)
                bulk.upsert(connection, table, [(0, *key_or_null)])
        bulk.delete_members(connection, [(0, 1, 5), (0, 2, 6)])
        for name in bulk.TABLES_WITH_A_USER:
            assert connection.exec_driver_sql(f"SELECT user_id FROM {name}").scalars().all() == [6], name


def test_more_rows_than_fit_into_one_statement_are_all_written(database: Database) -> None:
    rows = [(0, 1, role, f"role {role}") for role in range(45_000)]
    with database.write() as connection:
        bulk.upsert(connection, TABLES["roles"], rows)
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM roles").scalar_one() == len(rows)
