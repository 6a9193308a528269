"""Keeping PostgreSQL from guessing how big tables are, and how best to read one from end to end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection

from store.engine import Database

__all__ = ["READ_ALONE", "measure", "whole_guild"]

READ_ALONE: Final = "effective_io_concurrency TO 0"
"""PostgreSQL, for `SET`: who reads a table from end to end does so by itself. From 18 on other processes of the server
would do it, which costs as much again; and what comes next, the system reads ahead anyway."""


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
