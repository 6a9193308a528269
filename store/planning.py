"""Keeping PostgreSQL from guessing how big tables are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from store.engine import Database

__all__ = ["measure", "whole_guild"]


@contextmanager
def whole_guild(connection: Connection) -> Iterator[None]:
    """For a statement that joins all rows of one guild: within, PostgreSQL reads each table once and hashes them.

    Just after many rows were written it takes the tables for almost empty, until its own statistics follow a minute
    later, and would read all of one table for each row of the other: 250 s for 100,000 members.
    """
    _allow_loops(connection, "off")
    yield
    _allow_loops(connection, "on")


def _allow_loops(connection: Connection, how: str) -> None:
    if connection.dialect.name == "postgresql":  # SET LOCAL could not be sent on a connection that streams its rows
        connection.exec_driver_sql("SELECT set_config('enable_nestloop', %s, true)", (how,)).scalar_one()


def measure(db: Database, tables: Iterable[str]) -> None:
    """Have PostgreSQL's statistics follow at once after these tables were written anew. Raises DatabaseError."""
    if db.dialect == "postgresql":
        with db.autocommit() as connection:
            connection.exec_driver_sql(f"ANALYZE {', '.join(tables)}")
