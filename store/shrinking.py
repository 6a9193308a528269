"""Giving room that nothing is in back to the disk."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from store import examination
from tracker.errors import DatabaseError

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["shrink"]

_PATIENCE: Final = "10s"
"""So long it waits for those who read PostgreSQL's table; whoever comes meanwhile waits behind it."""


def shrink(db: Database) -> int:
    """Gives the room that is free in a SQLite file, or in PostgreSQL's table of events, back; how many bytes that were.

    Writes it anew, and needs as much room meanwhile as is left of it. Nobody can write to it then, nor read a table of
    PostgreSQL's. Raises DatabaseError, if somebody else is at it for too long for one.
    """
    before = examination.size_bytes(db)
    if db.dialect == "sqlite":
        _whole_file(db)
    else:
        _table_of_events(db)
    return max(before - examination.size_bytes(db), 0)


def _whole_file(db: Database) -> None:
    connection = db.engine.raw_connection()  # within a transaction it would be refused
    try:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(statement)
    except sqlite3.Error as error:
        raise DatabaseError(f"database {db.name} could not be made smaller: {error}") from error
    finally:
        connection.close()


def _table_of_events(db: Database) -> None:
    with db.autocommit() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{_PATIENCE}'")
        try:
            connection.exec_driver_sql("VACUUM (FULL, ANALYZE) events")
        finally:
            connection.exec_driver_sql("RESET lock_timeout")
