"""The ways into shadow tables: as statements, by COPY, or by way of a file of our own whose tables SQLite copies."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from store.engine import Database
from store.failures import as_ours
from store.shadow_beside import Beside
from store.shadow_copy import Packer, copy_binary, insert_rows, insert_sorted
from store.shadow_hash import text_cells
from store.shadow_spool import Spool
from store.shadow_tables import SHADOWS, aside, need_not_last
from store.wal import own_connection, tidied
from tracker.projections.rows import TABLES

__all__ = ["Write", "Writer", "copying", "inserting", "paging"]

Write = Callable[[str, str, Spool], None]
"""Writes all rows that the spool has of a table into another one: (name, target, spool)."""

_FLOWING: Final = ("daily", "sessions", "unearned", "role_changes", "carries")
"""PostgreSQL: the tables of which most rows are, each with a connection of its own. They have no texts."""


_ENOUGH: Final = 16
"""So many connections must be free for that: twice as many as are needed."""

_ROOM: Final = """
SELECT least(current_setting('max_connections')::int, nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
  - (SELECT count(*) FROM pg_stat_activity)
FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """`write`: see Write. `flowing`: tables whose rows are all sent in one statement, whenever some are there; of the
    others each call is a statement of its own, or more. `end`: no more rows of those that are flowing come.
    """

    write: Write
    flowing: frozenset[str] = frozenset()
    end: Callable[[], object] = list


@contextmanager
def inserting(db: Database) -> Iterator[Writer]:
    """SQLite: by statements."""
    with own_connection(db) as driver:
        yield Writer(write=partial(insert_sorted, driver))


@contextmanager
def copying(db: Database, there: Callable[[Collection[str]], None], *, compiled: bool) -> Iterator[Writer]:
    """PostgreSQL: by COPY, each table in one transaction in which it was emptied, as FREEZE demands. `there` is told of
    tables of which all rows are committed, while those of others are still on their way.

    `compiled`: the biggest tables go through connections of their own, whose processes of the server work meanwhile;
    unless others might go short of connections then.
    """
    with ExitStack() as stack:
        rest = stack.enter_context(ExitStack())
        ways = stack.enter_context(ExitStack())  # they end before the rest, the biggest one first
        flowing: dict[str, Write] = {}
        for name in _FLOWING[::-1] if compiled and _room(db) >= _ENOUGH else ():
            cursor = _emptied(ways, db, [name], there)
            flowing[name] = ways.enter_context(Beside(cursor, _packer(ways, cursor)))
        cursor = _emptied(rest, db, SHADOWS.keys() - flowing.keys(), there)
        here: Write = partial(_copied, cursor, _packer(rest, cursor) if compiled else None)

        def write(name: str, target: str, spool: Spool) -> None:
            flowing.get(name, here)(name, target, spool)

        yield Writer(write=write, flowing=frozenset(flowing), end=ways.close)


def _room(db: Database) -> int:
    """How many more connections the server allows us."""
    with db.read() as connection:
        return int(connection.exec_driver_sql(_ROOM).scalar_one())


def _packer(stack: ExitStack, cursor: Any) -> Packer:
    return stack.enter_context(closing(Packer(cursor)))


def _emptied(stack: ExitStack, db: Database, names: Collection[str], there: Callable[[Collection[str]], None]) -> Any:
    """A cursor of the driver's in a transaction that ends with `stack`. These tables' shadows are empty in it."""
    with ExitStack() as opened:
        opened.push(lambda failed, *_: None if failed else there(names))
        connection = opened.enter_context(db.write())
        opened.enter_context(as_ours())
        need_not_last(connection)
        connection.exec_driver_sql(f"TRUNCATE {', '.join(SHADOWS[name] for name in sorted(names))}")
        stack.push(opened.pop_all())
    return connection.connection.cursor()


def _copied(cursor: Any, packer: Packer | None, name: str, target: str, spool: Spool) -> None:
    copy_binary(cursor, packer, name, target, spool.chunks(name), spool)


@contextmanager
def paging(db: Database, there: Callable[[str], None]) -> Iterator[Writer]:
    """SQLite: rows are written page by page into a file beside the database; those that are too long for it by
    statements.

    At the end SQLite copies whole rows from there, which takes a third of the time of inserting them. Rows must come
    in the order of their keys, over all calls. `there` is told, by another thread, of each table of which all rows are
    in the database's own file, while others are still copied.
    """
    from store.pages_file import PageFile, too_long

    with own_connection(db) as driver, ExitStack() as stack:
        path = aside(db)
        stack.callback(path.unlink, missing_ok=True)
        made, rows_of = stack.enter_context(PageFile(path, _definitions(driver))), dict.fromkeys(TABLES, 0)

        def write(name: str, target: str, spool: Spool) -> None:
            texts, key = text_cells(TABLES[name]), len(TABLES[name].key) + 1
            for rows in spool.chunks(name):
                rows_of[name] += len(rows)
                if not texts:
                    made.add(target, rows, key)
                    continue
                long = too_long(rows, texts)
                if long.any():
                    insert_rows(driver, name, target, rows[long], spool)
                made.add(target, rows[~long], key, texts, spool.letters())

        yield Writer(write=write)
        made.finish()
        biggest_first = sorted(rows_of, key=lambda name: (-rows_of[name], name))
        _take_over(db, driver, path, biggest_first, there)


def _definitions(driver: sqlite3.Connection) -> dict[str, str]:
    asked = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return {shadow: driver.execute(asked, (shadow,)).fetchone()[0] for shadow in SHADOWS.values()}


def _take_over(
    db: Database, driver: sqlite3.Connection, path: Path, names: Sequence[str], there: Callable[[str], None]
) -> None:
    """Copies these tables one after the other; so the last ones, of which nothing is read before, should be small."""
    driver.execute("ATTACH ? AS aside", (str(path),))
    try:
        with tidied(db, driver, last=False) as committed:  # the old tables are dropped next
            for name in names:
                # A statement on its own, as in `shadow_tables`. Of tables that are alike, `SELECT *` into an empty one
                # is taken row by row as they are.
                driver.execute(f"INSERT INTO main.{SHADOWS[name]} SELECT * FROM aside.{SHADOWS[name]}")  # noqa: S608
                committed(partial(there, name))
    finally:
        driver.execute("DETACH aside")
