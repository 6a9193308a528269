"""SQLite's write-ahead log while very much is written at once: a connection for that, and somebody who tidies up."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, Protocol

from store.engine import Database
from store.failures import as_ours, explained

__all__ = ["Committed", "own_connection", "taken_in", "tidied"]

_PATIENCE_S: Final = 3.0
"""How long to wait for those who read."""

_PAUSE_S: Final = 0.05

_CACHE_KIB: Final = 32_000
"""How much of what was not committed is kept in memory: what no longer fits is written a page at a time."""


class Committed(Protocol):
    """To be called after each commit."""

    def __call__(self, then: Callable[[], None] | None = None) -> None:
        """`then` is called by another thread once all of it is in the database's own file; or never, where somebody
        reads behind it for long.
        """


@contextmanager
def own_connection(db: Database) -> Iterator[sqlite3.Connection]:
    """A connection of the driver's that does not wait for the disk at each commit: the swap's commit does, for all.

    The write-ahead log is still made durable before it is taken into the database, so that nobody else's commit is at
    risk. Raises DatabaseError.
    """
    with explained(db.name), as_ours():
        kept = db.engine.raw_connection()
        driver: Any = kept.driver_connection
        kept.detach()
        try:
            driver.execute("PRAGMA synchronous = NORMAL")
            driver.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            yield driver
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            kept.close()


@contextmanager
def tidied(db: Database, driver: sqlite3.Connection, *, last: bool = True) -> Iterator[Committed]:
    """Meanwhile the connection's commits leave it to another thread to take the log into the database.

    A commit would read and write all its pages once more, and wait for the disk twice, before the next one could begin.
    `last`: nobody is about to write as much again, so that the log's disk is given back. Raises DatabaseError.
    """
    (before,) = driver.execute("PRAGMA wal_autocheckpoint").fetchone()
    with _Tidier(db) as tidier:
        driver.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            yield tidier.committed
        finally:
            driver.execute(f"PRAGMA wal_autocheckpoint = {before}")
        if tidier.finish() and last:
            _shorten(driver)


class _Tidier:
    """Takes the log in behind somebody's commits, in a thread of its own."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tidy")
        self._turn = Lock()
        self._untidy = self._busy = False
        self._then: list[Callable[[], None]] = []
        self._running: Future[None] | None = None

    def __enter__(self) -> _Tidier:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def committed(self, then: Callable[[], None] | None = None) -> None:
        """See Committed. Raises what went wrong in the thread."""
        with self._turn:
            if then is not None:
                self._then.append(then)
            self._untidy = True
            if self._busy:
                return
            self._busy, before = True, self._running
            self._running = self._pool.submit(self._tidy)
        if before is not None:
            before.result()

    def finish(self) -> bool:
        """Wait until all that was committed is taken in; False: there was nothing."""
        if self._running is not None:
            self._running.result()
        return self._running is not None

    def _tidy(self) -> None:
        patient_until = time.monotonic() + _PATIENCE_S
        try:
            while self._is_untidy():
                with self._turn:
                    several, self._then = self._then, []
                if self._db.tidy():
                    for then in several:
                        then()
                    patient_until = time.monotonic() + _PATIENCE_S
                    continue
                patient = bool(several) and time.monotonic() < patient_until
                with self._turn:
                    self._then = several + self._then
                    self._untidy |= patient
                if patient:
                    time.sleep(_PAUSE_S)  # for somebody who reads behind it
        except BaseException:
            self._busy = False
            raise

    def _is_untidy(self) -> bool:
        with self._turn:
            self._busy, self._untidy = self._untidy, False
            return self._busy


def taken_in(db: Database) -> bool:
    """Take all that is committed by now into the database's own file; False: somebody reads behind it for long.

    Raises DatabaseError.
    """
    patient_until = time.monotonic() + _PATIENCE_S
    while not db.tidy():
        if time.monotonic() > patient_until:
            return False
        time.sleep(_PAUSE_S)
    return True


def _shorten(driver: sqlite3.Connection) -> None:
    """Give back the disk that the log took, unless somebody is using it: later commits would only write over it."""
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")
