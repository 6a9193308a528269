"""Connections of our own to PostgreSQL, on which a COPY is asked for: one, or two that share a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from store.columns_rows import explained_by_driver
from store.engine import Database
from store.failures import explained
from store.planning import READ_ALONE

__all__ = ["asked", "checked", "halves", "own_connection"]

_BY_PLACE: Final = 140_000
"""From this version on the server reads nothing but the pages that are asked for."""

_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_LONG_ROW: Final = "SELECT repeat(' ', 1000000)"
"""An answer for which libpq makes room; then it takes more at once of what comes after."""

_HALF: Final = "SELECT pg_export_snapshot(), relpages / 2 FROM pg_class WHERE oid = 'events'::regclass"
"""As the server's statistics have it: who asks for a table's size waits for whoever has locked it."""


@contextmanager
def own_connection(db: Database) -> Iterator[PGconn]:
    """A connection that ends with this, so that the server stops sending, too. Raises DatabaseError."""
    with explained(db.name):
        kept = db.engine.raw_connection()
    try:
        driver: Any = kept.driver_connection
        connection: PGconn = driver.pgconn
        with explained_by_driver(db):
            asked(connection, "SET client_encoding TO 'UTF8'", pq.ExecStatus.COMMAND_OK)
            asked(connection, f"SET {READ_ALONE}", pq.ExecStatus.COMMAND_OK)
            asked(connection, _LONG_ROW, pq.ExecStatus.TUPLES_OK)
        yield connection
    finally:
        kept.invalidate()


@contextmanager
def halves(db: Database, sql: str) -> Iterator[list[tuple[PGconn, str]]]:
    """What to ask for on which connection to have all rows of `sql`, which reads the table `events`, as of one instant.

    That is one half of the table's pages each, as far as the server knows how many it has: sending takes it longer than
    reading takes us. Where it would have to go through all of them twice, there is only one. Raises DatabaseError.
    """
    with ExitStack() as stack:
        first = stack.enter_context(own_connection(db))
        with explained_by_driver(db):
            asked(first, _BEGIN, pq.ExecStatus.COMMAND_OK)
            snapshot, half = _row(first)
        if first.server_version < _BY_PLACE or not int(half) > 0:
            yield [(first, sql)]
            return
        second = stack.enter_context(own_connection(db))
        with explained_by_driver(db):
            asked(second, _BEGIN, pq.ExecStatus.COMMAND_OK)
            asked(second, f"SET TRANSACTION SNAPSHOT '{snapshot}'", pq.ExecStatus.COMMAND_OK)
        place = f"{sql} {'AND' if ' WHERE ' in sql else 'WHERE'} ctid"
        yield [(first, f"{place} < '({half},0)'"), (second, f"{place} >= '({half},0)'")]


def _row(connection: PGconn) -> tuple[str, str]:
    found = asked(connection, _HALF, pq.ExecStatus.TUPLES_OK)
    snapshot, half = (str(found.get_value(0, i) or b"", "ascii") for i in range(2))
    return snapshot, half


def asked(connection: PGconn, sql: str, wanted: int) -> PGresult:
    """What the server answers. Raises psycopg.Error for what is not as `wanted`."""
    return checked(connection.exec_(sql.encode()), wanted)


def checked(result: PGresult, wanted: int) -> PGresult:
    """The result. Raises psycopg.Error for what is not as `wanted`."""
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result)
    return result
