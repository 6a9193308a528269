"""Rows in the format of PostgreSQL's binary COPY: the part that numba compiles."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tracker.projections.machine import Machine

__all__ = ["MACHINE", "packed"]

MACHINE: Final = Machine(__name__)


def _put(out: Any, at: int, value: Any, size: int) -> None:
    """A number of so many bytes, the highest one first."""
    for i in range(size):
        out[np.uint64(at + i)] = np.uint8(value >> 8 * (size - 1 - i))


def _size(rows: Any, i: int, texts: Any, length_bits: int) -> Any:
    """How many bytes a row takes at most."""
    width = rows.shape[1] - 1
    size = 2 + 12 * width
    for c in range(width):
        if texts[c]:
            size += rows[i, c] & ((1 << length_bits) - 1)
    return size


@MACHINE.entry(
    "int64[:,::1]", "int64", "boolean[::1]", "int64", "int64", "uint8[::1]", "uint8[::1]", "int64", results=2
)
def packed(
    rows: Any, first: int, texts: Any, any_text: bool, length_bits: int, letters: Any, out: Any, at: int
) -> tuple[int, int]:
    """Rows (*cells, marks) from the first one on into `out` from there on, as many as there is room for; which one is
    next, and where what was put there ends.

    Of each row the number of its cells, then each one's length (-1: null) and its bytes. `texts`: by cell, whether it
    says where in `letters` its text begins and, in its lowest bits, how long that is.
    """
    width, most = rows.shape[1] - 1, 2 + 12 * (rows.shape[1] - 1)
    for i in range(first, rows.shape[0]):
        if any_text:
            most = _size(rows, i, texts, length_bits)
        if at + most > len(out):
            return i, at
        marks = rows[i, width]
        _put(out, at, np.int64(width), 2)
        at += 2
        for c in range(width):
            value = rows[i, c]
            if marks >> c & 1:
                _put(out, at, np.int64(-1), 4)
                at += 4
            elif texts[c]:
                start, length = value >> length_bits, value & ((1 << length_bits) - 1)
                _put(out, at, length, 4)
                at += 4
                for k in range(length):
                    out[np.uint64(at + k)] = letters[np.uint64(start + k)]
                at += length
            else:
                _put(out, at, np.int64(8), 4)
                _put(out, at + 4, value, 8)
                at += 12
    return rows.shape[0], at
