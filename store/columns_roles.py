"""Sets of roles by number."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import Any, Final

import numpy as np

from store.columns_chunk import Ints

__all__ = ["Packed", "RoleSets"]

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Packed:
    """Sets of roles, one behind the other, and where each ends: a fifth of what they take as objects."""

    ids: Ints
    ends: Ints

    @classmethod
    def of(cls, role_sets: Sequence[tuple[int, ...]]) -> Packed:
        """These sets."""
        ids = np.fromiter(chain.from_iterable(role_sets), np.int64)
        return cls(ids, np.cumsum([len(one) for one in role_sets], dtype=np.int64))

    def one(self, index: int) -> tuple[int, ...]:
        """One of them. Raises IndexError."""
        first = int(self.ends[index - 1]) if index else 0
        return tuple(self.ids[first : int(self.ends[index])].tolist())


class RoleSets(Sequence[tuple[int, ...]]):
    """The sets that were met, by number; 0: none. Another process numbers in a range of its own (`begin`), so a set may
    have several numbers. Several threads may use it.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        self._own: list[tuple[int, ...]] = [()]
        self._numbers: dict[tuple[int, ...], int] = {(): 0}
        self._ranges: list[_Range] = []

    def __len__(self) -> int:
        return len(self._own) + sum(one.count for one in self._ranges)

    def __getitem__(self, number: Any) -> Any:
        if number <= _MASK:
            return self._own[number]
        return self._ranges[(number >> _BITS) - 1].one(number & _MASK)

    def numbers(self, role_sets: Iterable[tuple[int, ...]]) -> list[int]:
        """The numbers of these sets; new ones get one."""
        with self._turn:
            return [self._number(one) for one in role_sets]

    def _number(self, role_ids: tuple[int, ...]) -> int:
        number = self._numbers.setdefault(role_ids, len(self._own))
        if number == len(self._own):
            self._own.append(role_ids)
        return number

    def begin(self) -> int:
        """The first number of a range for sets that will be `met`, in the order of their numbers."""
        with self._turn:
            self._ranges.append(_Range())
            return len(self._ranges) << _BITS

    def met(self, first: int, role_sets: Packed) -> None:
        """The next sets of the range that begins with `first`."""
        self._ranges[(first >> _BITS) - 1].add(role_sets)


class _Range:
    def __init__(self) -> None:
        self.count = 0
        self._starts: list[int] = []
        self._parts: list[Packed] = []

    def add(self, role_sets: Packed) -> None:
        if len(role_sets.ends):
            self._starts.append(self.count)
            self._parts.append(role_sets)
            self.count += len(role_sets.ends)

    def one(self, index: int) -> tuple[int, ...]:
        part = bisect_right(self._starts, index) - 1
        return self._parts[part].one(index - self._starts[part])
