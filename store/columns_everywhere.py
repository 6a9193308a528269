"""Chunks of all partitions' logs at once.

PostgreSQL has them mixed in one table: to read one partition by its index is to touch nearly every page of it.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from store.columns_args import Args
from store.columns_arrow import ArrowRows, address, from_postgresql, installed
from store.columns_ask import Ask
from store.columns_chunk import COLUMNS, Chunk, chunk_of, taken
from store.columns_copy import can_copy, copied
from store.columns_question import question
from store.columns_read import archived, segments
from store.engine import Database
from tracker.errors import LogCorruptError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.archive_stored import Stored

__all__ = ["can_read_everywhere", "everywhere"]

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


def everywhere(db: Database, upto: Mapping[Partition, int]) -> Generator[tuple[Partition, Chunk | Stored]]:
    """The logs of these partitions up to these positions, in no order at all. Raises as `columns_read.chunks`."""
    args = Args()
    done, number = dict.fromkeys(upto, 0), 0
    while True:
        for partition, head in upto.items():
            for segment in segments(db, _ask(partition, done[partition], head)):
                ask = _ask(partition, done[partition], head)
                yield from ((partition, one) for one in archived(db, ask, segment, args, stored=number))
                number += 1
                done[partition] = max(done[partition], segment.last)
        with closing(_table(db, upto, done, args)) as table:
            first = next(table, None)
            # By now the table is read as of one instant. What was archived between our look and that is not in it.
            if not any(segments(db, _ask(partition, done[partition], head)) for partition, head in upto.items()):
                if first is not None:
                    yield from first
                for parts in table:
                    yield from parts
                return


def _ask(partition: Partition, after: int, upto: int) -> Ask:
    return Ask(partition=partition, after=after, upto=upto, guilds=None, rows=_ROWS)


def _table(
    db: Database, upto: Mapping[Partition, int], after: Mapping[Partition, int], args: Args
) -> Generator[list[tuple[Partition, Chunk]]]:
    """Out of the table `events`, in whatever order its rows lie there; of some rows, by partition."""
    which = ""
    if _FEW * len(upto) < db.partitions:
        which = f" WHERE partition IN ({', '.join(str(int(partition)) for partition in upto)})"
    wanted = {partition: (after[partition], head) for partition, head in upto.items()}
    if can_copy():
        yield from copied(db, question(db.partitions, which), wanted, _ROWS)
    else:
        sql = f"SELECT partition, {', '.join(COLUMNS)} FROM events{which}"  # noqa: S608 - names of our own
        yield from _by_arrow(db, sql, wanted, args)


def _by_arrow(
    db: Database, sql: str, wanted: Mapping[Partition, tuple[int, int]], args: Args
) -> Generator[list[tuple[Partition, Chunk]]]:
    low, high = np.zeros(db.partitions, np.int64), np.zeros(db.partitions, np.int64)
    for partition, (after, head) in wanted.items():
        low[partition], high[partition] = after, head
    with closing(from_postgresql(address(db.engine), db.name, sql, _ROWS)) as found:
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
