"""The log by guild: events are put down on disk as they are read, and given back some guilds after the others.

A guild's events are then side by side and in canonical order, whatever order the log has them in. What a fold needs of
a guild stays near while it is folded, each row of a read model is made once, and there is never more of the log in
memory than one group of guilds.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING

import numpy as np

from store.columns import EventColumns, PutDown
from store.columns_chunk import Ints
from store.columns_down import Down
from store.columns_roles import RoleSets
from store.columns_slices import START, lay, lay_fast
from store.replay_gathering import Gathering, up_to

if TYPE_CHECKING:
    from store.archive_stored import Stored
    from store.columns_places import Places

__all__ = ["Groups", "bounds_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """Events of one group that lie together in the file, and behind them what of them is in no column."""

    position: int
    start: int
    events: int
    size: int
    rest: int

    @property
    def whole(self) -> int:
        """How many bytes it takes."""
        return self.size + (self.rest + 7 & ~7)


def bounds_of(guilds: Ints, members: Ints, events: int, most: int, jobs: int = 1) -> Ints:
    """Where to cut so many events into groups of some `most`: the guild with which each group but the first begins.

    `guilds`, ascending, have so many `members`, which count for want of better: big guilds have many of both. If there
    are several groups, `jobs` of them are folded at once, and none is left over for one thread while others wait.
    """
    several = min(-(-events // most), 256)
    if several > 1:
        several = -(-several // jobs) * jobs
    if several < 2 or not len(guilds):
        return np.zeros(0, np.int64)
    before = np.cumsum(members)
    wanted = np.arange(1, several) * before[-1] // several
    return np.unique(guilds[np.searchsorted(before, wanted, side="right")])


class Groups:
    """Takes events in batches; gives them back by group. The file has no name: it is gone with the process.

    `bounds`: see `bounds_of`. `folder`: where the file is (None: the system's place). Close it, or use it in a `with`.
    Batches may come in any order; least is to be sorted if each is a stretch of the log of its own, its events in
    order. `fast`: numba is there. `role_sets`: where the sets of roles of what is stored get their numbers.
    """

    def __init__(
        self, bounds: Ints, folder: Path | None = None, *, fast: bool = False, role_sets: RoleSets | None = None
    ) -> None:
        self._fast = fast
        self._bounds = bounds
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._end = 0
        self._slices: list[list[_Slice]] = [[] for _ in range(len(bounds) + 1)]
        self._turn = Lock()
        self._like: EventColumns | None = None
        self._ids = [np.zeros(0, np.int64)]
        self._numbered: Places | None = None
        self._making = Lock()
        self._sets = RoleSets() if role_sets is None else role_sets
        self._stored: list[Stored] = []
        self._until: int | None = None

    @property
    def _places(self) -> Places | None:
        """Made when it is needed: numba takes half a second to come up, and who reads meanwhile can begin."""
        with self._making:
            if self._fast and self._numbered is None:
                self._numbered = _places()
            return self._numbered

    def __enter__(self) -> Groups:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the disk space back."""
        self._file.close()
        while self._stored:
            self._stored.pop().close()

    def add(self, columns: EventColumns, until: int | None = None) -> int:
        """Takes events, those up to the instant (None: all). Returns the last instant they speak of, 0 at least."""
        if self._places is None:
            laid = lay(columns, self._bounds, until)
        else:
            laid = lay_fast(columns, self._bounds, until, self._places)
        with self._turn:
            start = self._end
            self._end += len(laid.content)
            self._file.seek(start)
            left = laid.content
            while left:
                left = left[self._file.write(left) :]
        laid.slices[:, START] += start
        self._note(laid.slices, columns)
        return laid.newest

    def down(self, until: int | None, first_set: int, threads: int) -> Down:
        """Where another process may put events down. Nothing may be there yet, nor be added meanwhile."""
        return Down(
            file=self._file.fileno(),
            start=self._end,
            bounds=self._bounds,
            until=until,
            first_set=first_set,
            threads=threads,
        )

    def adopt(self, put: PutDown) -> None:
        """Takes what another process has put down."""
        self._end = max(self._end, put.end)
        self._ids.append(put.places)
        if self._places is not None:
            self._places.numbers(put.places)  # those that are added later count on from there
        if put.ahead:
            self._note(put.slices, put.ahead[0])

    def _note(self, slices: Ints, like: EventColumns) -> None:
        for group, position, start, events, size, rest in slices.tolist():
            one = _Slice(position=position, start=start, events=events, size=size, rest=rest)
            self._slices[group].append(one)
        self._like = like

    def store(self, stored: Stored, ahead: EventColumns, until: int | None) -> None:
        """Takes what is to be read only when its group is asked for. It is closed along with this."""
        self._stored.append(stored)
        self._until, self._like = until, ahead

    def groups(self) -> Iterator[int]:
        """The numbers of the groups of which there are events; by ascending guilds."""
        stored = {number for one in self._stored for number in one.groups(self._bounds).tolist()}
        yield from (number for number, slices in enumerate(self._slices) if slices or number in stored)

    def _edges(self, group: int) -> tuple[int | None, int | None]:
        """The guild with which the group begins, and the one with which the next one does; None: there is none."""
        return (
            int(self._bounds[group - 1]) if group else None,
            int(self._bounds[group]) if group < len(self._bounds) else None,
        )

    def columns(self, group: int) -> EventColumns:
        """The group's events: by guild, then `at`, then position. Several threads may ask for different groups.

        Those that were stored have positions that are lower than any and in their order, but for those of `rest`.
        """
        assert self._like is not None  # noqa: S101
        whole = Gathering(np.concatenate(self._ids) if self._places is None else self._places.since(0))
        for one in self._stored:
            for piece in one.pieces(*self._edges(group)):
                whole.add_piece(piece)
        for slice_ in sorted(self._slices[group], key=lambda s: s.position):
            raw = np.empty(slice_.whole, np.uint8)
            self._read(slice_.start, raw.data)
            whole.add_slice(raw, slice_.events, slice_.size, slice_.rest)
        found = whole.columns(self._like.lookup, self._sets, fast=self._fast)
        return found if self._until is None or not self._stored else up_to(found, self._until)

    def _read(self, start: int, left: memoryview) -> None:
        """Fill `left` with what is in the file from `start` on."""
        while left:
            done = self._read_at(start, left)
            if not done:
                raise AssertionError("the file of a replay is shorter than what was written to it")
            start, left = start + done, left[done:]

    def _read_at(self, start: int, left: memoryview) -> int:
        if hasattr(os, "preadv"):  # no thread waits for another one
            return os.preadv(self._file.fileno(), [left], start)
        with self._turn:
            self._file.seek(start)
            return int(self._file.readinto(left))  # type: ignore[attr-defined]


def _places() -> Places:
    from store.columns_places import Places  # made of what numba compiles

    return Places()
