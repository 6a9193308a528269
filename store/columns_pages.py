"""Chunks of SQLite's log out of the file's pages (`columns_btree`). Only for a process of its own (`columns_worker`).

It is done only while a reading transaction stands that needs nothing of the write-ahead log, because that is empty:
then SQLite keeps everybody from changing a page of the file for as long as the transaction lasts.
"""

from __future__ import annotations

import mmap
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np

from store.columns_args import Args
from store.columns_ask import Ask, UnfitError
from store.columns_chunk import ARRAYS, Chunk, own_sets
from store.columns_texts import Bytes, Place, Scanner

__all__ = ["by_pages", "events_of", "give_back", "last_of", "place_of", "root_of", "size_of", "still"]

_COLUMNS: Final = [
    "partition", "position", "id", "type", "version", "guild_id", "subject_id", "channel_id", "occurred_at",
    "recorded_at", "data",
]  # fmt: skip

_PATIENCE_S: Final = 3.0
"""How long to wait for those who read: whoever asked may be one of them, for a second."""

_PAUSE_S: Final = 0.05


def by_pages(path: str, ask: Ask) -> Generator[Chunk]:
    """What is asked for, by position. Raises UnfitError, before or between chunks."""
    with events_of(path) as (file, _, root):
        yield from _walked(file, root, ask)


@contextmanager
def events_of(path: str) -> Generator[tuple[mmap.mmap, sqlite3.Connection, int]]:
    """As `still`, and where the table `events` begins. Raises UnfitError."""
    with still(path) as (file, connection):
        if [row[1] for row in connection.execute("PRAGMA table_info(events)")] != _COLUMNS:
            raise UnfitError
        yield file, connection, root_of(connection, "events")


def last_of(connection: sqlite3.Connection, partition: int) -> int:
    """The position of the partition's last event in the table; 0: it has none."""
    asked = "SELECT position FROM events WHERE partition = ? ORDER BY position DESC LIMIT 1"
    found = connection.execute(asked, (partition,)).fetchone()
    return int(found[0]) if found else 0


@contextmanager
def still(path: str) -> Generator[tuple[mmap.mmap, sqlite3.Connection]]:
    """The file's bytes, which nobody changes meanwhile. Raises UnfitError."""
    try:
        address = f"{Path(path).absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, timeout=0.1, isolation_level=None, uri=True)
    except sqlite3.Error:
        raise UnfitError from None
    try:
        _hold(connection, path)
        # Closed later than the connection (by whoever tidies up): closing a file takes all locks on it away.
        file = Path(path).open("rb")  # noqa: SIM115
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), connection
    finally:
        connection.close()


def _hold(connection: sqlite3.Connection, path: str) -> None:
    """Begin the transaction that keeps the file as it is."""

    def one(sql: str) -> tuple[Any, ...]:
        return tuple(connection.execute(sql).fetchone() or ())

    try:
        if one("PRAGMA journal_mode") != ("wal",) or one("PRAGMA encoding") != ("UTF-8",):
            raise UnfitError
        one("PRAGMA wal_checkpoint(PASSIVE)")  # stops nobody, and leaves the next one little to do
        patient_until = time.monotonic() + _PATIENCE_S
        while one("PRAGMA wal_checkpoint(TRUNCATE)")[0]:  # somebody reads what was in it
            if time.monotonic() > patient_until:
                raise UnfitError
            time.sleep(_PAUSE_S)  # for whoever waits to write
        connection.execute("BEGIN")
        one("SELECT COUNT(*) FROM sqlite_schema")
        if Path(f"{path}-wal").stat().st_size:
            raise UnfitError
    except (sqlite3.Error, OSError, IndexError):
        raise UnfitError from None


def root_of(connection: sqlite3.Connection, table: str) -> int:
    """The number of the table's first page. Raises UnfitError if it is none WITHOUT ROWID."""
    asked = "SELECT rootpage, sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    found = connection.execute(asked, (table,)).fetchone()
    if found is None or not str(found[1]).rstrip().upper().endswith("WITHOUT ROWID"):
        raise UnfitError
    return int(found[0])


def size_of(pages: np.ndarray) -> int:
    """How many bytes a page has."""
    size = int.from_bytes(pages[16:18].tobytes())
    return 65_536 if size == 1 else size


def _walked(file: mmap.mmap, root: int, ask: Ask) -> Iterator[Chunk]:
    pages, args = np.frombuffer(file, np.uint8), Args()
    scanner = Scanner(place_of(pages, root, ask), ask.rows, args, Lock())
    for found in scanner.find(ask.after, ask.upto):
        arrays = {name: getattr(found, name).copy() for name in ARRAYS}
        role_sets = own_sets(arrays["kind"], arrays["arg"], args.role_sets)
        yield Chunk(**arrays, rest=found.rest, role_sets=role_sets)
        give_back(file)


def place_of(pages: Bytes, root: int, ask: Ask) -> Place:
    """Where what is asked for is."""
    guilds = None if ask.guilds is None else np.array(sorted(ask.guilds), np.int64)
    return Place(pages=pages, page_size=size_of(pages), root=root, partition=ask.partition, guilds=guilds)


def give_back(file: mmap.mmap) -> None:
    """Leaves the memory of the pages that were read to others."""
    if hasattr(mmap, "MADV_DONTNEED"):  # nobody changed these copies: the file's pages take their place
        file.madvise(mmap.MADV_DONTNEED)
