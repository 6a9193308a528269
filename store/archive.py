"""The archive: the beginning of each partition's log in Parquet files, one after the other from position 1.

Which files there are is said by the database (`archive_segments`); where they are, by `archive_dir` in `tracker_info`,
or they stand next to the SQLite file, or within PostgreSQL (`store.archive_shelves`). A position is in a file or in the
table `events`, never in both: a transaction moves it. Nothing here opens a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from store.archive_shelves import ArchiveFile, FileInside, Folder, Inside, Place
from store.schema import archive_ids, archive_segments, tracker_info
from tracker.errors import ArchiveAwayError, LogCorruptError
from tracker.ids import Ms, Partition, Position

__all__ = ["Segment", "all_segments", "border", "place", "put_directory", "put_in", "segments", "take_out"]

_DIRECTORY: Final = "archive_dir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A file with the events `first` to `last` of a partition, in order of position.

    `sha256`: of the whole file, hexadecimal. `blocks_from` / `blocks_sha256`: where what folds read of it begins, and
    the hash from there to its end; 0 and that of the whole file, if a tracker wrote it that did not say. `first_at` /
    `last_at`: the oldest and newest `occurred_at` in it. `bytes`: its size. `created_at`: when it was archived (a
    rewriting for erasure keeps that).
    """

    partition: Partition
    first: Position
    last: Position
    file: ArchiveFile
    sha256: str
    blocks_from: int
    blocks_sha256: str
    bytes: int
    first_at: Ms
    last_at: Ms
    created_at: Ms

    @property
    def events(self) -> int:
        """How many events are in it."""
        return self.last - self.first + 1

    @property
    def named(self) -> str:
        """The segment as a sentence names it."""
        return f"{self.file} (positions {self.first:,} to {self.last:,} of partition {self.partition})"

    def away(self) -> ArchiveAwayError:
        """What to say when the file is not there."""
        if isinstance(self.file, FileInside):
            return ArchiveAwayError(
                f"the log's archive is not complete: {self.named} is not there; restore the database from a "
                "backup that has it"
            )
        return ArchiveAwayError(
            f"the log's archive is not complete: {self.named} is not there; mount that directory or copy the file "
            "back, or say where the files are with `tracker archive --dir DIRECTORY`"
        )


def segments(connection: Connection, partition: Partition) -> list[Segment]:
    """The partition's archived segments, in order: 1 to n without a gap. Empty: nothing of it is archived.

    One statement, or two where there are any. Raises LogCorruptError if they do not follow each other from 1.
    """
    return _segments(connection, partition)


def all_segments(connection: Connection) -> list[Segment]:
    """Those of every partition, partition by partition. Raises LogCorruptError."""
    return _segments(connection, None)


def border(connection: Connection, partition: Partition) -> Position:
    """The last position that is archived; 0: none. What is beyond is in the table. Raises LogCorruptError."""
    found = segments(connection, partition)
    return found[-1].last if found else Position(0)


def _segments(connection: Connection, partition: Partition | None) -> list[Segment]:
    t = archive_segments
    wanted = select(
        t.c.partition, t.c.first_position, t.c.last_position, t.c.events, t.c.file, t.c.sha256, t.c.bytes, t.c.first_at,
        t.c.last_at, t.c.created_at, t.c.blocks_from, t.c.blocks_sha256,
    ).order_by(t.c.partition, t.c.first_position)  # fmt: skip
    if partition is not None:
        wanted = wanted.where(t.c.partition == partition)
    rows = connection.execute(wanted).all()
    if not rows:
        return []
    where = place(connection)
    found: list[Segment] = []
    for p, first, last, events, file, sha256, size, first_at, last_at, created_at, start, rest_sha256 in rows:
        before = found[-1].last if found and found[-1].partition == p else 0
        if first != before + 1 or events != last - first + 1:
            raise LogCorruptError(
                f"partition {p} of the archive has {events} events from {first} to {last} after position {before}: "
                "events are missing"
            )
        found.append(
            Segment(
                partition=Partition(p),
                first=Position(first),
                last=Position(last),
                file=where.file(Partition(p), file),
                sha256=sha256,
                blocks_from=start,
                blocks_sha256=rest_sha256,
                bytes=size,
                first_at=Ms(first_at),
                last_at=Ms(last_at),
                created_at=Ms(created_at),
            )
        )
    return found


def place(connection: Connection) -> Place:
    """Where the files are: what was said once, or next to the SQLite file, or within PostgreSQL."""
    said = connection.execute(select(tracker_info.c.value).where(tracker_info.c.name == _DIRECTORY)).scalar()
    if said is not None:
        return Folder(Path(said))
    url = connection.engine.url
    if url.drivername == "sqlite":
        return Folder(Path(f"{url.database}.archive").absolute())
    return Inside(connection.engine)


def put_directory(connection: Connection, path: Path | None) -> None:
    """Remembers where the files are; what is next to the SQLite file is not remembered, and may move with it.

    None: where they are if nobody says it.
    """
    connection.execute(delete(tracker_info).where(tracker_info.c.name == _DIRECTORY))
    if path is not None and place(connection) != Folder(path.absolute()):
        connection.execute(insert(tracker_info), [{"name": _DIRECTORY, "value": str(path.absolute())}])


def put_in(connection: Connection, segment: Segment) -> None:
    """Notes a new segment."""
    row = {
        "partition": segment.partition,
        "first_position": segment.first,
        "last_position": segment.last,
        "events": segment.events,
        "first_at": segment.first_at,
        "last_at": segment.last_at,
        "bytes": segment.bytes,
        "created_at": segment.created_at,
        "file": segment.file.name,
        "sha256": segment.sha256,
        "blocks_from": segment.blocks_from,
        "blocks_sha256": segment.blocks_sha256,
    }
    connection.execute(insert(archive_segments), [row])


def take_out(connection: Connection, segment: Segment) -> None:
    """Removes what the database holds of the segment: its place and its ids."""
    for table in (archive_segments, archive_ids):
        here = (table.c.partition == segment.partition) & (table.c.first_position == segment.first)
        connection.execute(delete(table).where(here))
