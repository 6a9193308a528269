"""Rows of several partitions, as they lie mixed in PostgreSQL's table, gathered by partition.

Whoever takes them has some work for each batch, however few events are in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_args import Args
from store.columns_chunk import Chunk, Ints, own_sets
from store.columns_gather import taken_apart
from store.columns_rest import Rest
from store.columns_texts import Found
from tracker.ids import Partition
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "ByPartition"]

_MOST: Final = 32_000
"""Rows of one partition that are gathered: half as many cost a tenth of the reading more. No power of two, nor is what
_ALL gives to as many partitions as there may be: at such distances, a hundred columns would share a few lines of the
caches, and each number that is put down would displace one next to which another one comes at once."""
_ALL: Final = 500_000
"""Rows that are gathered of all together, some 25 MB, if partitions are more than that gives so many to."""

MACHINE: Final = Machine(__name__)


class ByPartition:
    """Gathers rows of the partitions below `partitions`; their args number the sets of roles of `args`."""

    def __init__(self, partitions: int, args: Args) -> None:
        most = max(1, min(_MOST, _ALL // partitions))
        self._args = args
        self._counts = np.zeros(partitions, np.int64)
        self._kinds, self._numbers = np.empty((partitions, most), np.uint8), np.empty((partitions, 6, most), np.int64)
        self._rests: list[list[Rest]] = [[] for _ in range(partitions)]

    def add(self, partition: Ints, found: Found) -> Iterator[tuple[Partition, Chunk]]:
        """Take rows; give those of each partition of which there is no room for more. `partition`: of each row."""
        said = (found.position, found.guild, found.subject, found.channel, found.at, found.arg, found.kind)
        n, done, places = len(partition), 0, np.empty(len(partition), np.int64)
        while done < n:
            first = done
            done = _put(partition, first, *said, self._counts, self._numbers, self._kinds, places)
            self._keep(partition, places, found.rest, first, done)
            if done < n:
                yield self._take(int(partition[done]))

    def _keep(self, partition: Ints, places: Ints, rest: Rest, first: int, end: int) -> None:
        low, high = np.searchsorted(rest.rows, (first, end)).tolist()
        if low == high:
            return
        mine = partition[rest.rows[low:high]]
        order = np.argsort(mine, kind="stable")
        here, whose = low + order, mine[order]
        apart = taken_apart(rest, here, places[rest.rows[here]])  # at once: sixteen small ones take as much each
        starts = np.flatnonzero(np.diff(whose, prepend=-1)).tolist()
        for a, b in zip(starts, [*starts[1:], high - low], strict=True):
            self._rests[int(whose[a])].append(apart.between(a, b))

    def left(self) -> Iterator[tuple[Partition, Chunk]]:
        """What is left when all rows were added."""
        for partition in np.flatnonzero(self._counts).tolist():
            yield self._take(partition)

    def _take(self, partition: int) -> tuple[Partition, Chunk]:
        n = int(self._counts[partition])
        kind: npt.NDArray[np.uint8] = self._kinds[partition, :n].copy()
        position, guild, subject, channel, at, arg = self._numbers[partition, :, :n].copy()
        rests, self._rests[partition] = self._rests[partition], []
        self._counts[partition] = 0
        return Partition(partition), Chunk(
            position=position,
            kind=kind,
            guild=guild,
            subject=subject,
            channel=channel,
            at=at,
            arg=arg,
            role_sets=own_sets(kind, arg, self._args.role_sets),
            rest=Rest.joined(rests),
        )


@MACHINE.entry(
    "int64[::1]", "int64", *["int64[::1]"] * 6, "uint8[::1]", "int64[::1]", "int64[:,:,::1]", "uint8[:,::1]",
    "int64[::1]", results=1,
)  # fmt: skip
def _put(
    partition: Any, first: int, position: Any, guild: Any, subject: Any, channel: Any, at: Any, arg: Any, kind: Any,
    counts: Any, numbers: Any, kinds: Any, places: Any,
) -> int:  # fmt: skip
    """Put rows from `first` on behind those of their partitions; up to the one returned, for which there is no room.

    `places`: where each of them is there.
    """
    most = kinds.shape[1]
    for i in range(first, len(partition)):
        p = np.uint64(partition[i])
        to = counts[p]
        if to == most:
            return i
        counts[p] = to + 1
        places[i], kinds[p, to] = to, kind[i]
        numbers[p, 0, to], numbers[p, 1, to], numbers[p, 2, to] = position[i], guild[i], subject[i]
        numbers[p, 3, to], numbers[p, 4, to], numbers[p, 5, to] = channel[i], at[i], arg[i]
    return len(partition)
