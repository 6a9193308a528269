"""Rows into PostgreSQL by way of a second connection, in a thread of its own, while others go through the first one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import Any, Final

from store.shadow_copy import Packer, copy_binary
from store.shadow_rows import Matrix
from store.shadow_spool import Spool

__all__ = ["Beside"]

_WAITING: Final = 16
"""How many chunks wait at most: some 24 MB."""

_LOOK_S: Final = 0.2
"""So often who waits looks whether the other one is still there."""


class Beside:
    """Copies tables without texts, through the driver's own `cursor`. Use it in a `with`, within the cursor's and the
    packer's.

    What goes wrong in the thread is raised by a later call, or at the end.
    """

    def __init__(self, cursor: Any, packer: Packer) -> None:
        self._cursor, self._packer = cursor, packer
        self._chunks: Queue[Matrix | None] = Queue(_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._last: Future[None] | None = None
        self._given_up = False

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._given_up = kind is not None
        self._thread.shutdown(cancel_futures=self._given_up)
        if kind is None and self._last is not None:
            self._last.result()

    def __call__(self, name: str, target: str, spool: Spool) -> None:
        """Takes all rows that the spool has of a table, and sees to it that they get there."""
        self._last = self._thread.submit(self._copy, self._last, name, target, spool)
        for rows in spool.chunks(name):
            self._put(rows)
        self._put(None)

    def _copy(self, before: Future[None] | None, name: str, target: str, spool: Spool) -> None:
        if before is not None:
            before.result()  # what went wrong once is wrong for all that comes
        copy_binary(self._cursor, self._packer, name, target, self._taken(), spool)

    def _put(self, rows: Matrix | None) -> None:
        while True:
            try:
                return self._chunks.put(rows, timeout=_LOOK_S)
            except Full:
                if self._last is not None and self._last.done():
                    self._last.result()

    def _taken(self) -> Iterator[Matrix]:
        """The chunks of one table."""
        while not self._given_up:
            try:
                rows = self._chunks.get(timeout=_LOOK_S)
            except Empty:
                continue
            if rows is None:
                return
            yield rows
