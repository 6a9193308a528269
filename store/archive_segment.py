"""One segment on its way from the table into a file: prepared by whoever has the time, put into use in a moment.

1. Note (`begin`): the file's name is in the database before it is on the disk, so that it can be removed.
2. Prepare: the events are read, written for good, read back. Beside the file nothing in the database changes.
3. Put into use: in one transaction the segment and its ids are noted and its events leave the table.

Killed anywhere, each event is in exactly one place. Between 2 and 3 the log may grow; what was read may also be erased:
then the file is not put into use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, text

from store import appending, archive, archive_files, archive_ids, archive_place
from store.archive import Segment
from store.archive_ids import Ids
from store.archive_shelves import ArchiveFile, Place
from tracker.errors import DatabaseError, LogCorruptError
from tracker.ids import Ms, Partition, Position

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["STEP", "Prepared", "Step", "begin", "next_step", "prepare", "put_into_use"]

STEP: Final = 50_000
"""The events of a file that is made beside a running bot: so many leave the table in some tenths of a second."""

_CHUNK: Final = 20_000

_READ: Final = (
    f"SELECT {', '.join(archive_files.COLUMNS)} FROM events "  # noqa: S608
    "WHERE partition = :p AND position BETWEEN :first AND :last ORDER BY position"
)
_FIRST_TO_STAY: Final = (
    "SELECT position FROM events WHERE partition = :p AND position > :after AND position <= :upto "
    "AND (occurred_at >= :before OR guild_id IN (SELECT guild_id FROM rebuild_marks)) ORDER BY position LIMIT 1"
)
_LAST_COUNTED: Final = "SELECT position FROM checkpoints WHERE partition = :p"
_NEWER: Final = (
    "INSERT INTO archive_guilds AS a (partition, guild_id, newest_at) VALUES (:p, :guild, :at) "
    "ON CONFLICT (partition, guild_id) DO UPDATE SET newest_at = "
    "CASE WHEN excluded.newest_at > a.newest_at THEN excluded.newest_at ELSE a.newest_at END"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The events `first` to `last` of a partition are to become the file."""

    partition: Partition
    first: Position
    last: Position
    file: ArchiveFile


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's file that has been written, and what the database is to hold of it.

    `file`: its name. `newest`: (guild id, instant of its newest event in the segment). `version`: of the log's texts as
    they were read.
    """

    partition: int
    first: int
    last: int
    file: str
    sha256: str
    blocks_from: int
    blocks_sha256: str
    bytes: int
    first_at: int
    last_at: int
    ids: tuple[Ids, ...]
    newest: tuple[tuple[int, int], ...]
    version: str


def next_step(db: Database, before: Ms, place: Place, *, size: int = STEP, least: int = 1) -> Step | None:
    """What can be archived next: `least` to `size` events of one partition, none of which has to stay.

    Those stay that are not before the instant, that the figures do not know yet, or whose guild awaits a rebuild, and
    all behind them. Looks at no more than `size` events of a partition. None: there is nothing. Raises DatabaseError.
    """
    for partition in db.all_partitions:
        with db.read() as connection:
            after = archive.border(connection, partition)
            upto = min(connection.execute(text(_LAST_COUNTED), {"p": partition}).scalar_one(), after + size)
            if upto - after < least:
                continue
            place_of = {"p": partition, "after": after, "upto": upto, "before": before}
            staying = connection.execute(text(_FIRST_TO_STAY), place_of).scalar()
        first, last = Position(after + 1), Position(upto if staying is None else staying - 1)
        if last - after >= max(least, 1):
            name = archive_place.new_file(partition, first, last)
            return Step(partition=partition, first=first, last=last, file=place.file(partition, name))
    return None


def begin(db: Database, step: Step) -> None:
    """Notes the file, before there is one. Raises DatabaseError."""
    with db.write() as connection:
        archive_place.note(connection, step.file.name)


def prepare(db: Database, step: Step) -> Prepared:
    """Writes the file, and beside it nothing; any process may do it.

    Raises ArchiveAwayError if the file cannot be written, LogCorruptError if an event is missing, DatabaseError.
    """
    import pyarrow.compute as pc

    table, version = _read(db, step)
    content = archive_files.write(step.file, table)
    oldest, newest = pc.min_max(table["occurred_at"]).as_py().values()
    by_guild = table.group_by("guild_id").aggregate([("occurred_at", "max")]).to_pylist()
    return Prepared(
        partition=step.partition,
        first=step.first,
        last=step.last,
        file=step.file.name,
        **content._asdict(),
        first_at=oldest,
        last_at=newest,
        ids=archive_ids.ids_of(table["id"].to_pylist()),
        newest=tuple((row["guild_id"], row["occurred_at_max"]) for row in by_guild),
        version=version,
    )


def _read(db: Database, step: Step) -> tuple[Any, str]:
    """The events as one Arrow table, and the version of the log's texts. Raises LogCorruptError if one is missing."""
    import numpy as np
    import pyarrow as pa

    place = {"p": step.partition, "first": step.first, "last": step.last}
    with db.read() as connection:
        version = archive_place.text_version(connection)
        streaming = connection.execution_options(stream_results=True, yield_per=_CHUNK)
        found = streaming.execute(text(_READ), place)
        parts = [archive_files.table_of(rows) for rows in found.partitions(_CHUNK)]
    table = pa.concat_tables(parts).combine_chunks() if parts else archive_files.table_of([])
    if not np.array_equal(table["position"].to_numpy(), np.arange(step.first, step.last + 1)):
        raise LogCorruptError(
            f"partition {step.partition} of the log has {table.num_rows} events from position {step.first} to "
            f"{step.last}: events are missing; `tracker check` says more"
        )
    return table, version


def put_into_use(db: Database, prepared: Prepared, lease: Lease | None, *, now: Ms) -> Segment:
    """The events are in the file from now on. `now`: the real time.

    For whoever appends, or while nobody does but history: what that one remembers of archived ids is read anew. Raises
    DatabaseError if something was erased or moved meanwhile, LeaseLostError; then nothing has changed.
    """
    partition = Partition(prepared.partition)
    try:
        with db.write() as connection:
            appending.lock(connection, [partition], None if lease is None else lease.epochs)
            segment = Segment(
                partition=partition,
                first=Position(prepared.first),
                last=Position(prepared.last),
                file=archive.place(connection).file(partition, prepared.file),
                sha256=prepared.sha256,
                blocks_from=prepared.blocks_from,
                blocks_sha256=prepared.blocks_sha256,
                bytes=prepared.bytes,
                first_at=Ms(prepared.first_at),
                last_at=Ms(prepared.last_at),
                created_at=now,
            )
            _refuse_if_changed(connection, segment, prepared.version)
            archive.put_in(connection, segment)
            archive_ids.put(connection, segment.partition, segment.first, prepared.ids)
            rows = [{"p": segment.partition, "guild": guild, "at": at} for guild, at in prepared.newest]
            connection.execute(text(_NEWER), rows)
            archive_place.unnote(connection, segment.file.name)
            _delete(connection, segment)
    finally:
        db.archived.reset()  # also where the commit's answer was lost
    return segment


def _refuse_if_changed(connection: Connection, segment: Segment, version: str) -> None:
    if not segment.file.exists() or archive_place.text_version(connection) != version:
        raise DatabaseError("something was erased from the log, or its archive was moved, meanwhile; do it again")
    if not archive_place.is_noted(connection, segment.file.name):
        raise DatabaseError(f"{segment.file} is in use already, or was given up")


def _delete(connection: Connection, segment: Segment) -> None:
    statement = "DELETE FROM events WHERE partition = :p AND position BETWEEN :first AND :last"
    gone = connection.execute(
        text(statement), {"p": segment.partition, "first": segment.first, "last": segment.last}
    ).rowcount
    if gone != segment.events:
        raise LogCorruptError(f"of {segment.named} only {gone} events were in the table; nothing was moved")
