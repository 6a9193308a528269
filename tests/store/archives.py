"""What the tests of the archive share: a database that is emptied with its archive, and what is in files and tables."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from store import archive, archive_moving, archive_place, log
from store.archive import Segment
from store.archive_shelves import FileInside, FileOnDisk
from store.engine import Database
from tests.store.support import START
from tests.store.test_rebuild import emptied
from tracker.ids import Ms

__all__ = ["archive_all", "archive_until", "files", "fresh", "kept", "raw", "segments", "spoil", "used"]


def fresh(db: Database, place: Path | None) -> None:
    """Back to a new database without an archive."""
    emptied(db)
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)
    with db.write() as connection:
        for name in ("archive_contents", "archive_segments", "archive_ids", "archive_guilds"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.exec_driver_sql("DELETE FROM tracker_info WHERE name <> 'partitions'")
    db.archived.reset()


def archive_until(db: Database, before: int, place: Path | None) -> int:
    """Archives what was before the instant, into that directory or (None) within the database; how many events went."""
    return archive_moving.archive_before(db, Ms(before), now=START, folder=place, lease=None).events


def archive_all(db: Database, place: Path | None) -> int:
    """Archives all that is counted."""
    return archive_until(db, 1 << 60, place)


def segments(db: Database) -> list[Segment]:
    with db.read() as connection:
        return archive.all_segments(connection)


def files(db: Database) -> set[str]:
    """What the archive's files are called that are there, in use or not."""
    with db.read() as connection:
        place = archive.place(connection)
    return set() if archive_place.is_away(place) else {name for name in place.names() if name.endswith(".parquet")}


def used(db: Database) -> set[str]:
    """What those are called that are in use."""
    return {segment.file.name for segment in segments(db)}


def spoil(segment: Segment, content: bytes | None) -> None:
    """Other content in the place of a file's; None: no file."""
    file = segment.file
    if content is None:
        file.remove()
    elif isinstance(file, FileInside):
        with file.engine.connect().execution_options(postgresql_readonly=False) as connection, connection.begin():
            statement = "UPDATE archive_contents SET content = %s WHERE partition = %s AND file = %s"
            assert connection.exec_driver_sql(statement, (content, file.partition, file.name)).rowcount == 1
    else:
        assert isinstance(file, FileOnDisk)
        file.path.write_bytes(content)


def raw(db: Database) -> list[tuple[Any, ...]]:
    """The rows of the table `events`."""
    with db.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM events ORDER BY partition, position")
        return [tuple(row) for row in rows]


def kept(db: Database) -> list[Any]:
    """All events of the log, wherever they are, as they are read."""
    return [recorded for p in db.all_partitions for recorded in log.read(db, p)]
