"""Sets of roles by number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, Final

__all__ = ["RoleSets"]

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1


class RoleSets(Sequence[tuple[int, ...]]):
    """The sets that were met, by number; 0: none. Another process numbers in a range of its own (`begin`), so a set may
    have several numbers. Several threads may use it.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        self._ranges: list[list[tuple[int, ...]]] = [[()]]
        self._numbers: dict[tuple[int, ...], int] = {(): 0}

    def __len__(self) -> int:
        return sum(len(one) for one in self._ranges)

    def __getitem__(self, number: Any) -> Any:
        return self._ranges[number >> _BITS][number & _MASK]

    def numbers(self, role_sets: Iterable[tuple[int, ...]]) -> list[int]:
        """The numbers of these sets; new ones get one."""
        with self._turn:
            return [self._number(one) for one in role_sets]

    def _number(self, role_ids: tuple[int, ...]) -> int:
        number = self._numbers.setdefault(role_ids, len(self._ranges[0]))
        if number == len(self._ranges[0]):
            self._ranges[0].append(role_ids)
        return number

    def begin(self) -> int:
        """The first number of a range for sets that will be `met`, in the order of their numbers."""
        with self._turn:
            self._ranges.append([])
            return len(self._ranges) - 1 << _BITS

    def met(self, first: int, role_sets: Iterable[tuple[int, ...]]) -> None:
        """The next sets of the range that begins with `first`."""
        self._ranges[first >> _BITS].extend(role_sets)
