"""Segments as trackers wrote them before their files had blocks by guild: with columns for folds, or without."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import numpy as np

from store import archive_columns
from store.archive_files import Content, said
from store.archive_shelves import ArchiveFile
from store.columns_args import Args
from store.columns_arrow import ArrowRows
from store.columns_chunk import chunk_of

__all__ = ["with_columns", "write", "write_plain"]


def write(file: ArchiveFile, table: Any) -> Content:
    """In the place of `archive_files.write`: with columns."""
    return write_plain(file, with_columns(table))


def write_plain(file: ArchiveFile, table: Any) -> Content:
    """The table and nothing else."""
    import pyarrow.parquet as pq

    made = io.BytesIO()
    pq.write_table(table, made, compression="zstd")
    content = made.getvalue()
    file.write(content)
    return said(content, 0)


def with_columns(table: Any) -> Any:
    """The table with the columns of a fold."""
    import pyarrow as pa

    batches = table.combine_chunks().to_batches()
    if not batches:
        return table
    args = Args()
    chunk = chunk_of(ArrowRows(batches[0]), 0, args)
    kind, arg = archive_columns._KIND, archive_columns._ARG
    made = table.append_column(kind, pa.array(chunk.kind)).append_column(arg, pa.array(chunk.arg))
    index = np.full(table.num_rows, -1, np.int64)
    index[chunk.rest.rows] = np.arange(len(chunk.rest.rows))
    where = pa.array(index, mask=index < 0)
    forms = (pa.string(), pa.int64(), pa.int64(), pa.string())
    rest = [list(one) for one in (chunk.rest.ids, chunk.rest.versions, chunk.rest.recorded_at, chunk.rest.texts)]
    for name, values, form in zip(archive_columns._REST, rest, forms, strict=True):
        made = made.append_column(name, pa.array(values, form).take(where))
    sets = msgspec.json.encode(chunk.role_sets)
    return made.replace_schema_metadata({archive_columns._MADE: archive_columns._MADE_BY, archive_columns._SETS: sets})
