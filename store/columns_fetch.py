"""Chunks of what PostgreSQL sends of the log: `columns_fields` takes the bytes apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_args import Args
from store.columns_ask import UnfitError
from store.columns_book import BOOKED
from store.columns_chunk import COLUMNS, Chunk, Rest, chunk_of, own_sets, unreadable
from store.columns_fields import AT, CODED, DONE, FULL, ROWS, UNFIT, apart, fetched
from store.columns_rows import DriverRows
from store.columns_socket import BEFORE
from store.columns_texts import Bytes, Found, Texts
from tracker.ids import Partition

__all__ = ["SPARE", "Fetcher", "Parts"]

Parts = list[tuple[Partition, Chunk]]

SPARE: Final = 16
"""Bytes behind the last row, whatever they are: what is compiled looks at eight at a time."""
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
        super().__init__(np.zeros(SPARE, np.uint8), rows, Args(), Lock())
        self.over = in_packets
        self._partitions = partitions
        self._before = BEFORE if in_packets else 0
        self._only = -1 if only is None else int(only)
        self._low, self._high = np.zeros(max(wanted) + 1, np.int64), np.zeros(max(wanted) + 1, np.int64)
        for partition, (after, upto) in wanted.items():
            self._low[partition], self._high[partition] = after, upto
        self._left = np.zeros(0, np.uint8)

    def take(self, piece: Bytes, end: int) -> Iterator[Parts]:
        """The chunks of a piece, which ends SPARE bytes before its memory does at the latest. Raises LogCorruptError;
        UnfitError if these are no rows of the log.
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
            return list(self._apart(n, self._found(n)))
        except UnfitError:
            self._begin()  # what it was about to learn is not learned
            return list(self._by_the_codec(n))

    def _apart(self, n: int, found: Found) -> Iterator[tuple[Partition, Chunk]]:
        """The rows by partition."""
        ends, places = np.empty(len(self._low), np.int64), np.empty(n, np.int64)
        kind, out = np.empty(n, np.uint8), np.empty((6, n), np.int64)
        apart(self._columns, n, self._kind, self._arg, ends, places, kind, out)
        rest = places[found.rest.rows]
        order = np.argsort(rest)
        rest = rest[order]
        for partition in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
            a, b = int(ends[partition - 1]) if partition else 0, int(ends[partition])
            position, guild, subject, channel, at, arg = out[:, a:b]
            first, last = np.searchsorted(rest, (a, b)).tolist()
            yield (
                Partition(partition),
                Chunk(
                    position=position,
                    kind=kind[a:b],
                    guild=guild,
                    subject=subject,
                    channel=channel,
                    at=at,
                    arg=arg,
                    role_sets=own_sets(kind[a:b], arg, self._args.role_sets),
                    rest=_some(found.rest, rest[first:last] - a, order[first:last].tolist()),
                ),
            )

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


def _some(rest: Rest, rows: npt.NDArray[np.intp], places: list[int]) -> Rest:
    return Rest(
        rows=rows,
        ids=[rest.ids[i] for i in places],
        versions=[rest.versions[i] for i in places],
        recorded_at=[rest.recorded_at[i] for i in places],
        texts=[rest.texts[i] for i in places],
    )


def _text(letters: Bytes, partition: int, position: int, start: int, end: int) -> str:
    try:
        return str(letters.data[start:end], "utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(partition, position, f"it is not UTF-8: {error.reason}") from None
