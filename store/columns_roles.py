"""Sets of roles by number."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_chunk import Ints

__all__ = ["Packed", "RoleSets"]

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)


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

    @classmethod
    def sized(cls, ids: bytes, sizes: bytes) -> Packed:
        """Sets of so many roles each, both as bytes of 64-bit numbers. Raises ValueError."""
        return cls(np.frombuffer(ids, np.int64), np.cumsum(np.frombuffer(sizes, np.int64)))

    def distinct(self) -> tuple[Packed, Ints]:
        """These sets, each once; and, by set, which of those it is."""
        sizes = self.sizes
        mixed = self.ids.view(np.uint64) * _FACTOR
        mixed = (mixed ^ mixed >> _SHIFT) * _FACTOR
        sums = np.concatenate([[np.uint64(0)], np.cumsum(mixed ^ mixed >> _SHIFT, dtype=np.uint64)])[[0, *self.ends]]
        _, firsts, which = np.unique(np.diff(sums), return_index=True, return_inverse=True)
        same = firsts[which]  # by set, the first one with its sum
        if not (sizes[same] == sizes).all() or not (self._picked(same, sizes) == self.ids).all():
            return self._distinct_by_one()
        return self.taken(firsts), which

    @classmethod
    def joined(cls, several: Sequence[Packed]) -> Packed:
        """The sets of all of them."""
        before = np.cumsum([0, *(len(one.ids) for one in several)]).tolist()
        ends = [one.ends + by for one, by in zip(several, before, strict=False)]  # the last sum is the end of all
        none = np.zeros(0, np.int64)
        return cls(np.concatenate([none, *(one.ids for one in several)]), np.concatenate([none, *ends]))

    def taken(self, which: npt.NDArray[np.intp]) -> Packed:
        """Some of them, in the order given."""
        sizes = self.sizes[which]
        return Packed(self._picked(which, sizes), np.cumsum(sizes))

    def _picked(self, which: npt.NDArray[np.intp], sizes: Ints) -> Ints:
        """The roles of these sets, of which these are the sizes."""
        ends = np.cumsum(sizes)
        found: Ints = self.ids[np.arange(sizes.sum()) + np.repeat(self.ends[which] - ends, sizes)]
        return found

    def _distinct_by_one(self) -> tuple[Packed, Ints]:
        """As `distinct`, if two that differ have the same sum."""
        met: dict[tuple[int, ...], int] = {}
        which = [met.setdefault(self.one(i), len(met)) for i in range(len(self.ends))]
        return Packed.of(list(met)), np.array(which, np.int64)

    @property
    def sizes(self) -> Ints:
        """How many roles each has."""
        sizes = self.ends.copy()
        sizes[1:] -= self.ends[:-1]
        return sizes

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

    def several(self, numbers: Ints) -> Packed:
        """The sets that have these numbers."""
        return _by_part(numbers >> _BITS, numbers & _MASK, self._several_of)

    def _several_of(self, one: int, indexes: Ints) -> Packed:
        if one:
            return self._ranges[one - 1].several(indexes)
        return Packed.of([self._own[i] for i in indexes.tolist()])

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

    def given(self, role_sets: Packed) -> Ints:
        """Numbers for these sets, in a range of their own."""
        distinct, which = role_sets.distinct()
        first = self.begin()
        self.met(first, distinct)
        return first + which

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

    def several(self, indexes: Ints) -> Packed:
        parts = np.searchsorted(self._starts, indexes, side="right") - 1
        return _by_part(parts, indexes, lambda part, mine: self._parts[part].taken(mine - self._starts[part]))

    def one(self, index: int) -> tuple[int, ...]:
        part = bisect_right(self._starts, index) - 1
        return self._parts[part].one(index - self._starts[part])


def _by_part(parts: Ints, indexes: Ints, several: Callable[[int, Ints], Packed]) -> Packed:
    """The sets with these indexes in these parts, each part asked for all of its own."""
    wanted = np.unique(parts).tolist()
    if len(wanted) == 1:
        return several(wanted[0], indexes)
    places = [np.flatnonzero(parts == part) for part in wanted]
    found = Packed.joined([several(part, indexes[mine]) for part, mine in zip(wanted, places, strict=True)])
    return found.taken(np.argsort(np.concatenate([np.zeros(0, np.intp), *places])))
