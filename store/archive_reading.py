"""The archived part of the log as rows, such as the table `events` would give them, joined with its subjects."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from store import archive, archive_files
from store.archive import Segment
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["COLUMNS", "canonical_rows", "current", "of_member", "rows"]

COLUMNS: Final = archive_files.COLUMNS

Row = tuple[Any, ...]
"""position, id, type, version, guild, user (negative: an erased one; None), channel, occurred_at, recorded_at, data"""

_MOST_SORTED: Final = 1_000_000
"""How many archived events are in memory to be sorted, unless a single guild has more."""

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
        for table in archive_files.batches(current(db, segment), mask, needs):
            yield from archive_files.tuples(table)


def canonical_rows(
    db: Database, connection: Connection, partition: Partition, *, upto: int, guilds: Collection[int] | None
) -> Iterator[Row] | None:
    """Archived events up to position `upto` by (guild, occurred_at, position); None: nothing is archived.

    `guilds`: only these. Sorts about a million events at a time, so each file is read once for each million.
    """
    found = archive.segments(connection, partition)
    return _sorted(db, connection, found, upto, guilds) if found else None


def _sorted(
    db: Database, connection: Connection, found: Sequence[Segment], upto: int, guilds: Collection[int] | None
) -> Iterator[Row]:
    import pyarrow as pa

    user_of = _users(connection, found[0].partition)
    for some in _groups(db, found, guilds):
        parts = [table for segment in found for table in _read(db, segment, upto=upto, guilds=some)]
        if parts:
            order = [("guild_id", "ascending"), ("occurred_at", "ascending"), ("position", "ascending")]
            yield from map(user_of, archive_files.tuples(pa.concat_tables(parts).sort_by(order)))


def _groups(db: Database, found: Sequence[Segment], guilds: Collection[int] | None) -> Iterator[list[int]]:
    """The guilds in ascending order, as many at a time as have about a million events."""
    import numpy as np

    counts: dict[int, int] = {}
    wanted = None if guilds is None else set(guilds)
    for segment in found:
        for table in archive_files.columns(current(db, segment), ["guild_id"]):
            for guild, count in zip(*np.unique(table["guild_id"].to_numpy(), return_counts=True), strict=True):
                if wanted is None or int(guild) in wanted:
                    counts[int(guild)] = counts.get(int(guild), 0) + int(count)
    some: list[int] = []
    held = 0
    for guild in sorted(counts):
        if some and held + counts[guild] > _MOST_SORTED:
            yield some
            some, held = [], 0
        some.append(guild)
        held += counts[guild]
    if some:
        yield some


def _read(
    db: Database, segment: Segment, *, after: int = 0, upto: int | None = None, guilds: Collection[int] | None = None
) -> Iterator[Any]:
    """The segment's events beyond `after`, up to `upto` and of these guilds, as Arrow tables."""
    archive_files.require()
    import pyarrow.compute as pc

    def mask(table: Any) -> Any:
        wanted = pc.greater(table["position"], after)
        if upto is not None:
            wanted = pc.and_(wanted, pc.less_equal(table["position"], upto))
        if guilds is not None:
            wanted = pc.and_(wanted, pc.is_in(table["guild_id"], value_set=_values(guilds)))
        return wanted

    is_whole = guilds is None and after < segment.first and (upto is None or upto >= segment.last)
    return archive_files.batches(current(db, segment), None if is_whole else mask, ("position", "guild_id"))


def current(db: Database, segment: Segment) -> Segment:
    """The segment as it is now: an erasure may have written it anew since the reader's transaction began."""
    if segment.path.exists():
        return segment
    with db.read() as connection:
        now = archive.segments(connection, segment.partition)
    return next((s for s in now if (s.first, s.last) == (segment.first, segment.last)), segment)


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
