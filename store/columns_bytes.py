"""Numbers out of bytes: the smallest parts of what is compiled of reading files and answers of databases (`Machine`).

Indexes are cast to unsigned numbers, because numba then need not ask whether they count from the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["byte", "copy", "eight", "half", "number", "varint", "word"]


def byte(m: Any, at: int) -> Any:
    """The byte at `at`."""
    return np.int64(m[np.uint64(at)])


def half(m: Any, at: int) -> Any:
    """The number of two bytes at `at`."""
    return byte(m, at) << 8 | byte(m, at + 1)


def word(m: Any, at: int) -> Any:
    """The number of four bytes at `at`, which the processor reads as one."""
    i = np.uint64(at)
    return np.int64(
        np.uint64(m[i]) << np.uint64(24)
        | np.uint64(m[i + np.uint64(1)]) << np.uint64(16)
        | np.uint64(m[i + np.uint64(2)]) << np.uint64(8)
        | np.uint64(m[i + np.uint64(3)])
    )


def eight(m: Any, at: int) -> Any:
    """The unsigned number of eight bytes at `at`, which the processor reads as one."""
    i = np.uint64(at)
    return (
        np.uint64(m[i]) << np.uint64(56)
        | np.uint64(m[i + np.uint64(1)]) << np.uint64(48)
        | np.uint64(m[i + np.uint64(2)]) << np.uint64(40)
        | np.uint64(m[i + np.uint64(3)]) << np.uint64(32)
        | np.uint64(m[i + np.uint64(4)]) << np.uint64(24)
        | np.uint64(m[i + np.uint64(5)]) << np.uint64(16)
        | np.uint64(m[i + np.uint64(6)]) << np.uint64(8)
        | np.uint64(m[i + np.uint64(7)])
    )


def copy(a: Any, i: Any, b: Any, j: Any, size: Any) -> None:
    """Copy some bytes of `a` to `b`."""
    for k in range(size):
        b[np.uint64(j + k)] = a[np.uint64(i + k)]


def varint(m: Any, at: int) -> tuple[Any, int]:
    """A number of seven bits a byte, and where it ends; -1: longer than any size in a file."""
    value = np.int64(0)
    for i in range(5):
        part = byte(m, at + i)
        value = value << 7 | (part & 127)
        if part < 128:
            return value, at + i + 1
    return np.int64(-1), at


def number(m: Any, at: int, serial: int) -> Any:
    """A column's whole number; 0 for null."""
    if serial == 0 or serial == 8:
        return np.int64(0)
    if serial == 9:
        return np.int64(1)
    size = serial if serial <= 4 else 6 if serial == 5 else 8
    value = byte(m, at)
    if value >= 128:
        value -= 256
    for i in range(1, size):
        value = value << 8 | byte(m, at + i)
    return value
