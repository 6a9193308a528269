"""Moving old events out of the table into files, and back.

For whoever holds the lease and has nothing else to do; beside a running bot see `tracker.ingest.archiving`. How a
segment is moved: `store.archive_segment`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete

from store import appending, archive, archive_files, archive_place, arrays
from store.archive import Segment
from store.archive_segment import begin, next_step, prepare, put_into_use
from store.archive_shelves import Place
from store.schema import archive_guilds
from tracker.ids import Ms, Partition

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["SEGMENT", "Moved", "archive_before", "restore"]

SEGMENT: Final = 250_000
"""The most events in a file: what is in memory, several times over, while it is written."""

_CHUNK: Final = 20_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was moved: how many events and files, how large the files are, and where they are or were."""

    events: int
    files: int
    bytes: int
    place: Place


def archive_before(
    db: Database,
    before: Ms,
    *,
    now: Ms,
    folder: Path | None,
    lease: Lease | None,
    size: int | None = None,
    least: int = 1,
    progress: Progress = lambda _: None,
) -> Moved:
    """Moves the log's beginning into files: of each partition all positions up to the first that has to stay.

    That is the first event that is not before the instant `before`, that the figures do not know yet, or whose guild
    awaits a rebuild. `folder`: where the files go; None: where they went before, or next to the SQLite file, or within
    PostgreSQL. `now`: the real time. Nobody may append meanwhile but history (hold the lease). Files have up to `size`
    events (None: SEGMENT), and if fewer than `least` are left, they stay, too. `progress` is told of the events moved.
    Raises ConfigError (no pyarrow), ArchiveAwayError, LogCorruptError, DatabaseError, LeaseLostError; what was moved by
    then stays where it is.
    """
    archive_files.require()
    place = archive_place.settle(db, folder)
    archive_place.sweep(db)
    done = []
    try:
        while (step := next_step(db, before, place, size=size or SEGMENT, least=least)) is not None:
            begin(db, step)
            done.append(put_into_use(db, prepare(db, step), lease, now=now))
            progress(done[-1].events)
    finally:
        archive_place.write_manifest(db)
    return _moved(done, place)


def _moved(segments: Sequence[Segment], place: Place) -> Moved:
    return Moved(
        events=sum(s.events for s in segments),
        files=len(segments),
        bytes=sum(s.bytes for s in segments),
        place=place,
    )


def restore(db: Database, *, lease: Lease | None, progress: Progress = lambda _: None) -> Moved:
    """Puts all archived events back into the table, the newest file first, and removes the files; where they were is
    forgotten.

    Nobody may append meanwhile (hold the lease). Raises ArchiveAwayError, LogCorruptError, DatabaseError,
    LeaseLostError; what was put back by then stays.
    """
    with db.read() as connection:
        found, place = archive.all_segments(connection), archive.place(connection)
    if found:
        archive_files.require()
    archive_place.sweep(db)
    try:
        for segment in reversed(found):
            _put_back(db, segment, lease)
            archive_place.remove(db, [segment.file])
            progress(segment.events)
    finally:
        archive_place.write_manifest(db)
        db.archived.reset()
    archive_place.forget(db)
    return _moved(found, place)


def _put_back(db: Database, segment: Segment, lease: Lease | None) -> None:
    with db.write() as connection:
        appending.lock(connection, [segment.partition], None if lease is None else lease.epochs)
        for table in archive_files.batches(segment):
            for start in range(0, table.num_rows, _CHUNK):
                _insert(connection, segment.partition, list(archive_files.tuples(table.slice(start, _CHUNK))))
        archive.take_out(connection, segment)
        if segment.first == 1:
            connection.execute(delete(archive_guilds).where(archive_guilds.c.partition == segment.partition))
        archive_place.note(connection, segment.file.name)


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
