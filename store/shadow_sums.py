"""The fingerprint of rows in memory (`store.shadow_hash`): the part that numba compiles."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tracker.projections.machine import Machine

__all__ = ["MACHINE", "rest", "summed"]

MACHINE: Final = Machine(__name__)
_HALF: Final = 31


def rest(value: Any, modulus: Any, inverse: float) -> Any:
    """What is left of a division whose quotient is rounded towards 0, as in SQL. `inverse`: 1 / modulus.

    Most numbers are smaller than the modulus. A float's quotient is wrong by one at most, because it is smaller than
    2^33 and a float has 53 bits; what is left then has the wrong sign, or is too large.
    """
    if -modulus < value < modulus:
        return value
    left = value - np.int64(np.float64(value) * inverse) * modulus
    if left <= -modulus or (left < 0 and value > 0):
        left += modulus
    elif left >= modulus or (left > 0 and value < 0):
        left -= modulus
    return left


@MACHINE.entry("int64[:,::1]", *["int64[::1]"] * 3, results=2)
def summed(rows: Any, weights: Any, nulls: Any, moduli: Any) -> Any:
    """The low and the high halves of the hashes of rows (*cells, marks), added up.

    `nulls`: by cell, what null counts as, 0 where none may be. `moduli`: of a cell, and the two of a row.
    """
    low = high = np.int64(0)
    cell, one, two = moduli[0], moduli[1], moduli[2]
    by_cell, by_one, by_two = 1.0 / cell, 1.0 / one, 1.0 / two
    width = len(weights)
    for i in range(len(rows)):
        marks = rows[i, width]
        total = np.int64(0)
        for c in range(width):
            value = rows[i, c]
            if nulls[c] and marks >> c & 1:
                value = nulls[c]
            total += rest(value, cell, by_cell) * weights[c]
        hashed = rest(total, one, by_one) * rest(total, two, by_two)
        low += hashed & (1 << _HALF) - 1
        high += hashed >> _HALF
    return low, high
