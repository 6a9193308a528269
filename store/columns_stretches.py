"""SQLite's log by several threads, put down as it is found. Only for a process of its own (`columns_worker`)."""

from __future__ import annotations

import mmap
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any, Final, TypeVar

import numpy as np

from store.columns_args import Args
from store.columns_ask import Ask
from store.columns_chunk import ARRAYS, Chunk
from store.columns_down import AHEAD, Begun, Down, Part
from store.columns_pages import events_of, give_back, last_of, place_of
from store.columns_places import Places
from store.columns_roles import Packed
from store.columns_slices import START, lay_fast
from store.columns_texts import Found, Scanner
from tracker.events import kinds

__all__ = ["put_down"]

_STRETCH: Final = 32_768
"""Positions that a thread reads at once."""

_AHEAD: Final = 64
"""So many stretches are put down before anybody has heard of them: whoever is told is busy at first, for half a second,
with loading what is compiled. What is told of a stretch is small.
"""

T = TypeVar("T")


def put_down(path: str, ask: Ask, down: Down) -> Generator[Begun | Part]:
    """Put down what is asked for; what is told is told in order of position. Raises UnfitError, OSError."""
    with events_of(path) as (file, connection, root):
        yield Begun()
        upto = min(ask.upto, last_of(connection, ask.partition))
        place = place_of(np.frombuffer(file, np.uint8), root, ask)
        shared = _Shared(file, down)
        scanners = [Scanner(place, _STRETCH, shared.args, shared.turn) for _ in range(down.threads)]
        jobs = (_job(shared, scanners, a, min(a + _STRETCH, upto)) for a in range(ask.after, upto, _STRETCH))
        with ThreadPoolExecutor(down.threads, thread_name_prefix="stretch") as pool:
            for part in _several(pool, jobs, _AHEAD):
                yield shared.told(part)


def _job(shared: _Shared, scanners: list[Scanner], after: int, upto: int) -> Callable[[], Part]:
    def read() -> Part:
        scanner = scanners.pop()
        try:
            return shared.put(scanner, after, upto)
        finally:
            scanners.append(scanner)

    return read


def _several(pool: ThreadPoolExecutor, jobs: Iterator[Callable[[], T]], most: int) -> Generator[T]:
    """What the jobs give, in order; `most` are waiting or done ahead."""
    waiting: deque[Future[T]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for one in waiting:
            one.cancel()


class _Shared:
    """What the threads have in common: the file they write into, and the numbers of what they meet."""

    def __init__(self, file: mmap.mmap, down: Down) -> None:
        self.args = Args()
        self.turn = Lock()
        self._file, self._down = file, down
        self._end, self._told = down.start, 0
        self._places, self._placed = Places(), 0

    def put(self, scanner: Scanner, after: int, upto: int) -> Part:
        """Put down the events beyond `after` up to `upto`."""
        slices, newest, ahead, events, end = [np.zeros((0, 6), np.int64)], 0, [], 0, 0
        for found in scanner.find(after, upto):
            events += len(found.position)
            ahead.append(_ahead(found))
            found.arg[found.kind == kinds.ROLES_CHANGED] += self._down.first_set
            laid = lay_fast(found, self._down.bounds, self._down.until, self._places)
            newest = max(newest, laid.newest)
            start = self._write(laid.content)
            end = start + len(laid.content)
            laid.slices[:, START] += start
            slices.append(laid.slices)
            give_back(self._file)
        return Part(
            upto=upto,
            events=events,
            slices=np.concatenate(slices),
            end=end,
            newest=newest,
            ahead=ahead,
            role_sets=Packed.of(()),
            places=np.zeros(0, np.int64),
        )

    def told(self, part: Part) -> Part:
        """The part with the sets of roles and the places that were not told of yet. To be told in this order."""
        with self.turn:
            sets = self.args.role_sets[self._told :]
        self._told += len(sets)
        places = self._places.since(self._placed)
        self._placed += len(places)
        return replace(part, role_sets=Packed.of(sets), places=places)

    def _write(self, content: memoryview) -> int:
        """Where in the file it is."""
        with self.turn:
            start = self._end
            self._end += len(content)
        written = 0
        while written < len(content):
            written += os.pwrite(self._down.file, content[written:], start + written)
        return start


def _ahead(found: Found) -> Chunk:
    """Those of the events that are AHEAD."""
    rows = np.flatnonzero(AHEAD[found.kind])
    arrays: dict[str, Any] = {name: getattr(found, name)[rows] for name in ARRAYS}
    mine = np.flatnonzero(AHEAD[found.kind[found.rest.rows]])  # all of them have a rest
    return Chunk(
        **arrays,
        role_sets=[],
        rest=found.rest.taken(mine, np.arange(len(rows))).apart(),
    )
