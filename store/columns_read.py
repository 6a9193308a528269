"""Chunks of a partition's log: out of the archived segments first, out of the table `events` then."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, Literal

from store import archive
from store.archive import Segment
from store.archive_reading import current
from store.columns_apart import chunks_apart
from store.columns_args import Args
from store.columns_arrow import address, from_postgresql, from_segment
from store.columns_canonical import in_canonical_order
from store.columns_chunk import Chunk, Rows, chunk_of
from store.columns_rows import by_driver, statement
from store.columns_worker import Job
from store.engine import Database
from tracker.ids import Partition

__all__ = ["Ask", "Source", "chunks"]

Source = Literal["adbc", "driver"]
"""How the table `events` is read."""

_MOST: Final = 65_536
"""Rows in a chunk: more at a time takes memory and no less time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which events, in which order; the arguments of `LogReader.batches`."""

    partition: Partition
    after: int
    upto: int
    guilds: Collection[int] | None
    canonical: bool
    rows: int


def chunks(db: Database, ask: Ask, source: Source) -> Generator[Chunk]:
    """What is asked for. Raises DatabaseError, LogCorruptError, ArchiveAwayError, ConfigError."""
    if not ask.canonical:
        return _by_position(db, ask, source)
    if not _segments(db, ask):
        return _table(db, ask, source)
    return in_canonical_order(_by_position(db, replace(ask, canonical=False), source), ask.rows)


def _by_position(db: Database, ask: Ask, source: Source) -> Generator[Chunk]:
    args = Args()
    while True:
        for segment in _segments(db, ask):
            yield from _segment(db, ask, segment, args)
            ask = replace(ask, after=max(ask.after, segment.last))
        with closing(_table(db, ask, source)) as table:
            first = next(table, None)
            # By now the table is read as of one instant. What was archived between our look and that is not in it.
            if not _segments(db, ask):
                if first is not None:
                    yield first
                yield from table
                return


def _segments(db: Database, ask: Ask) -> list[Segment]:
    """The archived segments in which some of what is asked for may be."""
    with db.read() as connection:
        found = archive.segments(connection, ask.partition)
    return [s for s in found if s.last > ask.after and s.first <= ask.upto]


def _segment(db: Database, ask: Ask, segment: Segment, args: Args) -> Generator[Chunk]:
    file = current(db, segment)
    return _chunks(from_segment(file, after=ask.after, upto=ask.upto, guilds=ask.guilds, rows=ask.rows), ask, args)


def _chunks(found: Generator[Rows], ask: Ask, args: Args) -> Generator[Chunk]:
    with closing(found):
        for rows in found:
            yield chunk_of(rows, ask.partition, args)


def _table(db: Database, ask: Ask, source: Source) -> Generator[Chunk]:
    """Out of the table `events`."""
    sql = statement(ask.partition, after=ask.after, upto=ask.upto, guilds=ask.guilds, canonical=ask.canonical)
    if source == "driver":
        return _chunks(by_driver(db, sql, ask.partition, min(ask.rows, _MOST)), ask, Args())
    if db.dialect == "sqlite":
        return chunks_apart(Job(path=db.name, sql=sql, partition=ask.partition, rows=ask.rows))
    return _chunks(from_postgresql(address(db.engine), db.name, sql, ask.rows), ask, Args())
