"""Chunks of PostgreSQL's log out of what the server sends in binary form; numba takes the rows apart.

Where we read the connection's socket ourselves they are an answer to a question: as the server sees it, that takes less
than a COPY. Out of libpq they come by COPY, as it would keep a whole answer. The rows look the same.

Needs numba, and a psycopg that is compiled; what asks for single rows is otherwise slower than Arrow.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from selectors import EVENT_READ, BaseSelector, DefaultSelector
from socket import socket
from typing import TYPE_CHECKING, Final

import numpy as np
import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

from store.columns_ask import Ask, UnfitError
from store.columns_chunk import Chunk
from store.columns_halves import asked, checked, halves, own_connection
from store.columns_question import question
from store.columns_rows import explained_by_driver
from store.engine import Database
from store.own_process import FETCHING, compile_apart
from store.running_ahead import ahead
from tracker.errors import DatabaseError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.columns_fetch import Parts
    from store.columns_libpq import Rows
    from store.columns_texts import Bytes

__all__ = ["by_copy", "can_copy", "copied"]

_BYTES: Final = 12 << 20
"""About how many bytes are taken apart at once, at most."""
_AHEAD: Final = 4
"""How many times as much is fetched meanwhile, of each of two halves: the one that is taken apart next has to be there,
and the server fills no more than is free."""
_LOOK_S: Final = 1.0
"""So often we look when nothing seems to come: of an encrypted packet, something may wait unseen behind the socket."""


@cache
def can_copy() -> bool:
    """Whether there is what it needs, working; once on a machine, that is compiled first."""
    if pq.__impl__ == "python" or find_spec("numba") is None:
        return False
    compile_apart(FETCHING)
    return all(import_module(name).MACHINE.is_to_be_had() for name in FETCHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the server sends, fetched ahead: pieces of bytes, and how much of each it is. `in_packets`: as `Fetcher`.

    `used`: pieces that nobody needs any more.
    """

    pieces: Iterator[tuple[Bytes, int]]
    in_packets: bool
    used: deque[Bytes]


def by_copy(db: Database, ask: Ask) -> Generator[Chunk]:
    """What is asked for, by position. Raises DatabaseError, LogCorruptError."""
    wanted, sql = {ask.partition: (ask.after, ask.upto)}, question(db.partitions, ask.which())
    with own_connection(db) as connection, _asked(db, connection, sql, ask.rows) as answer:
        for chunks in _chunks(db, answer, wanted, ask.rows, ask.partition):
            yield from (chunk for _, chunk in chunks)


@contextmanager
def copied(
    db: Database, sql: str, rows: int
) -> Iterator[Callable[[Mapping[Partition, tuple[int, int]]], Generator[Parts]]]:
    """The rows of `sql`, which is a `question` without an order. From now on they are on their way, as of this instant.

    What is given makes chunks of them, of so many rows. It takes by partition, behind which position rows are wanted
    and up to which one; others are passed over. Two processes of the server send half of the table each. Raises
    DatabaseError, also later; then LogCorruptError, too.
    """
    with halves(db, sql) as parts, ExitStack() as stack:
        answers = [stack.enter_context(_asked(db, connection, part, rows)) for connection, part in parts]

        def chunks(wanted: Mapping[Partition, tuple[int, int]]) -> Generator[Parts]:
            found = deque(_chunks(db, answer, wanted, rows, None) for answer in answers)
            while found:
                try:
                    yield next(found[0])
                    found.rotate(-1)
                except StopIteration:
                    found.popleft()

        yield chunks


@contextmanager
def _asked(db: Database, connection: PGconn, sql: str, rows: int) -> Iterator[_Answer]:
    from store.columns_socket import plain_socket

    plain, used = plain_socket(connection), deque["Bytes"]()
    found = _pieces(db, connection, plain, sql, rows, used)
    with ahead(found, _AHEAD, partial(_cancel, connection)) as pieces:
        yield _Answer(pieces=pieces, in_packets=plain is not None, used=used)


def _chunks(
    db: Database,
    answer: _Answer,
    wanted: Mapping[Partition, tuple[int, int]],
    rows: int,
    only: Partition | None,
) -> Generator[Parts]:
    from store.columns_fetch import Fetcher

    fetcher = Fetcher(rows, wanted, only, db.partitions, in_packets=answer.in_packets)
    for piece, end in answer.pieces:
        try:
            yield from fetcher.take(piece, end)
        except UnfitError:
            raise DatabaseError(f"database {db.name}: the server sends rows that are none of the log's") from None
        answer.used.append(piece)
    if not fetcher.over:
        raise DatabaseError(f"database {db.name}: the log's rows ended too early")
    yield fetcher.left()


def _cancel(connection: PGconn) -> None:
    """Have the server end what it does, or waits for; from another thread."""
    with suppress(psycopg.Error):  # it is over already
        connection.get_cancel().cancel()


def _pieces(
    db: Database, connection: PGconn, plain: socket | None, sql: str, rows: int, used: deque[Bytes]
) -> Generator[tuple[Bytes, int]]:
    """What the server sends, up to so many rows at a time: in memory that is longer, and how much of it that is.

    `plain`: the connection's socket, where rows are read in packets. `used`: memory that nobody needs any more; it is
    taken before new one.
    """
    from store.columns_fetch import SPARE
    from store.columns_socket import Pieces

    with explained_by_driver(db):
        if plain is not None:
            yield from Pieces(plain, sql).pieces(rows, _BYTES, SPARE, used)
        else:
            yield from _by_libpq(connection, sql, rows, used)


def _by_libpq(connection: PGconn, sql: str, rows: int, used: deque[Bytes]) -> Generator[tuple[Bytes, int]]:
    from store.columns_fetch import SPARE
    from store.columns_libpq import ENDED, FAILED, rows_of

    with DefaultSelector() as selector:
        asked(connection, f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", pq.ExecStatus.COPY_OUT)
        selector.register(connection.socket, EVENT_READ)
        with closing(rows_of(connection)) as found:
            why = 0
            while why not in (ENDED, FAILED):
                room = max(_BYTES, found.waiting)
                piece = used.popleft() if used and len(used[0]) >= room + SPARE else np.empty(room + SPARE, np.uint8)
                why = _filled(connection, selector, found, piece[:room], rows)
                yield piece, found.taken
        if why == FAILED:
            raise psycopg.OperationalError(connection.get_error_message())
        while (ended := connection.get_result()) is not None:
            checked(ended, pq.ExecStatus.COMMAND_OK)


def _filled(connection: PGconn, selector: BaseSelector, found: Rows, piece: Bytes, rows: int) -> int:
    """Fill memory with rows, as they come in; returns why that was all."""
    from store.columns_libpq import NOT_YET
    from store.columns_socket import NAP_S

    found.begin()
    before = 0
    while (why := found.into(piece, rows)) == NOT_YET:
        if found.taken > before:
            time.sleep(NAP_S)
        else:
            selector.select(_LOOK_S)
        before = found.taken
        connection.consume_input()
    return why
