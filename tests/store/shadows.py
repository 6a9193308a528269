"""Handing rows to a rebuild's shadow tables, as its engine does: as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from store.schema import TEXT_COLUMNS
from store.shadow import Shadow
from tracker.ids import Partition
from tracker.projections.rows import TABLES, Changes, Row

__all__ = ["add_changes", "add_rows", "as_columns"]


def as_columns(name: str, rows: Sequence[Row]) -> tuple[list[Any], dict[str, Any]]:
    """Rows of (*table.columns) as columns, and where those are null."""
    columns: list[Any] = []
    nulls: dict[str, Any] = {}
    for i, column in enumerate(TABLES[name].columns):
        cells = [row[i] for row in rows]
        if column in TEXT_COLUMNS:
            columns.append(cells)
        else:
            columns.append(np.array([0 if cell is None else int(cell) for cell in cells], np.int64))
            nulls[column] = np.array([cell is None for cell in cells], bool)
    return columns, nulls


def add_rows(shadow: Shadow, name: str, partition: int, rows: Sequence[Row], *, fresh: bool = True) -> None:
    """Adds rows of (*table.columns)."""
    columns, nulls = as_columns(name, rows)
    shadow.add(name, Partition(partition), columns, nulls, fresh=fresh)


def add_changes(shadow: Shadow, changes: Mapping[Partition, Changes]) -> None:
    """Adds all that folds from nothing have left."""
    for partition, change in changes.items():
        for name, rows in change.rows.items():
            add_rows(shadow, name, partition, rows, fresh=True)
