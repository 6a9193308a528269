"""Chunks of what PostgreSQL sends of the log: `columns_fields` takes the bytes apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, Final

import numpy as np

from store.columns_args import Args
from store.columns_ask import UnfitError
from store.columns_book import BOOKED
from store.columns_by_partition import ByPartition
from store.columns_chunk import COLUMNS, Chunk, chunk_of, own_sets, unreadable
from store.columns_fields import AT, CODED, DONE, FULL, ROWS, UNFIT, coded_further, fetched
from store.columns_rows import DriverRows
from store.columns_socket import BEFORE
from store.columns_texts import Bytes, Texts
from tracker.ids import Partition

__all__ = ["SPARE", "Fetcher", "Parts"]

Parts = list[tuple[Partition, Chunk]]

SPARE: Final = 64
"""Bytes behind the last row, whatever they are: what is compiled looks at all numbers of a row before it asks where the
row ends."""
_TEXT_COLUMNS: Final = (2, 3, 10)
_SIZES: Final = 1 + len(COLUMNS)


class Fetcher(Texts):
    """Takes the bytes of an answer in pieces, however they are cut; gives chunks of `rows` rows at most.

    `wanted`: by partition, behind which position and up to which one. `only`: all rows are of this one of the
    database's `partitions`. `in_packets`: each row comes as a whole, in a packet of the server's; else they are those
    of a COPY. `over`: whether the last row may have come; packets do not say.
    """

    def __init__(
        self,
        rows: int,
        wanted: Mapping[Partition, tuple[int, int]],
        only: Partition | None,
        partitions: int,
        *,
        in_packets: bool,
    ) -> None:
        super().__init__(np.zeros(SPARE, np.uint8), rows, Args(), Lock(), coded_further)
        self.over = in_packets
        self._partitions = partitions
        self._before = BEFORE if in_packets else 0
        self._only = -1 if only is None else int(only)
        self._low, self._high = np.zeros(max(wanted) + 1, np.int64), np.zeros(max(wanted) + 1, np.int64)
        for partition, (after, upto) in wanted.items():
            self._low[partition], self._high[partition] = after, upto
        self._left = np.zeros(0, np.uint8)
        self._gathered = ByPartition(len(self._low), self._args)

    def take(self, piece: Bytes, end: int) -> Iterator[Parts]:
        """Chunks, of rows of the piece or of earlier ones (see `left`). The piece ends SPARE bytes before its memory
        does at the latest. Raises LogCorruptError; UnfitError if these are no rows of the log.
        """
        if len(self._left):
            piece, end = np.concatenate((self._left, piece)), len(self._left) + end
        self._pages, state, done = piece, self._state, FULL
        state[AT] = 0
        while done == FULL:
            state[ROWS] = state[CODED] = 0
            booked = int(self._book[BOOKED])
            done = fetched(
                self._pages, end, self._before, self._only, self._partitions, self._low, self._high, state,
                self._columns, self._rows, self._types, self._how, self._slots, self._entries, self._letters,
                self._book, self._kind, self._code, self._arg,
            )  # fmt: skip
            if done == UNFIT:
                raise UnfitError
            n = int(state[ROWS])
            if n:
                yield self._parts(n, booked)
        self.over = self.over or done == DONE
        self._left = piece[int(state[AT]) : end].copy()

    def _parts(self, n: int, booked: int) -> Parts:
        try:
            self._finish(n, int(self._state[CODED]), booked)
            if self._only >= 0:
                return self._whole(n)
            return list(self._gathered.add(self._columns[0, :n], self._found(n)))
        except UnfitError:
            self._begin()  # what it was about to learn is not learned
            return list(self._by_the_codec(n))

    def left(self) -> Parts:
        """What is left when all pieces were taken: of several partitions, rows are gathered by partition."""
        return list(self._gathered.left())

    def _whole(self, n: int) -> Parts:
        """The rows as they are, of the only partition."""
        found, kind, arg = self._found(n), self._kind[:n].copy(), self._arg[:n].copy()
        return [
            (
                Partition(self._only),
                Chunk(
                    position=found.position.copy(),
                    kind=kind,
                    guild=found.guild.copy(),
                    subject=found.subject.copy(),
                    channel=found.channel.copy(),
                    at=found.at.copy(),
                    arg=arg,
                    role_sets=own_sets(kind, arg, self._args.role_sets),
                    rest=found.rest,
                ),
            )
        ]

    def _by_the_codec(self, n: int) -> Iterator[tuple[Partition, Chunk]]:
        """As the driver would give them: what cannot be read is named as ever."""
        for partition in np.unique(self._columns[0, :n]).tolist():
            rows = np.flatnonzero(self._columns[0, :n] == partition)
            found: list[list[Any]] = self._columns[1:_SIZES, rows].tolist()
            for text, column in enumerate(_TEXT_COLUMNS):
                ends = self._columns[column, rows] + self._columns[_SIZES + text, rows]
                places = zip(found[0], found[column - 1], ends.tolist(), strict=True)
                found[column - 1] = [_text(self._pages, partition, *place) for place in places]
            only = Partition(partition)
            yield only, chunk_of(DriverRows(only, list(zip(*found, strict=True))), only, self._args)


def _text(letters: Bytes, partition: int, position: int, start: int, end: int) -> str:
    try:
        return str(letters.data[start:end], "utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(partition, position, f"it is not UTF-8: {error.reason}") from None
