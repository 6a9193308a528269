"""Turns what a driver says into the project's own errors, in one sentence and without the address or a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DatabaseError as AlchemyDatabaseError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tracker.errors import DatabaseError, DatabaseNotOursError

__all__ = ["as_ours", "explained", "is_duplicate"]

_SAYINGS: Final = (
    ("file is not a database", "not a database at all, or damaged"),
    ("malformed", "damaged"),
    ("locked", "locked by another process"),
    ("busy", "locked by another process"),
    ("lock timeout", "locked by another process"),
    ("disk is full", "full: no room is left on the disk"),
    ("no space left", "full: no room is left on the disk"),
    ("readonly", "read-only: the tracker may not write to it"),
    ("read-only", "read-only: the tracker may not write to it"),
    ("permission denied", "read-only: the tracker may not write to it"),
    ("unable to open", "away: the file cannot be opened"),
    ("disk i/o error", "away: the disk does not answer"),
    ("authentication failed", "closed to us: the user name or the password was refused"),
    ("does not exist", "not there, or something in it is missing"),
    ("no such table", "not there, or something in it is missing"),
)
_NOT_OURS: Final = ("file is not a database",)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Raises DatabaseError `name: what is wrong` for anything that SQLAlchemy or the driver raises within.

    A unique violation passes through as it is: the caller knows what it means (`is_duplicate`).
    """
    try:
        yield
    except SQLAlchemyError as error:
        if is_duplicate(error):
            raise
        raise _explain(name, error) from error


@contextmanager
def as_ours() -> Iterator[None]:
    """What the driver itself raises within, or a file beside the database, raised as SQLAlchemy would."""
    import psycopg

    try:
        yield
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        raise DBAPIError(None, None, error) from error


def is_duplicate(error: BaseException) -> bool:
    """Whether the error is a unique violation."""
    if not isinstance(error, AlchemyDatabaseError) or error.orig is None:
        return False
    sqlstate = getattr(error.orig, "sqlstate", None)
    return sqlstate == "23505" or getattr(error.orig, "sqlite_errorname", "") in {
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
    }


def _explain(name: str, error: SQLAlchemyError) -> DatabaseError:
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    first = (said.strip().splitlines() or [type(error).__name__])[0]
    lowered = said.lower()
    for token, meaning in _SAYINGS:
        if token in lowered:
            kind = DatabaseNotOursError if token in _NOT_OURS else DatabaseError
            return kind(f"database {name} is {meaning} ({first})")
    if isinstance(error, DBAPIError) and (error.connection_invalidated or not _reached(error)):
        return DatabaseError(f"database {name} is away ({first})")
    return DatabaseError(f"database {name}: {first}")


def _reached(error: DBAPIError) -> bool:
    """Whether the server answered at all: a PostgreSQL error without an SQLSTATE never reached it."""
    return getattr(error.orig, "sqlstate", "") is not None
