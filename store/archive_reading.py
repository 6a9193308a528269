"""The archived part of the log as rows, such as the table `events` would give them, joined with its subjects."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Connection

from store import archive, archive_files
from store.archive import Segment
from store.failures import explained
from tracker.errors import ArchiveAwayError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["COLUMNS", "current", "of_member", "rows"]

COLUMNS: Final = archive_files.COLUMNS

T = TypeVar("T")
Row = tuple[Any, ...]
"""position, id, type, version, guild, user (negative: an erased one; None), channel, occurred_at, recorded_at, data"""

_SUBJECT: Final = archive_files.COLUMNS.index("subject_id")


def rows(
    db: Database, connection: Connection, partition: Partition, *, after: int = 0, guild: int | None = None
) -> Iterator[Row]:
    """Archived events beyond position `after`, in order. `guild`: only this one's.

    Raises ArchiveAwayError, LogCorruptError; ConfigError without pyarrow.
    """
    found = [s for s in archive.segments(connection, partition) if s.last > after]
    if not found:
        return
    user_of = _users(connection, partition)
    for segment in found:
        for table in _read(db, segment, after=after, guilds=None if guild is None else [guild]):
            yield from map(user_of, archive_files.tuples(table))


def of_member(
    db: Database, connection: Connection, partition: Partition, *, guild: int, subject: int | None,
    types: Collection[str], after: int = 0,
) -> Iterator[Row]:  # fmt: skip
    """Archived events beyond position `after` of a guild that are the subject's or of one of `types`, in order.

    The rows say the subject, not the user.
    """
    found = [s for s in archive.segments(connection, partition) if s.last > after]
    if not found:
        return
    archive_files.require()
    import pyarrow.compute as pc

    def mask(table: Any) -> Any:
        wanted = pc.is_in(table["type"], value_set=_values(types, text=True))
        if subject is not None:
            wanted = pc.or_(wanted, pc.fill_null(pc.equal(table["subject_id"], subject), False))
        return pc.and_(wanted, pc.and_(pc.equal(table["guild_id"], guild), pc.greater(table["position"], after)))

    needs = ("position", "type", "guild_id", "subject_id")
    for segment in found:
        for table in current(db, segment, lambda now: archive_files.batches(now, mask, needs)):
            yield from archive_files.tuples(table)


def _read(db: Database, segment: Segment, *, after: int, guilds: Collection[int] | None) -> Iterator[Any]:
    """The segment's events beyond `after` and of these guilds (None: all), as Arrow tables."""
    archive_files.require()
    import pyarrow.compute as pc

    def mask(table: Any) -> Any:
        wanted = pc.greater(table["position"], after)
        if guilds is not None:
            wanted = pc.and_(wanted, pc.is_in(table["guild_id"], value_set=_values(guilds)))
        return wanted

    is_whole = guilds is None and after < segment.first
    needs = ("position", "guild_id")
    return current(db, segment, lambda now: archive_files.batches(now, None if is_whole else mask, needs))


def current(db: Database, segment: Segment, read: Callable[[Segment], T]) -> T:
    """What `read` makes of the segment's file; or of the one that an erasure put in its place since the reader's
    transaction began, and as often as one does.

    Raises ArchiveAwayError if there is no file, DatabaseError, and what `read` raises.
    """
    while True:
        try:
            return read(segment)
        except ArchiveAwayError:
            with explained(db.name), db.reader.connect() as connection:  # later than what this thread may be reading
                there = archive.segments(connection, segment.partition)
            now = next((s for s in there if (s.first, s.last) == (segment.first, segment.last)), segment)
            if now.file == segment.file:
                raise
            segment = now


def _values(values: Collection[Any], *, text: bool = False) -> Any:
    import pyarrow as pa

    return pa.array(list(values), pa.string() if text else pa.int64())


def _users(connection: Connection, partition: Partition) -> Callable[[Row], Row]:
    """What puts the user in the place of a row's subject. Subject ids are small numbers, so an array holds them all."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    highest = connection.exec_driver_sql(
        f"SELECT COALESCE(MAX(subject_id), 0) FROM subjects WHERE partition = {mark}",  # noqa: S608
        (partition,),
    ).scalar_one()
    users = array("q", bytes(8 * (int(highest) + 1)))
    streaming = connection.execution_options(stream_results=True, yield_per=5_000)
    found = streaming.exec_driver_sql(
        f"SELECT subject_id, user_id FROM subjects WHERE partition = {mark}",  # noqa: S608
        (partition,),
    )
    for some in found.partitions(5_000):
        for subject, user in some:
            users[subject] = user

    def with_user(row: Row) -> Row:
        subject = row[_SUBJECT]
        if subject is None:
            return row
        user = users[subject] if subject <= highest else 0
        return (*row[:_SUBJECT], user or -subject, *row[_SUBJECT + 1 :])

    return with_user
