"""Erasing names from archived events: a file that holds some is written anew, and takes the old one's place.

The new files are written first. One transaction, the caller's, puts them into use; after it the old ones are removed,
at the next chance if not at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, update

from store import archive, archive_files, archive_place
from store.archive import Segment
from store.archive_reading import current
from store.schema import archive_segments
from tracker.errors import DatabaseError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["rewritten"]


@contextmanager
def rewritten(db: Database, partition: Partition, data: Mapping[int, str]) -> Iterator[Callable[[Connection], None]]:
    """Writes files in which the events at these positions have other data; gives what puts them into use.

    `data`: by position; those that are not archived are passed over. The caller calls what is given within its
    transaction, and commits that before it leaves. On an error the new files are removed again.
    Raises ArchiveAwayError, LogCorruptError, ConfigError, DatabaseError.
    """
    with db.read() as connection:
        touched = [
            segment
            for segment in archive.segments(connection, partition)
            if any(segment.first <= position <= segment.last for position in data)
        ]
    if touched:
        archive_place.sweep(db)
    made: list[tuple[Segment, Segment]] = []

    def swap(connection: Connection) -> None:
        for old, new in made:
            _swap(connection, old, new)

    try:
        for segment in touched:
            made.append((segment, _written(db, segment, data)))  # noqa: PERF401  (what is made must be known on an error)
        yield swap
    except BaseException:
        archive_place.remove(db, [new.file for _, new in made])
        raise
    if made:
        archive_place.remove(db, [old.file for old, _ in made])
        archive_place.write_manifest(db)


def _written(db: Database, segment: Segment, data: Mapping[int, str]) -> Segment:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = archive_files.read_whole(current(db, segment)).combine_chunks()
    changed = sorted(p for p in data if segment.first <= p <= segment.last)
    mask = pc.is_in(table["position"], value_set=pa.array(changed, pa.int64()))
    column = archive_files.COLUMNS.index("data")
    texts = pc.replace_with_mask(
        table["data"].combine_chunks(), mask.combine_chunks(), pa.array([data[p] for p in changed], pa.string())
    )
    name = archive_place.new_file(segment.partition, segment.first, segment.last)
    with db.write() as connection:
        archive_place.note(connection, name)
        file = archive.place(connection).file(segment.partition, name)
    erased = table.set_column(column, table.schema.field(column), texts)
    sha256, size = archive_files.write(file, erased)
    return replace(segment, file=file, sha256=sha256, bytes=size)


def _swap(connection: Connection, old: Segment, new: Segment) -> None:
    t = archive_segments
    here = (t.c.partition == old.partition) & (t.c.first_position == old.first) & (t.c.sha256 == old.sha256)
    values = {"file": new.file.name, "sha256": new.sha256, "bytes": new.bytes}
    if connection.execute(update(t).where(here).values(values)).rowcount != 1:
        raise DatabaseError("the log's archive was changed meanwhile by another process; do it again")
    archive_place.unnote(connection, new.file.name)
    archive_place.note(connection, old.file.name)
