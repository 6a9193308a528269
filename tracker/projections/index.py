"""The members of a guild by user id, packed small: a million of them must fit into a small machine."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, MutableMapping
from typing import Final

from tracker.projections.kernel.layout import M_USER
from tracker.projections.memory import Memory

__all__ = ["MemberIndex"]

_FREE: Final = -1
_GIVEN_UP: Final = -2
_FIRST_SIZE: Final = 8
_MOST_LATELY: Final = 8192  # take 0.8 MB
_SPREAD: Final = 0x9E3779B97F4A7C15  # 2⁶⁴ ÷ the golden ratio: ids that differ in few bits come to lie far apart


class MemberIndex(MutableMapping[int, int]):
    """From user ids to rows of members. The ids themselves are in the rows: a place takes eight bytes, and a third of
    them is free at least. A dict of two numbers takes fourteen times that. There is one of those asked for lately, in
    which they are found sooner."""

    __slots__ = ("_known", "_lately", "_memory", "_slots", "_used")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._slots = array("q", [_FREE]) * _FIRST_SIZE
        self._known = self._used = 0
        self._lately: dict[int, int] = {}

    def __len__(self) -> int:
        return self._known

    def __iter__(self) -> Iterator[int]:
        heap = self._memory.heap
        return (heap[row + M_USER] for row in self._slots if row >= 0)

    def rows(self) -> Iterator[int]:
        """The members' rows."""
        return (row for row in self._slots if row >= 0)

    def row(self, user: int) -> int:
        """The user's row, -1 if there is none."""
        known = self._lately.get(user)
        if known is not None:
            return known
        heap, slots = self._memory.heap, self._slots
        last = len(slots) - 1
        at = user * _SPREAD >> 40 & last
        row = slots[at]
        while row != _FREE:
            if row >= 0 and heap[row] == user:
                if len(self._lately) >= _MOST_LATELY:
                    self._lately.clear()
                self._lately[user] = row
                return row
            at = at + 1 & last
            row = slots[at]
        return _FREE

    def __getitem__(self, user: int) -> int:
        row = self.row(user)
        if row < 0:
            raise KeyError(user)
        return row

    def __setitem__(self, user: int, row: int) -> None:
        slots = self._slots
        at = self._slot(user)
        self._lately.pop(user, None)
        if slots[at] >= 0:
            slots[at] = row
            return
        slots[at] = row
        self._known += 1
        self._used += 1
        if self._used * 3 > len(slots) * 2:
            self._spread(len(slots) * 2)

    def __delitem__(self, user: int) -> None:
        at = self._slot(user)
        if self._slots[at] < 0:
            raise KeyError(user)
        self._slots[at] = _GIVEN_UP
        self._lately.pop(user, None)
        self._known -= 1

    def _slot(self, user: int) -> int:
        """Where the user is, or where they would be put."""
        heap, slots = self._memory.heap, self._slots
        last = len(slots) - 1
        at = user * _SPREAD >> 40 & last
        while slots[at] != _FREE and not (slots[at] >= 0 and heap[slots[at]] == user):
            at = at + 1 & last
        return at

    def _spread(self, size: int) -> None:
        heap, rows = self._memory.heap, list(self.rows())
        slots, last = array("q", [_FREE]) * size, size - 1
        for row in rows:
            user = heap[row]
            at = user * _SPREAD >> 40 & last
            while slots[at] != _FREE:
                at = at + 1 & last
            slots[at] = row
        self._slots, self._used = slots, len(rows)
