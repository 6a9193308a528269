"""New SQLite databases of a test process, laid out as the migrations left the first one.

To run the migrations takes a tenth of a second, and tests make a thousand databases: each comparison of the figures
with the log folds into one of its own. Files that fixtures copy, and those of tests that ask for `really_migrated`, are
migrated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection

from store import migrate

__all__ = ["REALLY", "lay_out"]

REALLY: Final = migrate._migrate
_HEAD: Final = migrate.HEAD

_Step = tuple[str, list[tuple[Any, ...]]]
_kept: list[_Step] = []


def lay_out(connection: Connection, name: str, found: str | None) -> None:
    """As `store.migrate._migrate`, which it calls for the first one and for whatever is not new."""
    if found is not None or connection.dialect.name != "sqlite" or _HEAD != migrate.HEAD:
        REALLY(connection, name, found)
        return
    if not _kept:
        REALLY(connection, name, found)
        _kept[:] = _steps(connection)  # at once: threads may open databases
        return
    for statement, rows in _kept:
        for row in rows:
            connection.exec_driver_sql(statement, row)


def _steps(connection: Connection) -> list[_Step]:
    """What makes another one like this, in the order in which things were made here."""
    ask: Callable[[str], Any] = connection.exec_driver_sql
    made = ask("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").all()
    steps: list[_Step] = [(sql, [()]) for _, name, sql in made if not name.startswith("sqlite_")]
    for kind, name, _ in made:
        rows = [tuple(row) for row in ask(f"SELECT * FROM {name}")] if kind == "table" else []
        if rows:
            steps.append((f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows))
    return steps
