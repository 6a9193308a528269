"""A number for each member of a guild, the same in all that is kept of its days, so that days can be added up."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from tracker.reports.kept import Numbers

__all__ = ["Few", "Places", "Whose"]

Few = npt.NDArray[np.int32]
"""Whole numbers below 2 ** 31."""

_KEPT: Final = 8


@dataclass(frozen=True, slots=True)
class Whose:
    """Some users (ascending), the place of each, and for each place whether it is one of theirs."""

    users: Numbers
    places: Few
    mask: npt.NDArray[np.bool_]


class Places:
    """Who was met first has the first place (0); nobody ever loses theirs. 20 bytes a member. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Numbers = np.empty(0, dtype=np.int64)  # ascending
        self._at: Few = np.empty(0, dtype=np.int32)
        self._whose: LRUCache[Hashable, Whose] = LRUCache(_KEPT)

    def __len__(self) -> int:
        return len(self._known)

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self._known.nbytes + self._at.nbytes

    def of(self, users: Numbers) -> Few:
        """The place of each of `users` (in any order); who is new gets one."""
        with self._lock:
            at, there = _found(self._known, users)
            if not there.all():
                new = np.unique(users[~there])
                before = np.searchsorted(self._known, new)
                places = np.arange(len(self), len(self) + len(new), dtype=np.int32)
                self._known, self._at = np.insert(self._known, before, new), np.insert(self._at, before, places)
                at = np.searchsorted(self._known, users)
            return self._at[at]

    def whose(self, users: Numbers, who: Hashable) -> Whose:
        """`users` (ascending) by place. `who`: what is equal for equal `users`, so that they are looked up once."""
        found = self._whose.get(who)
        if found is None:
            places = self.of(users)
            mask = np.zeros(len(self), dtype=np.bool_)
            mask[places] = True
            found = self._whose[who] = Whose(users, places, mask)
        elif len(found.mask) < len(self):
            mask = np.zeros(len(self), dtype=np.bool_)
            mask[: len(found.mask)] = found.mask
            found = self._whose[who] = Whose(found.users, found.places, mask)
        return found


def _found(among: Numbers, users: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Where `users` are `among` (ascending), and for each whether they are there."""
    if not len(among):
        return np.zeros(len(users), dtype=np.int64), np.zeros(len(users), dtype=np.bool_)
    at = np.minimum(np.searchsorted(among, users), len(among) - 1)
    there: npt.NDArray[np.bool_] = among[at] == users
    return at, there
