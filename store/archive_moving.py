"""Moving old events out of the table into files, and back.

A segment is moved in steps: note its name, write it, force it onto the disk, read it back, and then, in one
transaction, put it into use and delete its events from the table. Killed anywhere, each event is in exactly one place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, text

from store import appending, archive, archive_files, archive_ids, archive_place, arrays, examination
from store.archive import Segment
from store.schema import archive_guilds
from tracker.errors import DatabaseError, LogCorruptError
from tracker.ids import Ms, Partition, Position

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["SEGMENT", "Moved", "archive_before", "restore", "shrink"]

SEGMENT: Final = 250_000
"""The most events in a file: what is in memory, several times over, while it is written."""

_CHUNK: Final = 20_000

_READ: Final = (
    f"SELECT {', '.join(archive_files.COLUMNS)} FROM events "  # noqa: S608
    "WHERE partition = :p AND position BETWEEN :first AND :last ORDER BY position"
)
_FIRST_TO_STAY: Final = (
    "SELECT position FROM events WHERE partition = :p AND (occurred_at >= :before "
    "OR guild_id IN (SELECT guild_id FROM rebuild_marks)) ORDER BY position LIMIT 1"
)
_LAST_COUNTED: Final = "SELECT position FROM checkpoints WHERE partition = :p"
_NEWER: Final = (
    "INSERT INTO archive_guilds AS a (partition, guild_id, newest_at) VALUES (:p, :guild, :at) "
    "ON CONFLICT (partition, guild_id) DO UPDATE SET newest_at = "
    "CASE WHEN excluded.newest_at > a.newest_at THEN excluded.newest_at ELSE a.newest_at END"
)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was moved: how many events and files, how large the files are, and where they are or were."""

    events: int
    files: int
    bytes: int
    directory: Path


def archive_before(
    db: Database, before: Ms, *, now: Ms, folder: Path | None, lease: Lease | None, progress: Progress = lambda _: None
) -> Moved:
    """Moves the log's beginning into files: of each partition all positions up to the first that has to stay.

    That is the first event that is not before the instant `before`, that the figures do not know yet, or whose guild
    awaits a rebuild. `folder`: where the files go; None: where they went before, or next to the SQLite file. `now`: the
    real time. Nobody may append meanwhile but history (hold the lease). `progress` is told of the events moved.
    Raises ConfigError (no pyarrow, no directory), ArchiveAwayError, LogCorruptError, DatabaseError, LeaseLostError.
    """
    archive_files.require()
    place = archive_place.settle(db, folder)
    archive_place.sweep(db)
    moved = []
    try:
        for partition in db.all_partitions:
            for first, last in _to_move(db, partition, before):
                moved.append(_move(db, partition, first, last, place, now, lease))
                progress(last - first + 1)
    finally:
        archive_place.write_manifest(db)
        db.archived.reset()
    return _sum(moved, place)


def _sum(segments: Sequence[Segment], place: Path) -> Moved:
    return Moved(
        events=sum(s.events for s in segments),
        files=len(segments),
        bytes=sum(s.bytes for s in segments),
        directory=place,
    )


def _to_move(db: Database, partition: Partition, before: Ms) -> Iterator[tuple[Position, Position]]:
    """The first and last position of each file to be made."""
    with db.read() as connection:
        border = archive.border(connection, partition)
        counted = connection.execute(text(_LAST_COUNTED), {"p": partition}).scalar_one()
        staying = connection.execute(text(_FIRST_TO_STAY), {"p": partition, "before": before}).scalar()
    end = counted if staying is None else min(counted, staying - 1)
    for first in range(border + 1, end + 1, SEGMENT):
        yield Position(first), Position(min(first + SEGMENT - 1, end))


def _move(
    db: Database, partition: Partition, first: Position, last: Position, place: Path, now: Ms, lease: Lease | None
) -> Segment:
    import pyarrow.compute as pc

    file = archive_place.new_file(partition, first, last)
    with db.write() as connection:
        archive_place.note(connection, file)
    table = _read(db, partition, first, last)
    sha256, size = archive_files.write(place / file, table)
    oldest, newest = pc.min_max(table["occurred_at"]).as_py().values()
    segment = Segment(
        partition=partition, first=first, last=last, path=place / file, sha256=sha256, bytes=size,
        first_at=Ms(oldest), last_at=Ms(newest), created_at=now,
    )  # fmt: skip
    with db.write() as connection:
        appending.lock(connection, [partition], None if lease is None else lease.epochs)
        archive.put_in(connection, segment)
        archive_ids.put(connection, partition, first, table["id"].to_pylist())
        _note_newest(connection, partition, table)
        archive_place.unnote(connection, file)
        _delete(connection, segment)
    return segment


def _read(db: Database, partition: Partition, first: Position, last: Position) -> Any:
    """The events as one Arrow table. Raises LogCorruptError if one is missing."""
    import numpy as np
    import pyarrow as pa

    parts = []
    with db.read() as connection:
        streaming = connection.execution_options(stream_results=True, yield_per=_CHUNK)
        found = streaming.execute(text(_READ), {"p": partition, "first": first, "last": last})
        parts = [archive_files.table_of(rows) for rows in found.partitions(_CHUNK)]
    table = pa.concat_tables(parts).combine_chunks() if parts else archive_files.table_of([])
    if not np.array_equal(table["position"].to_numpy(), np.arange(first, last + 1)):
        raise LogCorruptError(
            f"partition {partition} of the log has {table.num_rows} events from position {first} to {last}: "
            "events are missing; `tracker check` says more"
        )
    return table


def _note_newest(connection: Connection, partition: Partition, table: Any) -> None:
    newest = table.group_by("guild_id").aggregate([("occurred_at", "max")]).to_pylist()
    rows = [{"p": partition, "guild": n["guild_id"], "at": n["occurred_at_max"]} for n in newest]
    connection.execute(text(_NEWER), rows)


def _delete(connection: Connection, segment: Segment) -> None:
    statement = "DELETE FROM events WHERE partition = :p AND position BETWEEN :first AND :last"
    gone = connection.execute(
        text(statement), {"p": segment.partition, "first": segment.first, "last": segment.last}
    ).rowcount
    if gone != segment.events:
        raise LogCorruptError(f"of {segment.named} only {gone} events were in the table; nothing was moved")


def restore(db: Database, *, lease: Lease | None, progress: Progress = lambda _: None) -> Moved:
    """Puts all archived events back into the table, the newest file first, and removes the files.

    Nobody may append meanwhile (hold the lease). Raises ArchiveAwayError, LogCorruptError, DatabaseError,
    LeaseLostError; what was put back by then stays.
    """
    with db.read() as connection:
        found, place = archive.all_segments(connection), archive.directory(connection)
    if found:
        archive_files.require()
    archive_place.sweep(db)
    try:
        for segment in reversed(found):
            _put_back(db, segment, lease)
            archive_place.remove(db, [segment.path])
            progress(segment.events)
    finally:
        archive_place.write_manifest(db)
        db.archived.reset()
    return _sum(found, place or Path())


def shrink(db: Database) -> int:
    """Gives the room that is free in a SQLite file back to the disk; how many bytes that were.

    Writes the whole file anew, and needs as much room meanwhile. On PostgreSQL the server sees to it: does nothing.
    Raises DatabaseError, if somebody else is writing for one.
    """
    if db.dialect != "sqlite":
        return 0
    before = examination.size_bytes(db)
    connection = db.engine.raw_connection()  # within a transaction it would be refused
    try:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(statement)
    except sqlite3.Error as error:
        raise DatabaseError(f"database {db.name} could not be made smaller: {error}") from error
    finally:
        connection.close()
    return before - examination.size_bytes(db)


def _put_back(db: Database, segment: Segment, lease: Lease | None) -> None:
    with db.write() as connection:
        appending.lock(connection, [segment.partition], None if lease is None else lease.epochs)
        for table in archive_files.batches(segment):
            for start in range(0, table.num_rows, _CHUNK):
                _insert(connection, segment.partition, list(archive_files.tuples(table.slice(start, _CHUNK))))
        archive.take_out(connection, segment)
        if segment.first == 1:
            connection.execute(delete(archive_guilds).where(archive_guilds.c.partition == segment.partition))
        archive_place.note(connection, segment.path.name)


def _insert(connection: Connection, partition: Partition, rows: list[tuple[Any, ...]]) -> None:
    columns = ("partition", *archive_files.COLUMNS)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(
            f"INSERT INTO events ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
            [(partition, *row) for row in rows],
        )
        return
    texts = ("id", "type", "data")
    kinds = ", ".join("%s::text[]" if name in texts else "%s::bigint[]" for name in archive_files.COLUMNS)
    values = zip(archive_files.COLUMNS, zip(*rows, strict=True), strict=True)
    connection.exec_driver_sql(
        f"INSERT INTO events ({', '.join(columns)}) SELECT %s::bigint, * FROM unnest({kinds})",  # noqa: S608
        (partition, *(arrays.texts(v) if name in texts else arrays.whole(v) for name, v in values)),
    )
