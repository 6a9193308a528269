"""What a fold needs of archived events, as columns beside their texts: in files of trackers before there were
`archive_blocks`.

They say nothing that the texts do not say. A file may lack them, or have those of a tracker that numbered things
otherwise: then the texts are read.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import msgspec
import numpy as np

from store import archive_files
from store.archive import Segment
from store.columns_chunk import Chunk, Ints, own_sets
from store.columns_rest import Rest, Written
from tracker.events import kinds
from tracker.events.codec import DATA_TYPES

__all__ = ["chunks_of"]

_PLAIN: Final = ("position", "guild_id", "subject_id", "channel_id", "occurred_at")
_KIND, _ARG = "fold_kind", "fold_arg"
_REST: Final = ("fold_id", "fold_version", "fold_recorded_at", "fold_data")
"""Of the events that are read for more than their `arg`; null of all others."""

_NAMES: Final = {name: DATA_TYPES[name].VERSION for name in kinds.KINDS}
_MADE_BY: Final = b"1:%08x" % crc32(repr((sorted(kinds.KINDS.items()), sorted(_NAMES.items()))).encode())
"""Who made the columns, that is: what they mean."""

_MADE, _SETS = b"tracker.columns", b"tracker.role_sets"


def chunks_of(segment: Segment, rows: int) -> Generator[Chunk] | None:
    """The whole segment, at most so many `rows` at once; None: it has no such columns.

    Raises ArchiveAwayError, LogCorruptError, ConfigError; here, or later.
    """
    archive_files.require()
    found = _chunks(segment, rows)
    return found if next(found) else None


def _chunks(segment: Segment, rows: int) -> Generator[Any]:
    """First whether the columns are there, then chunks."""
    with archive_files.opened(segment) as file:
        said = file.schema_arrow.metadata or {}
        yield said.get(_MADE) == _MADE_BY
        sets = msgspec.json.decode(said[_SETS], type=list[tuple[int, ...]])
        for number in range(file.num_row_groups):
            for start in range(0, file.metadata.row_group(number).num_rows, rows):
                yield _chunk(_Part(file, number, start, rows), sets)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows of a row group. A column is read when it is asked for: not all of them are in memory at once."""

    file: Any
    number: int
    start: int
    rows: int

    def column(self, name: str) -> Any:
        """As Arrow has it."""
        whole = self.file.read_row_group(self.number, columns=[name], use_threads=False)
        return whole[name].slice(self.start, self.rows)


def _chunk(part: _Part, sets: Sequence[tuple[int, ...]]) -> Chunk:
    position, guild, subject, channel, at = (_numbers(part.column(name)) for name in _PLAIN)
    kind, arg = np.array(part.column(_KIND).to_numpy(), np.uint8), _numbers(part.column(_ARG))
    rest = [part.column(name) for name in _REST]
    rows = np.flatnonzero(rest[1].is_valid().to_numpy())
    ids, versions, recorded_at, texts = (column.drop_null() for column in rest)
    return Chunk(
        position=position,
        kind=kind,
        guild=guild,
        subject=subject,
        channel=channel,
        at=at,
        arg=arg,
        role_sets=own_sets(kind, arg, sets),
        rest=Rest(
            rows=rows,
            ids=Written.of(ids.to_pylist()),
            versions=_numbers(versions),
            recorded_at=_numbers(recorded_at),
            texts=Written.of(texts.to_pylist()),
        ),
    )


def _numbers(values: Any) -> Ints:
    if values.null_count:
        import pyarrow.compute as pc

        values = pc.fill_null(values, 0)
    return np.array(values.to_numpy(), np.int64)  # Arrow's memory is not ours to keep
