"""A swap among others who read: none of them is harmed, and the swap says who is in its way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from store.engine import Database
from store.shadow import Shadow
from tests.databases import only_sqlite
from tests.store.shadows import add_rows
from tests.store.support import GUILD
from tests.store.test_shadow import daily, everything, fill, home, one_of_each, swap
from tracker.errors import DatabaseError


@pytest.fixture
def postgresql(postgresql: Database) -> Database:
    """With rows. (SQLite's readers never wait for a writer.)"""
    fill(postgresql, one_of_each(postgresql, GUILD))
    return postgresql


@pytest.fixture
def shadow(postgresql: Database) -> Iterator[Shadow]:
    """A finished rebuild of a row."""
    with Shadow.create(postgresql, postgresql.all_partitions) as made:
        add_rows(made, "daily", home(postgresql), [daily(ms=77)])
        made.finish()
        yield made


@pytest.fixture
def other(postgresql: Database, database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program's connection."""
    address = make_url(database_url).set(drivername="postgresql").update_query_dict({"application_name": "dashboard"})
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


SUM = "SELECT sum(voice_ms) FROM daily"


def test_a_reader_goes_on_reading_its_state_and_then_sees_the_new_one(database: Database) -> None:
    fill(database, one_of_each(database, GUILD))
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "daily", home(database), [daily(ms=77)])
        with database.read() as connection:
            before = connection.exec_driver_sql(SUM).scalar_one()
            shadow.finish()
            assert connection.exec_driver_sql(SUM).scalar_one() == before
        swap_only(database, shadow)
    with database.read() as connection:
        assert connection.exec_driver_sql(SUM).scalar_one() == 77


def swap_only(db: Database, shadow: Shadow) -> None:
    with db.write() as connection:
        shadow.swap(connection)


@only_sqlite  # elsewhere the swap waits for them
def test_sqlite_readers_keep_their_snapshot_through_a_swap(database: Database) -> None:
    fill(database, one_of_each(database, GUILD))
    with Shadow.create(database, database.all_partitions) as shadow, database.read() as connection:
        before = connection.exec_driver_sql(SUM).scalar_one()
        swap(database, shadow)
        assert connection.exec_driver_sql(SUM).scalar_one() == before


def test_prepared_statements_of_others_go_on_with_the_new_table(
    postgresql: Database, shadow: Shadow, other: psycopg.Connection[Any]
) -> None:
    for _ in range(3):
        other.execute(SUM, prepare=True)
    other.execute("PREPARE by_hand AS SELECT * FROM daily")
    swap_only(postgresql, shadow)
    assert other.execute(SUM, prepare=True).fetchone() == (77,)
    rows = other.execute("EXECUTE by_hand").fetchall()
    assert [row[5] for row in rows] == [77]


def test_a_transaction_from_before_the_rebuild_does_not_find_the_new_table_empty(
    postgresql: Database, shadow: Shadow, database_url: str
) -> None:
    with postgresql.read() as old:
        old.exec_driver_sql("SELECT 1").scalar_one()  # its snapshot is taken here
        with Shadow.create(postgresql, postgresql.all_partitions) as later:
            add_rows(later, "daily", home(postgresql), [daily(ms=88)])
            swap(postgresql, later)
        assert old.exec_driver_sql(SUM).scalar_one() == 88


def test_who_reads_too_long_is_named_and_nothing_is_changed(
    postgresql: Database, shadow: Shadow, other: psycopg.Connection[Any]
) -> None:
    before = everything(postgresql)
    with other.transaction():
        other.execute("SELECT count(*) FROM totals")
        said = rf"server process {other.info.backend_pid} \(dashboard\)\); nothing was changed"
        with pytest.raises(DatabaseError, match=said):
            swap_only(postgresql, shadow)
    assert everything(postgresql) == before
    swap_only(postgresql, shadow)
    assert other.execute(SUM).fetchone() == (77,)


def test_a_reader_that_asks_for_one_table_after_the_other_is_not_ended_by_the_server(
    postgresql: Database, shadow: Shadow, other: psycopg.Connection[Any]
) -> None:
    def swapping() -> None:
        try:
            swap_only(postgresql, shadow)
        except DatabaseError as error:
            said.append(error)

    said: list[DatabaseError] = []
    thread = threading.Thread(target=swapping)
    with other.transaction():
        other.execute("SELECT count(*) FROM rules")  # the last that the swap asks for
        thread.start()
        deadline = time.monotonic() + 300
        while not waiting(postgresql) and time.monotonic() < deadline:
            time.sleep(0.01)
        for name in ("daily", "sessions", "totals"):  # which the swap holds by now: a deadlock, if both were patient
            other.execute(f"SELECT count(*) FROM {name}")
    thread.join()
    assert said == []
    assert other.execute(SUM).fetchone() == (77,)


def waiting(db: Database) -> bool:
    with db.read() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one()
    return bool(found)


def test_settings_of_the_callers_transaction_are_as_before_the_swap(postgresql: Database, shadow: Shadow) -> None:
    with postgresql.write() as connection:
        asked = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        connection.exec_driver_sql("SET LOCAL lock_timeout = '7s'")
        before = tuple(connection.exec_driver_sql(asked).one())
        shadow.swap(connection)
        assert tuple(connection.exec_driver_sql(asked).one()) == before == ("7s", "0")


def test_who_was_allowed_to_read_the_tables_still_is(postgresql: Database, other: psycopg.Connection[Any]) -> None:
    role = f"reader_{other.info.backend_pid}"
    other.execute(f"CREATE ROLE {role}".encode())
    try:
        other.execute(f"GRANT SELECT ON daily, totals TO {role}".encode())
        other.execute(f"GRANT UPDATE ON totals TO {role} WITH GRANT OPTION".encode())
        asked = (
            "SELECT relname, privilege_type, is_grantable FROM pg_class CROSS JOIN aclexplode(relacl) "
            f"WHERE grantee = '{role}'::regrole ORDER BY relname, privilege_type"
        )
        before = other.execute(asked.encode()).fetchall()
        with Shadow.create(postgresql, postgresql.all_partitions) as shadow:
            swap(postgresql, shadow)
        assert len(before) == 3
        assert other.execute(asked.encode()).fetchall() == before
    finally:
        other.execute(f"DROP OWNED BY {role}".encode())
        other.execute(f"DROP ROLE {role}".encode())


def test_a_view_that_somebody_made_is_still_there_after_a_swap_and_shows_the_new_rows(database: Database) -> None:
    fill(database, one_of_each(database, GUILD))
    with database.write() as connection:
        connection.exec_driver_sql("CREATE VIEW by_day AS SELECT day, sum(voice_ms) AS ms FROM daily GROUP BY day")
    with Shadow.create(database, database.all_partitions) as shadow:
        add_rows(shadow, "daily", home(database), [daily(ms=77)])
        swap(database, shadow)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT ms FROM by_day").scalars().all() == [77]
    assert {name for name, rows in everything(database).items() if rows} == {"daily"}
