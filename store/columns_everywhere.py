"""Chunks of all partitions' logs at once.

PostgreSQL has them mixed in one table: to read one partition by its index is to touch nearly every page of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from store import archive
from store.archive import Segment
from store.columns_args import Args
from store.columns_arrow import ArrowRows, address, from_postgresql, installed
from store.columns_ask import Ask
from store.columns_chunk import COLUMNS, Chunk, chunk_of, taken
from store.columns_copy import can_copy, copied
from store.columns_question import question
from store.columns_read import ahead
from store.engine import Database
from tracker.errors import LogCorruptError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.archive_stored import Stored

__all__ = ["can_read_everywhere", "everywhere"]

_Table = Callable[[Mapping[Partition, tuple[int, int]]], Generator[list[tuple[Partition, Chunk]]]]
"""Chunks of the table's rows: by partition, behind which position they are wanted, and up to which one."""

_ROWS: Final = 32_768
"""Rows that are taken apart at once: twice as many are no sooner done, and take 50 MB more."""
_MANY: Final = 300_000
"""Of so many events it is worth to read the whole table rather than each partition by its index."""

_FEW: Final = 2
"""If only one in more than so many partitions is wanted, the server passes over the others' rows."""


def can_read_everywhere(db: Database, upto: Mapping[Partition, int]) -> bool:
    """Whether the whole log can, and should, be read in one go."""
    worth = len(upto) > 1 and sum(upto.values()) >= _MANY
    return worth and db.dialect == "postgresql" and (can_copy() or installed("postgresql"))


@contextmanager
def everywhere(db: Database, upto: Mapping[Partition, int]) -> Iterator[Generator[tuple[Partition, Chunk | Stored]]]:
    """The logs of these partitions up to these positions, in no order at all. Raises as `columns_read.chunks`.

    The database reads its table from now on, as of this instant.
    """
    with _table(db, upto) as table:
        # What is archived from now on is in the table, too, as it is read; so this look at the archive is what counts.
        yield _all(db, upto, _segments(db, upto), table)


def _segments(db: Database, upto: Mapping[Partition, int]) -> dict[Partition, list[Segment]]:
    """The archived segments of each of these partitions that begin up to the position."""
    with db.read() as connection:
        found = archive.all_segments(connection)
    return {p: [s for s in found if s.partition == p and s.first <= head] for p, head in upto.items()}


def _all(
    db: Database, upto: Mapping[Partition, int], stored: Mapping[Partition, list[Segment]], table: _Table
) -> Generator[tuple[Partition, Chunk | Stored]]:
    asks, wanted = list[tuple[Ask, Segment]](), dict[Partition, tuple[int, int]]()
    for partition, head in upto.items():
        done = 0
        for segment in stored[partition]:
            asks.append((Ask(partition=partition, after=done, upto=head, guilds=None, rows=_ROWS), segment))
            done = max(done, segment.last)
        wanted[partition] = done, head
    with closing(ahead(db, asks, by_guild=True)) as read:
        for ask, _, found in read:
            yield from ((ask.partition, one) for one in found)
    for parts in table(wanted):
        yield from parts


@contextmanager
def _table(db: Database, upto: Collection[Partition]) -> Iterator[_Table]:
    """Out of the table `events`, in whatever order its rows lie there; of some rows, by partition."""
    which = ""
    if _FEW * len(upto) < db.partitions:
        which = f" WHERE partition IN ({', '.join(str(int(partition)) for partition in upto)})"
    if can_copy():
        with copied(db, question(db.partitions, which), _ROWS) as chunks:
            yield chunks
        return
    sql = f"SELECT partition, {', '.join(COLUMNS)} FROM events{which}"  # noqa: S608 - names of our own
    with closing(from_postgresql(address(db.engine), db.name, sql, _ROWS)) as found:
        first = next(found, None)  # by now it is read as of one instant
        yield partial(_by_arrow, db, () if first is None else chain([first], found))


def _by_arrow(
    db: Database, found: Iterable[ArrowRows], wanted: Mapping[Partition, tuple[int, int]]
) -> Generator[list[tuple[Partition, Chunk]]]:
    low, high, args = np.zeros(db.partitions, np.int64), np.zeros(db.partitions, np.int64), Args()
    for partition, (after, head) in wanted.items():
        low[partition], high[partition] = after, head
    for rows in found:
        partitions = rows.ints("partition")
        try:
            chunk = chunk_of(rows, -1, args)
        except LogCorruptError:
            _tell(rows, partitions, wanted)
            raise
        here = (chunk.position > low[partitions]) & (chunk.position <= high[partitions])
        yield _apart(chunk, partitions, here)


def _apart(chunk: Chunk, partitions: Any, wanted: Any) -> list[tuple[Partition, Chunk]]:
    there = np.flatnonzero(wanted)
    order = there[np.argsort(partitions[there], kind="stable")]
    ends = np.flatnonzero(np.diff(partitions[order], append=-1)) + 1
    starts = [0, *ends[:-1].tolist()] if len(order) else []
    return [
        (Partition(int(partitions[order[a]])), taken(chunk, order[a:b]))
        for a, b in zip(starts, ends.tolist(), strict=False)
    ]


def _tell(rows: ArrowRows, partitions: Any, upto: Collection[Partition]) -> None:
    """Raise LogCorruptError for the first event that cannot be read, with the partition it is of."""
    for partition in upto:
        chunk_of(rows.only(np.flatnonzero(partitions == partition)), partition, Args())
