"""What takes the rows of a replay, and how it does so beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, Final, Protocol, runtime_checkable

from store.shadow_rows import Sorted
from tracker.ids import Partition

__all__ = ["Behind", "Sink", "SortedSink"]

_MOST_BEHIND: Final = 16
"""How many tables' rows wait at most: about those of one group of guilds."""


class Sink(Protocol):
    """Takes rows of read models; see `store.shadow.Shadow`."""

    def add(
        self, name: str, partition: Partition, columns: Sequence[Any], nulls: Mapping[str, Any] | None, *, fresh: bool
    ) -> None:
        """Takes rows; those of one key are one after the other what became of it."""

    def settle(self) -> None:
        """All rows of the guilds of which some were added so far have been added."""


@runtime_checkable
class SortedSink(Sink, Protocol):
    """One that takes rows as matrices, too, which costs less."""

    def add_sorted(self, partition: Partition, made: Sorted) -> None:
        """Takes rows; otherwise as `add`."""


class Behind:
    """A sink that works in a thread of its own, behind the replays (of any thread) that fill it.

    Use it in a `with`: what went wrong in there is raised by a later call, or at the end.
    """

    def __init__(self, sink: SortedSink) -> None:
        self._sink = sink
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sink")
        self._waiting: deque[Future[None]] = deque()
        self._turn = Lock()

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(cancel_futures=kind is not None)
        if kind is None:
            self._done(0)

    def add(
        self, name: str, partition: Partition, columns: Sequence[Any], nulls: Mapping[str, Any] | None, *, fresh: bool
    ) -> None:
        """As the sink's own. Waits while there is much to be done."""
        self._do(partial(self._sink.add, name, partition, columns, nulls, fresh=fresh))

    def add_sorted(self, partition: Partition, made: Sorted) -> None:
        """As the sink's own. Waits as `add`."""
        self._do(partial(self._sink.add_sorted, partition, made))

    def settle(self) -> None:
        """As the sink's own."""
        self._do(self._sink.settle)

    def _do(self, job: Callable[[], None]) -> None:
        with self._turn:
            self._waiting.append(self._thread.submit(job))
            self._done(_MOST_BEHIND)

    def _done(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()
