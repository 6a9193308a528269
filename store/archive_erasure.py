"""Erasing names from archived events: a file that holds some is written anew, and takes the old one's place.

1. Note (`begin`): which files are to be written anew, and what the new ones are called.
2. Write (`written`): takes a second for a hundred thousand events, and nobody else waits; any thread may do it.
3. Put into use (`rewritten`): in one transaction, the caller's; after it the old files are removed, at the next chance
   if not at once. What was not written before, or was written of a file that is not in use any more, is written now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, update

from store import archive, archive_files, archive_place
from store.archive import Segment
from store.archive_reading import current
from store.archive_shelves import ArchiveFile
from store.schema import archive_segments
from tracker.errors import DatabaseError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["Begun", "Written", "begin", "rewritten", "written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A segment that is to be written anew, into that file."""

    old: Segment
    file: ArchiveFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A segment, and the one with the new file that is to take its place."""

    old: Segment
    new: Segment


def begin(db: Database, partition: Partition, data: Mapping[int, str]) -> list[Begun]:
    """Notes the files that are to be written, before there are any. `data`: as of `rewritten`. Raises DatabaseError."""
    touched = _touched(db, partition, data)
    if not touched:
        return []
    archive_place.sweep(db)
    with db.write() as connection:
        return [_noted(connection, segment) for segment in touched]


def written(db: Database, begun: Sequence[Begun], data: Mapping[int, str]) -> list[Written]:
    """Writes the files. Raises ArchiveAwayError, LogCorruptError, ConfigError, DatabaseError; then what was written is
    left to the next sweep.
    """
    return [_written(db, one, data) for one in begun]


@contextmanager
def rewritten(
    db: Database, partition: Partition, data: Mapping[int, str], ready: Sequence[Written] = ()
) -> Iterator[Callable[[Connection], None]]:
    """Gives what puts files into use in which the events at these positions have other data.

    `data`: by position; those that are not archived are passed over. `ready`: what was written of the same data before.
    The caller calls what is given within its transaction, and commits that before it leaves. On an error the new files
    are removed again. Raises ArchiveAwayError, LogCorruptError, ConfigError, DatabaseError.
    """
    made = list(ready)

    def swap(connection: Connection) -> None:
        for one in made:
            _swap(connection, one)

    try:
        stale = _stale(db, ready)
        for one in stale:
            made.remove(one)
        archive_place.remove(db, [one.new.file for one in stale])
        there = {one.old.file.name for one in made}
        for segment in _touched(db, partition, data):
            if segment.file.name not in there:
                with db.write() as connection:
                    begun = _noted(connection, segment)
                made.append(_written(db, begun, data))
        yield swap
    except BaseException:
        archive_place.remove(db, [one.new.file for one in made])
        raise
    if made:
        archive_place.remove(db, [one.old.file for one in made])
        archive_place.write_manifest(db)


def _touched(db: Database, partition: Partition, data: Mapping[int, str]) -> list[Segment]:
    """The segments that have any of the positions."""
    if not data:
        return []
    with db.read() as connection:
        found = archive.segments(connection, partition)
    return [one for one in found if any(one.first <= position <= one.last for position in data)]


def _stale(db: Database, ready: Sequence[Written]) -> list[Written]:
    """Of what was written before, that which is of a file not in use any more, or was swept away meanwhile."""
    if not ready:
        return []
    with db.read() as connection:
        used = {one.file.name for one in archive.all_segments(connection)}
        noted = {one.new.file.name for one in ready if archive_place.is_noted(connection, one.new.file.name)}
    return [
        one
        for one in ready
        if one.old.file.name not in used or one.new.file.name not in noted or not one.new.file.exists()
    ]


def _noted(connection: Connection, segment: Segment) -> Begun:
    name = archive_place.new_file(segment.partition, segment.first, segment.last)
    archive_place.note(connection, name)
    return Begun(old=segment, file=archive.place(connection).file(segment.partition, name))


def _written(db: Database, begun: Begun, data: Mapping[int, str]) -> Written:
    import pyarrow as pa
    import pyarrow.compute as pc

    segment = begun.old
    table = current(db, segment, archive_files.read_whole).combine_chunks()
    changed = sorted(p for p in data if segment.first <= p <= segment.last)
    mask = pc.is_in(table["position"], value_set=pa.array(changed, pa.int64()))
    column = archive_files.COLUMNS.index("data")
    texts = pc.replace_with_mask(
        table["data"].combine_chunks(), mask.combine_chunks(), pa.array([data[p] for p in changed], pa.string())
    )
    erased = table.set_column(column, table.schema.field(column), texts)
    content = archive_files.write(begun.file, erased)
    return Written(old=segment, new=replace(segment, file=begun.file, **content._asdict()))


def _swap(connection: Connection, one: Written) -> None:
    t, old, new = archive_segments, one.old, one.new
    here = (t.c.partition == old.partition) & (t.c.first_position == old.first) & (t.c.sha256 == old.sha256)
    values = {
        "file": new.file.name,
        "sha256": new.sha256,
        "blocks_from": new.blocks_from,
        "blocks_sha256": new.blocks_sha256,
        "bytes": new.bytes,
    }
    if connection.execute(update(t).where(here).values(values)).rowcount != 1:
        raise DatabaseError("the log's archive was changed meanwhile by another process; do it again")
    archive_place.unnote(connection, new.file.name)
    archive_place.note(connection, old.file.name)
