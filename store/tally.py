"""Counts what a process asks of its database, for the benchmark and for tests of how much a flush may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from store.engine import Database

__all__ = ["Tally", "tally"]


@dataclass(slots=True, kw_only=True)
class Tally:
    """`statements`: SQL statements run, BEGIN and COMMIT left out; one that is run for many rows at once is one.

    `turns`: BEGIN, COMMIT and ROLLBACK, each of which is a round trip of its own to a PostgreSQL server. `texts`: the
    statements themselves.
    """

    statements: int = 0
    turns: int = 0
    texts: list[str] = field(default_factory=list)

    @property
    def round_trips(self) -> int:
        """How often the process waits for the database's answer."""
        return self.statements + self.turns


@contextmanager
def tally(db: Database) -> Iterator[Tally]:
    """Counts while it is open. Statements that other threads run meanwhile are counted too."""
    count = Tally()

    def on_statement(_connection: Any, _cursor: Any, text: str, _parameters: Any, _context: Any, _many: bool) -> None:
        if text.startswith("BEGIN"):
            count.turns += 1
        else:
            count.statements += 1
            count.texts.append(text)

    def on_turn(connection: Any) -> None:
        # In autocommit there is no transaction to begin or to end, though SQLAlchemy speaks of one.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            count.turns += 1

    heard: list[tuple[str, Callable[..., Any]]] = [
        ("before_cursor_execute", on_statement),
        ("commit", on_turn),
        ("rollback", on_turn),
    ]
    if db.dialect == "postgresql":  # SQLite's is a statement of our own; psycopg sends one with the first statement
        heard.append(("begin", on_turn))
    # PostgreSQL's reader is the writer with other options, and is heard through it.
    engines = [db.engine, db.reader] if db.dialect == "sqlite" else [db.engine]
    places = [(engine, name, listener) for engine in engines for name, listener in heard]
    for place in places:
        event.listen(*place)
    try:
        yield count
    finally:
        for place in places:
            event.remove(*place)
