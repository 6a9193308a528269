"""One Parquet file of the archive: written so that it survives a power cut, read row group by row group.

The columns are those of the table `events` without the partition, sorted by position. Columns with few different
values are dictionaries, numbers that go up are kept as differences, everything is compressed by zstd.

Whoever reads a file reads it whole and compares its hash first: what a turned bit would make of it is never seen.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from typing import Any, Final, NamedTuple

from store.archive import Segment
from store.archive_shelves import ArchiveFile
from tracker.errors import ArchiveAwayError, ConfigError, LogCorruptError

__all__ = [
    "COLUMNS",
    "Content",
    "batches",
    "columns",
    "opened",
    "opened_sound",
    "read_whole",
    "require",
    "said",
    "sound",
    "table_of",
    "tuples",
    "write",
]

COLUMNS: Final = (
    "position", "id", "type", "version", "guild_id", "subject_id", "channel_id", "occurred_at", "recorded_at", "data",
)  # fmt: skip
"""In this order, in the files as in the rows that are read from them."""

GROUP: Final = 250_000
"""Events in a row group: what a reader has in memory at once."""

_TEXTS: Final = frozenset({"id", "type", "data"})
_MAY_BE_NULL: Final = frozenset({"subject_id", "channel_id"})
_DICTIONARIES: Final = ["type", "version", "guild_id", "subject_id", "channel_id", "data"]
_ENCODINGS: Final = {
    "position": "DELTA_BINARY_PACKED",
    "id": "DELTA_BYTE_ARRAY",
    "occurred_at": "DELTA_BINARY_PACKED",
    "recorded_at": "DELTA_BINARY_PACKED",
}
_SLICE: Final = 10_000


class Content(NamedTuple):
    """What is to be remembered of a file that was written; as of `Segment`."""

    sha256: str
    bytes: int
    blocks_from: int
    blocks_sha256: str


def require() -> None:
    """Raises ConfigError if the library that reads and writes the files is not installed.

    From then on Arrow gives memory back as soon as it is free: its own pool would keep 100 MB of a replay.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(
            "the archive's files are read and written by pyarrow, which is not installed: pip install pyarrow"
        ) from None
    pa.set_memory_pool(pa.system_memory_pool())


def table_of(rows: Sequence[Sequence[Any]]) -> Any:
    """Rows in the order of COLUMNS, as an Arrow table."""
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, _schema(), strict=True)], schema=_schema())


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [pa.field(n, pa.string() if n in _TEXTS else pa.int64(), nullable=n in _MAY_BE_NULL) for n in COLUMNS]
    )


def write(file: ArchiveFile, table: Any) -> Content:
    """Writes a new file, for good, and reads it back.

    Behind the rows stands what a fold needs of them (`archive_blocks`), where no reader of Parquet looks.

    Raises ArchiveAwayError if it cannot be written, LogCorruptError if what is read back is not what was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = table.replace_schema_metadata(None)  # what an older tracker said of its columns
    content, blocks_from = _content(table)
    file.write(content)
    try:
        there = file.read()
        same = there == content and pq.read_table(pa.BufferReader(there)).equals(table)
    except (pa.ArrowException, OSError):  # of what is damaged, Arrow says either
        same = False
    if not same:
        raise LogCorruptError(f"{file} does not hold what was written to it; is the disk damaged?")
    return said(content, blocks_from)


def said(content: bytes, blocks_from: int) -> Content:
    """What is to be remembered of a file with this content."""
    return Content(
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        blocks_from=blocks_from,
        blocks_sha256=hashlib.sha256(memoryview(content)[blocks_from:]).hexdigest(),
    )


def _content(table: Any) -> tuple[bytes, int]:
    """A file, and where its blocks begin."""
    import pyarrow.parquet as pq

    from store import archive_blocks  # numpy is not for a bot that archives nothing

    made = io.BytesIO()
    with pq.ParquetWriter(
        made, table.schema, compression="zstd", compression_level=3,
        use_dictionary=_DICTIONARIES, column_encoding=_ENCODINGS, version="2.6",
        sorting_columns=[pq.SortingColumn(0)],
    ) as writer:  # fmt: skip
        writer.write_table(table, row_group_size=GROUP)
        start = made.tell()
        blocks, key = archive_blocks.blocks_of(table, start) or (b"", None)
        made.write(blocks)
        if key is not None:
            writer.add_key_value_metadata({archive_blocks.KEY: key})
    return made.getvalue(), start


def read_whole(segment: Segment) -> Any:
    """The segment as an Arrow table. Raises ArchiveAwayError, LogCorruptError."""
    import pyarrow as pa

    return pa.concat_tables(list(batches(segment)))


def batches(segment: Segment, mask: Callable[[Any], Any] | None = None, needs: Sequence[str] = ()) -> Generator[Any]:
    """The segment's row groups as Arrow tables, in order. The file is read at once.

    `mask`: of a table with the columns `needs`, says which rows are wanted; of row groups without any, no more is read.
    Raises ArchiveAwayError, LogCorruptError, ConfigError.
    """
    require()
    return _batches(segment, sound(segment), mask, needs)


def _batches(
    segment: Segment, content: bytes, mask: Callable[[Any], Any] | None, needs: Sequence[str]
) -> Generator[Any]:
    import pyarrow.compute as pc

    with opened(segment, content) as file:
        for number in range(file.num_row_groups):
            wanted = None
            if mask is not None:
                wanted = mask(file.read_row_group(number, columns=list(needs)))
                if not pc.any(wanted).as_py():
                    continue
            group = file.read_row_group(number, columns=list(COLUMNS))
            yield group if wanted is None else group.filter(wanted)


def columns(segment: Segment, names: Sequence[str]) -> Iterator[Any]:
    """Some columns of the segment, row group by row group. Raises as `batches` does."""
    require()
    with opened(segment) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=list(names))


@contextmanager
def opened(segment: Segment, content: bytes | None = None) -> Iterator[Any]:
    """The segment's file, read whole (`content`: by now), as pyarrow's ParquetFile.

    Raises as `batches` does, whatever fails within.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = sound(segment) if content is None else content
    try:
        with pq.ParquetFile(pa.BufferReader(whole)) as file:
            yield file
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise LogCorruptError(
            f"the log's archive: {segment.named} cannot be read ({reason}), though it is as it was written; "
            "was it written by a newer tracker?"
        ) from None


def sound(segment: Segment) -> bytes:
    """The file's content, if it is as it was written: its size and SHA-256 are what the database says.

    Takes a hundredth of the time that reading the events takes. Needs no pyarrow. Raises ArchiveAwayError if the file
    is not there, LogCorruptError if it was changed.
    """
    with _readable(segment):
        content = segment.file.read()
    _compare(segment, len(content), hashlib.sha256(content).hexdigest(), segment.sha256)
    return content


def opened_sound(segment: Segment) -> FileIO:
    """The file with what folds read of it, if that is as it was written; takes no memory. To be closed.

    What is before that is neither read nor compared. Raises as `sound`.
    """
    with _readable(segment):
        file, sha256, size = segment.file.opened(segment.blocks_from)
    try:
        _compare(segment, size, sha256, segment.blocks_sha256)
    except LogCorruptError:
        file.close()
        raise
    return file


@contextmanager
def _readable(segment: Segment) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise segment.away() from None
    except OSError as error:
        raise ArchiveAwayError(
            f"the log's archive: {segment.named} cannot be read ({error.strerror or error})"
        ) from None


def _compare(segment: Segment, size: int, sha256: str, wanted: str) -> None:
    if size != segment.bytes or sha256 != wanted:
        what = f"{size:,} bytes instead of {segment.bytes:,}" if size != segment.bytes else "another SHA-256"
        raise LogCorruptError(
            f"the log's archive: {segment.named} is not as it was written (it has {what}); "
            "put a sound copy of the file in its place"
        )


def tuples(table: Any) -> Iterator[tuple[Any, ...]]:
    """The table's rows in the order of COLUMNS, as plain values."""
    for start in range(0, table.num_rows, _SLICE):
        part = table.slice(start, _SLICE)
        yield from zip(*(part.column(name).to_pylist() for name in COLUMNS), strict=True)
