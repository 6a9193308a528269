"""Archived events by guild, as they are in a segment's file (`store.archive_blocks`): read when they are folded."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple

import msgspec
import numpy as np

from store import archive_files
from store.archive import Segment
from store.archive_blocks import KEY, MADE_BY, SIZES, Index, Said, codec
from store.columns_chunk import ARRAYS, Chunk, Ints
from tracker.errors import ArchiveAwayError, LogCorruptError

__all__ = ["Piece", "Stored", "stored"]

_BEFORE: Final = -(1 << 62)
"""Blocks do not say positions. What stands for them is lower than any, and in their order."""

_AT, _BYTES = range(2)
_decode = msgspec.msgpack.Decoder(Said).decode
_decode_index = msgspec.msgpack.Decoder(Index).decode


class Piece(NamedTuple):
    """Some rows of a block: `first` to before `end`. `numbers`: its slice. `said`: None if it says nothing."""

    position: int
    first: int
    end: int
    events: int
    numbers: np.ndarray
    ids: Ints
    said: Said | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """A segment whose events are to be read guild by guild. `guilds`: only theirs; None: all. Close it."""

    segment: Segment
    guilds: frozenset[int] | None
    ahead: Chunk
    _block: int
    _known: Ints = field(repr=False)
    _starts: Ints = field(repr=False)
    _newest: Ints = field(repr=False)
    _blocks: Ints = field(repr=False)
    _file: IO[bytes] | None = field(repr=False)

    def close(self) -> None:
        """Nothing more is read."""
        if self._file is not None:
            self._file.close()

    @property
    def events(self) -> int:
        """How many are wanted."""
        return sum(end - first for first, end in self._ranges(0, len(self._known)))

    @property
    def newest(self) -> int:
        """The last instant of which those speak, 0 at least."""
        wanted = np.ones(len(self._known), bool) if self.guilds is None else np.isin(self._known, list(self.guilds))
        return int(self._newest[wanted].max(initial=0))

    def groups(self, bounds: Ints) -> Ints:
        """Of which groups of guilds any is; `bounds`: the guild with which each group but the first begins."""
        wanted = self._known if self.guilds is None else self._known[np.isin(self._known, list(self.guilds))]
        return np.unique(np.searchsorted(bounds, wanted, side="right"))

    def pieces(self, low: int | None, high: int | None) -> Iterator[Piece]:
        """The events of the guilds from `low` on, up to before `high` (None: without end), in the order of guild,
        instant and position. Raises LogCorruptError, ArchiveAwayError, OSError.
        """
        for first, last in self._ranges(*self._within(low, high)):
            yield from self._between(first, last)

    def _within(self, low: int | None, high: int | None) -> tuple[int, int]:
        begin = 0 if low is None else int(self._known.searchsorted(low))
        return begin, len(self._known) if high is None else int(self._known.searchsorted(high))

    def _ranges(self, begin: int, end: int) -> list[tuple[int, int]]:
        """From where to where the rows of the wanted ones of these guilds are."""
        if self.guilds is None:
            return [(int(self._starts[begin]), int(self._starts[end]))] if begin < end else []
        wanted = begin + np.flatnonzero(np.isin(self._known[begin:end], list(self.guilds)))
        return list(zip(self._starts[wanted].tolist(), self._starts[wanted + 1].tolist(), strict=True))

    def _between(self, first: int, last: int) -> Iterator[Piece]:
        """The rows from `first` to before `last`."""
        begin, end = first // self._block, -(-last // self._block)
        blocks, events = self._blocks[begin:end].tolist(), int(self._starts[-1])
        start = blocks[0][_AT]
        packed = memoryview(self._bytes(start, blocks[-1][_AT] + blocks[-1][_BYTES] - start))
        unpack = codec().decompress
        with _sound(self.segment):
            for number, (at, size, slice_, ids, said) in enumerate(blocks, begin):
                here = number * self._block
                whole = unpack(packed[at - start : at - start + size], slice_ + ids + said)
                found = np.frombuffer(whole, np.uint8)
                said_here = _decode(found[slice_ + ids :].data)
                yield Piece(
                    position=_BEFORE + self.segment.first + here,
                    first=max(first - here, 0),
                    end=min(last - here, self._block),
                    events=min(events - here, self._block),
                    numbers=found[:slice_],
                    ids=found[slice_ : slice_ + ids].view(np.int64),
                    said=said_here if said_here.positions or said_here.changed else None,
                )

    def _bytes(self, start: int, size: int) -> bytes:
        if self._file is not None:
            return os.pread(self._file.fileno(), size, start)
        try:
            return self.segment.file.part(start, size)
        except OSError:
            raise ArchiveAwayError(
                f"the log's archive: {self.segment.named} went while it was being read (a member may have been "
                "forgotten meanwhile); do it again"
            ) from None


def stored(segment: Segment, guilds: Collection[int] | None, *, keep: bool) -> Stored | None:
    """The segment by guild; None: its file has no blocks that this tracker made. `keep` the file open, so that an
    erasure may replace it meanwhile. Raises ArchiveAwayError, LogCorruptError, ConfigError.
    """
    archive_files.require()
    file = archive_files.opened_sound(segment)
    where = _where(file)
    if where is None:
        file.close()
        return None
    index = _index(segment, file, where)
    if not keep or not hasattr(os, "pread"):
        file.close()
    numbers = (index.guilds, index.counts, index.newest, index.blocks)
    known, counts, newest, blocks = (np.frombuffer(one, np.int64) for one in numbers)
    return Stored(
        segment=segment,
        guilds=None if guilds is None else frozenset(guilds),
        ahead=_ahead(index),
        _block=index.block,
        _known=known,
        _starts=np.cumsum(np.concatenate([[0], counts])),
        _newest=newest,
        _blocks=blocks.reshape(-1, SIZES),
        _file=None if file.closed else file,
    )


def _where(file: IO[bytes]) -> tuple[int, int, int] | None:
    """Where the index is, and how many bytes it has in the file and unpacked. Looks at the end of the file only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.PythonFile(file, "r")) as parquet:
            made_by, *where = msgspec.json.decode((parquet.metadata.metadata or {}).get(KEY, b"[0,0,0,0]"))
    except (
        pa.ArrowException,
        OSError,
        msgspec.DecodeError,
        ValueError,
        TypeError,
    ):  # whoever reads it says what is wrong
        return None
    if made_by != MADE_BY:
        return None
    start, size, whole = where
    return start, size, whole


def _index(segment: Segment, file: IO[bytes], where: tuple[int, int, int]) -> Index:
    start, size, whole = where
    with _sound(segment):
        file.seek(start)
        return _decode_index(codec().decompress(file.read(size), whole))


def _ahead(index: Index) -> Chunk:
    columns = dict(zip(ARRAYS, np.frombuffer(index.ahead, np.int64).reshape(len(ARRAYS), -1).copy(), strict=True))
    kind = columns.pop("kind").astype(np.uint8)
    return Chunk(kind=kind, role_sets=[], rest=index.said.kept.rest(), **columns)


@contextmanager
def _sound(segment: Segment) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, msgspec.DecodeError, ValueError) as error:
        raise LogCorruptError(
            f"the log's archive: {segment.named} was changed while it was being read ({error}); "
            "put a sound copy of the file in its place"
        ) from None
