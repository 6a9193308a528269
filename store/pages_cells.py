"""A row as SQLite keeps it on a page (sqlite.org/fileformat2.html, the record format): what numba compiles of it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.columns_bytes import copy
from store.shadow_rows import LENGTH_BITS

__all__ = ["PAGE", "PAYLOAD", "cell", "text_cell"]

PAGE: Final = 4096
PAYLOAD: Final = (PAGE - 12) * 64 // 255 - 23
"""Bytes of a row at most: of a longer one SQLite keeps a part elsewhere. So four rows fit onto a page at least."""

_LENGTH: Final = (1 << LENGTH_BITS) - 1


def _put_eight(out: Any, at: int, value: Any) -> None:
    """Write eight bytes at `at`."""
    i = np.uint64(at)
    out[i] = np.uint8(value >> np.uint64(56))
    out[i + np.uint64(1)] = np.uint8(value >> np.uint64(48))
    out[i + np.uint64(2)] = np.uint8(value >> np.uint64(40))
    out[i + np.uint64(3)] = np.uint8(value >> np.uint64(32))
    out[i + np.uint64(4)] = np.uint8(value >> np.uint64(24))
    out[i + np.uint64(5)] = np.uint8(value >> np.uint64(16))
    out[i + np.uint64(6)] = np.uint8(value >> np.uint64(8))
    out[i + np.uint64(7)] = np.uint8(value)


def cell(cells: Any, row: int, width: int, out: Any, start: int) -> int:
    """A row as SQLite keeps it on a leaf: how long it is, the types of its numbers, then those. Returns where it ends.

    The last number of a row says where it is null. Each number is written in 8 bytes, of which the next one leaves as
    many as it has: which size a number has is not to be guessed by the processor, and up to 7 bytes behind the end are
    scratched.
    """
    nulls = cells[row, width]
    out[start + 1] = width + 1  # each type takes one byte, and so does this number
    at = start + 2 + width
    for i in range(width):
        value = cells[row, i]
        bits = value ^ value >> 63
        size = 1 + (bits > 0x7F) + (bits > 0x7FFF) + (bits > 0x7F_FFFF) + (bits > 0x7FFF_FFFF)
        size += bits > 0x7FFF_FFFF_FFFF
        kind = size
        size += (kind > 4) + (kind > 5)
        if np.uint64(value) < 2:
            kind, size = 8 + value, 0
        if nulls >> i & 1:
            kind, size = 0, 0
        out[np.uint64(start + 2 + i)] = kind
        _put_eight(out, at, np.uint64(value) << np.uint64(64 - 8 * size & 63))
        at += size
    size = at - start - 1
    if size < 128:
        out[start] = size
        return at
    for byte in range(at - 1, start, -1):  # it takes two bytes to say so
        out[byte + 1] = out[byte]
    out[start], out[start + 1] = 128 | size >> 7, size & 127
    return at + 1


def _kind(value: Any, absent: bool) -> tuple[Any, Any]:
    """The type of a number, and how many bytes it takes."""
    if absent:
        return np.int64(0), np.int64(0)
    if np.uint64(value) < 2:
        return 8 + value, np.int64(0)
    bits = value ^ value >> 63
    kind = 1 + (bits > 0x7F) + (bits > 0x7FFF) + (bits > 0x7F_FFFF) + (bits > 0x7FFF_FFFF)
    kind += bits > 0x7FFF_FFFF_FFFF
    return np.int64(kind), np.int64(kind + (kind > 4) + (kind > 5))


def _small(out: Any, at: int, value: Any) -> int:
    """Write a number below 2^14, of seven bits a byte. Returns where it ends."""
    if value < 128:
        out[at] = value
        return at + 1
    out[at], out[at + 1] = 128 | value >> 7, value & 127
    return at + 2


def text_cell(cells: Any, row: int, width: int, texts: Any, letters: Any, out: Any, start: int) -> int:
    """As `cell`, of a row some cells of which are `texts`: such a number says where in `letters` the text begins and,
    in its lowest bits, how long it is. The whole has no more than PAYLOAD bytes.
    """
    nulls = cells[row, width]
    head, body = np.int64(1), np.int64(0)
    for i in range(width):
        absent = bool(nulls >> i & 1)
        kind, size = _kind(cells[row, i], absent)
        if texts[i] and not absent:
            size = cells[row, i] & _LENGTH
            kind = 13 + 2 * size
        head += 1 + (kind > 127)
        body += size
    at = _small(out, start, head + body)
    value_at = at + head
    at = _small(out, at, head)
    for i in range(width):
        absent = bool(nulls >> i & 1)
        value = cells[row, i]
        kind, size = _kind(value, absent)
        if texts[i] and not absent:
            size = value & _LENGTH
            kind = 13 + 2 * size
            copy(letters, value >> LENGTH_BITS, out, value_at, size)
        else:
            for byte in range(size):
                out[value_at + byte] = value >> 8 * (size - 1 - byte) & 255
        at = _small(out, at, kind)
        value_at += size
    return int(value_at)
