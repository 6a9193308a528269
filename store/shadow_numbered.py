"""The fingerprint of rows with texts, as numba compiles it."""

from __future__ import annotations

from typing import Any

import numpy as np

from store import shadow_sums
from store.shadow_hash import HALF, MODULI, Fingerprint, text_cells, weighed
from store.shadow_rows import LENGTH_BITS, Matrix
from store.shadow_sha import ROOM, numbered
from tracker.projections.rows import Table

__all__ = ["fingerprint_of_rows", "fingerprint_of_texts"]


def fingerprint_of_rows(table: Table, rows: Matrix) -> Fingerprint:
    """The fingerprint of a matrix's rows; what its texts count as is already there."""
    weights, nulls = (np.array(column, np.int64) for column in weighed(table))
    low, high = shadow_sums.summed(rows, weights, nulls, np.array(MODULI, np.int64))
    return Fingerprint(rows=len(rows), total=(int(high) << HALF) + int(low))


def fingerprint_of_texts(table: Table, rows: Matrix, letters: np.ndarray[Any, np.dtype[np.uint8]]) -> Fingerprint:
    """The fingerprint of a matrix's rows, whose texts are among these letters."""
    cells = rows.copy()
    numbered(cells, np.array(text_cells(table), np.int64), letters, LENGTH_BITS, np.empty(ROOM, np.uint32))
    return fingerprint_of_rows(table, cells)
