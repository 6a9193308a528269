"""SHA-256 of short texts: what a text counts as in a fingerprint (`store.shadow_hash`), as numba compiles it.

FIPS 180-4. Its constants are the first bits of the roots of the first primes, and are computed here as such.
"""

from __future__ import annotations

from itertools import count, islice
from math import isqrt
from typing import Any, Final

import numpy as np

from tracker.projections.machine import Machine

__all__ = ["MACHINE", "ROOM", "number_of", "numbered"]

MACHINE: Final = Machine(__name__)

_BITS: Final = 60
_LOW: Final = 0xFFFF_FFFF


def _primes(many: int) -> list[int]:
    return list(islice((n for n in count(2) if all(n % p for p in range(2, isqrt(n) + 1))), many))


def _cube_root(number: int) -> int:
    low, high = 0, 1 << 64
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle)
    return low


_ROUNDS: Final = np.array([_cube_root(p << 96) & _LOW for p in _primes(64)], np.uint32)
"""32 bits of the fractions of the cube roots of the first 64 primes."""
_BEGIN: Final = np.array([isqrt(p << 64) & _LOW for p in _primes(8)], np.uint32)
"""32 bits of the fractions of the square roots of the first 8 primes."""

ROOM: Final = 64 + 8
"""Numbers of 32 bits that `number_of` works with."""


def _turned(value: Any, by: int) -> Any:
    """The 32 bits turned to the right."""
    return np.uint32(np.uint32(value >> np.uint32(by)) | np.uint32(value << np.uint32(32 - by)))


def _block(w: Any, h: Any) -> None:
    """Take in the block of which the first 16 numbers of `w` are made."""
    for i in range(16, 64):
        a, b = w[i - 15], w[i - 2]
        s = _turned(a, 7) ^ _turned(a, 18) ^ np.uint32(a >> np.uint32(3))
        t = _turned(b, 17) ^ _turned(b, 19) ^ np.uint32(b >> np.uint32(10))
        w[i] = np.uint32(w[i - 16] + s + w[i - 7] + t)
    a, b, c, d = h[0], h[1], h[2], h[3]
    e, f, g, z = h[4], h[5], h[6], h[7]
    for i in range(64):
        s = _turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)
        one = np.uint32(z + s + ((e & f) ^ (~e & g)) + _ROUNDS[i] + w[i])
        t = _turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)
        two = np.uint32(t + ((a & b) ^ (a & c) ^ (b & c)))
        z, g, f, e = g, f, e, np.uint32(d + one)
        d, c, b, a = c, b, a, np.uint32(one + two)
    h[0], h[1], h[2], h[3] = (np.uint32(h[0] + a), np.uint32(h[1] + b), np.uint32(h[2] + c), np.uint32(h[3] + d))
    h[4], h[5], h[6], h[7] = (np.uint32(h[4] + e), np.uint32(h[5] + f), np.uint32(h[6] + g), np.uint32(h[7] + z))


@MACHINE.entry("uint8[::1]", "int64", "int64", "uint32[::1]", results=1)
def number_of(m: Any, at: int, size: int, room: Any) -> Any:
    """The first 60 bits of the SHA-256 of the `size` bytes at `at`. `room`: ROOM numbers of 32 bits."""
    w, h = room[:64], room[64:]
    for i in range(8):
        h[i] = _BEGIN[i]
    blocks = (size + 8) // 64 + 1
    for block in range(blocks):
        for i in range(16):
            word = np.uint32(0)
            for k in range(4):
                place = 64 * block + 4 * i + k
                byte = np.uint32(0)
                if place < size:
                    byte = np.uint32(m[np.uint64(at + place)])
                elif place == size:
                    byte = np.uint32(0x80)
                word = np.uint32(np.uint32(word << np.uint32(8)) | byte)
            w[i] = word
        if block == blocks - 1:
            w[14], w[15] = np.uint32(size >> 29), np.uint32(size << 3)
        _block(w, h)
    return np.int64((np.uint64(h[0]) << np.uint64(32) | np.uint64(h[1])) >> np.uint64(64 - _BITS))


@MACHINE.entry("int64[:,::1]", "int64[::1]", "uint8[::1]", "int64", "uint32[::1]")
def numbered(rows: Any, cells: Any, letters: Any, length_bits: int, room: Any) -> None:
    """Put, for each text of these `cells`, what it counts as; they say where in `letters` it is, and how long.

    `room`: for `number_of`.
    """
    for i in range(len(rows)):
        for c in cells:
            place = rows[i, c]
            if rows[i, rows.shape[1] - 1] >> c & 1 == 0:
                rows[i, c] = number_of(letters, place >> length_bits, place & (1 << length_bits) - 1, room)
