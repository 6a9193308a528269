"""What the tests of the archive share: a database that is emptied with its archive, and what is in files and tables."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from store import archive, archive_moving, log
from store.archive import Segment
from store.engine import Database
from tests.store.support import START
from tests.store.test_rebuild import emptied
from tracker.ids import Ms

__all__ = ["archive_all", "archive_until", "fresh", "kept", "raw", "segments"]


def fresh(db: Database, folder: Path) -> None:
    """Back to a new database without an archive."""
    emptied(db)
    shutil.rmtree(folder, ignore_errors=True)
    with db.write() as connection:
        for name in ("archive_segments", "archive_ids", "archive_guilds"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("DELETE FROM tracker_info WHERE name <> 'partitions'")
    db.archived.reset()


def archive_until(db: Database, before: int, folder: Path) -> int:
    """Archives what was before the instant; how many events went."""
    return archive_moving.archive_before(db, Ms(before), now=START, folder=folder, lease=None).events


def archive_all(db: Database, folder: Path) -> int:
    """Archives all that is counted."""
    return archive_until(db, 1 << 60, folder)


def segments(db: Database) -> list[Segment]:
    with db.read() as connection:
        return archive.all_segments(connection)


def raw(db: Database) -> list[tuple[Any, ...]]:
    """The rows of the table `events`."""
    with db.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM events ORDER BY partition, position")
        return [tuple(row) for row in rows]


def kept(db: Database) -> list[Any]:
    """All events of the log, wherever they are, as they are read."""
    return [recorded for p in db.all_partitions for recorded in log.read(db, p)]
