"""Guilds and channels by number: their ids are long, and of few there are very many events."""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

import numpy as np

from store.columns_chunk import Ints
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "Places"]

_SLOTS: Final = 1 << 12
MACHINE: Final = Machine(__name__)


class Places:
    """Ids by number, from 0 on in the order of their coming. Several threads may ask. Needs numba."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._count = 0
        self._ids = np.empty(_SLOTS // 2, np.int64)
        self._slots = np.zeros(_SLOTS, np.int32)

    def numbers(self, ids: Ints) -> Ints:
        """The number of each id; new ones get one."""
        found, done = np.empty(len(ids), np.int64), 0
        with self._turn:
            while done < len(ids):
                done, self._count = _numbered(ids, done, self._slots, self._ids, self._count, found)
                if done < len(ids):
                    self._grow()
        return found

    def _grow(self) -> None:
        self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
        self._slots = np.zeros(2 * len(self._slots), np.int32)
        _placed(self._ids, self._count, self._slots)

    def since(self, number: int) -> Ints:
        """The ids from that number on."""
        with self._turn:
            return self._ids[number : self._count].copy()


def _slot(one: int, mask: int) -> Any:
    """Where to begin to look for an id. Its lowest bits are the same of nearly all."""
    mixed = np.uint64(one) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(32)) & mask


@MACHINE.entry("int64[::1]", "int64", "int32[::1]")
def _placed(ids: Any, count: int, slots: Any) -> None:
    """Fill empty slots: the number of the id there + 1, 0 if there is none."""
    mask = len(slots) - 1
    for n in range(count):
        slot = _slot(ids[n], mask)
        while slots[np.uint64(slot)]:
            slot = (slot + 1) & mask
        slots[np.uint64(slot)] = n + 1


@MACHINE.entry("int64[::1]", "int64", "int32[::1]", "int64[::1]", "int64", "int64[::1]", results=2)
def _numbered(wanted: Any, begin: int, slots: Any, ids: Any, count: int, found: Any) -> tuple[int, int]:
    """The numbers of ids from `begin` on; how many are done, when there is no more room or at the end, and the count
    of those that have one.
    """
    mask, number = len(slots) - 1, np.int64(0)
    for i in range(begin, len(wanted)):
        one = wanted[i]
        if i > begin and one == wanted[i - 1]:
            found[i] = number
            continue
        slot = _slot(one, mask)
        number = np.int64(slots[np.uint64(slot)]) - 1
        while number >= 0 and ids[np.uint64(number)] != one:
            slot = (slot + 1) & mask
            number = np.int64(slots[np.uint64(slot)]) - 1
        if number < 0:
            if count == len(ids):
                return i, count
            number = np.int64(count)
            ids[number] = one
            slots[np.uint64(slot)] = count + 1
            count += 1
        found[i] = number
    return len(wanted), count
