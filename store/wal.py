"""SQLite's write-ahead log while very much is written at once: a connection for that, and somebody who tidies up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from store.engine import Database
from store.failures import as_ours, explained

__all__ = ["own_connection", "tidied"]


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
            yield driver
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            kept.close()


@contextmanager
def tidied(db: Database, driver: sqlite3.Connection) -> Iterator[Callable[[], None]]:
    """Meanwhile the connection's commits leave it to another thread to take the log into the database.

    What this gives is to be called after each of them. A commit would read and write all its pages once more, and wait
    for the disk twice, before the next one could begin. Raises DatabaseError.
    """
    (before,) = driver.execute("PRAGMA wal_autocheckpoint").fetchone()
    with ThreadPoolExecutor(1, thread_name_prefix="tidy") as pool:
        last: Future[None] | None = None

        def committed() -> None:
            nonlocal last
            if last is None or last.done():
                done, last = last, pool.submit(db.tidy)
                if done is not None:
                    done.result()

        driver.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            yield committed
        finally:
            driver.execute(f"PRAGMA wal_autocheckpoint = {before}")
        if last is not None:
            last.result()
            db.tidy()
            _shorten(driver)


def _shorten(driver: sqlite3.Connection) -> None:
    """Give back the disk that the log took, unless somebody is using it: later commits would only write over it."""
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")
