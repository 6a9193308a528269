"""Chunks of PostgreSQL's log out of a binary COPY: the server sends rows nearly as they are; numba takes them apart.

Needs numba, and a psycopg that is compiled; what asks for single rows is otherwise slower than Arrow.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from importlib.util import find_spec
from selectors import EVENT_READ, DefaultSelector
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from store.columns_ask import Ask, UnfitError
from store.columns_chunk import Chunk
from store.columns_rows import explained_by_driver
from store.engine import Database
from store.failures import explained
from store.running_ahead import ahead
from tracker.errors import DatabaseError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.columns_fetch import Parts

__all__ = ["by_copy", "can_copy", "copied"]

_BYTES: Final = 24 << 20
"""About how many bytes are taken apart at once, at most."""
_AHEAD: Final = 2
"""How many times as much is fetched meanwhile."""
_TEXT_COLUMNS: Final = (2, 3, 10)


@cache
def can_copy() -> bool:
    """Whether there is what it needs, working."""
    if pq.__impl__ == "python" or find_spec("numba") is None:
        return False
    try:
        import store.columns_fetch  # noqa: F401
    except (ImportError, RuntimeError):  # numba is broken, or finds no directory for what it compiles
        return False
    return True


def by_copy(db: Database, ask: Ask) -> Generator[Chunk]:
    """What is asked for, by position. Raises DatabaseError, LogCorruptError."""
    wanted = {ask.partition: (ask.after, ask.upto)}
    with closing(_chunks(db, ask.sql(), wanted, ask.rows, ask.partition)) as found:
        for chunks in found:
            yield from (chunk for _, chunk in chunks)


def copied(db: Database, sql: str, wanted: Mapping[Partition, tuple[int, int]], rows: int) -> Generator[Parts]:
    """The rows of `sql` (partition, *COLUMNS), in its order within each partition.

    `wanted`: by partition, behind which position and up to which one; other rows are passed over. Raises DatabaseError,
    LogCorruptError.
    """
    yield from _chunks(db, sql, wanted, rows, None)


def _chunks(
    db: Database, sql: str, wanted: Mapping[Partition, tuple[int, int]], rows: int, only: Partition | None
) -> Generator[Parts]:
    from store.columns_fetch import Fetcher

    fetcher, asked = Fetcher(rows, wanted, only), list[PGconn]()
    with closing(ahead(_pieces(db, sql, rows, asked), _AHEAD, partial(_cancel, asked))) as pieces:
        for piece in pieces:
            try:
                yield from fetcher.take(piece)
            except UnfitError:
                raise DatabaseError(f"database {db.name}: the server sends rows that are none of the log's") from None
    if not fetcher.over:
        raise DatabaseError(f"database {db.name}: the log's rows ended too early")


def _cancel(asked: Sequence[PGconn]) -> None:
    """Have the server end what it does, or waits for; from another thread."""
    for connection in asked:
        with suppress(psycopg.Error):  # it is over already
            connection.get_cancel().cancel()


def _pieces(db: Database, sql: str, rows: int, asked: list[PGconn]) -> Generator[bytearray]:
    """What the server sends: some megabytes at a time, as it comes in. `asked`: on which connection."""
    with explained_by_driver(db), _own_connection(db) as connection, DefaultSelector() as selector:
        asked.append(connection)
        _asked(connection, "SET client_encoding TO 'UTF8'", pq.ExecStatus.COMMAND_OK)
        _asked(connection, f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", pq.ExecStatus.COPY_OUT)
        selector.register(connection.socket, EVENT_READ)
        piece, count, next_one = bytearray(), 0, connection.get_copy_data
        while True:
            length, data = next_one(1)
            if length > 0:
                piece += data
                count += 1
                if count == rows or len(piece) > _BYTES:
                    yield piece
                    piece, count = bytearray(), 0
            elif length == 0:  # not here yet
                selector.select()
                connection.consume_input()
            else:
                break
        yield piece
        while (ended := connection.get_result()) is not None:
            _checked(ended, pq.ExecStatus.COMMAND_OK)


def _asked(connection: PGconn, sql: str, wanted: int) -> None:
    _checked(connection.exec_(sql.encode()), wanted)


def _checked(result: PGresult, wanted: int) -> None:
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result)


@contextmanager
def _own_connection(db: Database) -> Iterator[PGconn]:
    """A connection that ends with this, so that the server stops sending, too."""
    with explained(db.name):
        kept = db.engine.raw_connection()
    try:
        driver: Any = kept.driver_connection
        yield driver.pgconn
    finally:
        kept.invalidate()
