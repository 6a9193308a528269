"""A table's rows into PostgreSQL by way of a connection and in a thread of its own, while others go through others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import Any, Final

from store.shadow_copy import Packer, copy_binary
from store.shadow_rows import Matrix
from store.shadow_spool import Spool

__all__ = ["Beside"]

_WAITING: Final = 4
"""How many chunks wait at most: some 8 MB."""

_LOOK_S: Final = 0.2
"""So often who waits looks whether the other one is still there."""


class Beside:
    """Copies a table without texts, through the driver's own `cursor`: all of its rows in one COPY, which begins with
    the first ones and ends with this. Use it in a `with`, within the cursor's and the packer's.

    What goes wrong in the thread is raised by a later call, or at the end.
    """

    def __init__(self, cursor: Any, packer: Packer) -> None:
        self._cursor, self._packer = cursor, packer
        self._chunks: Queue[Matrix | None] = Queue(_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="beside")
        self._copying: Future[None] | None = None
        self._given_up = False

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if self._copying is not None and kind is None:
                self._put(self._copying, None)
                self._copying.result()
        finally:
            self._given_up = True
            self._thread.shutdown()

    def __call__(self, name: str, target: str, spool: Spool) -> None:
        """Takes all rows that the spool has of the table, and sees to it that they get there."""
        if self._copying is None:
            self._copying = self._thread.submit(self._copy, name, target, spool)
        for rows in spool.chunks(name):
            self._put(self._copying, rows)

    def _copy(self, name: str, target: str, spool: Spool) -> None:
        copy_binary(self._cursor, self._packer, name, target, self._taken(), spool)

    def _put(self, copying: Future[None], rows: Matrix | None) -> None:
        """Raises what went wrong, if nobody takes them any more."""
        while True:
            try:
                return self._chunks.put(rows, timeout=_LOOK_S)
            except Full:
                if copying.done():
                    return copying.result()

    def _taken(self) -> Iterator[Matrix]:
        """All chunks."""
        while not self._given_up:
            try:
                rows = self._chunks.get(timeout=_LOOK_S)
            except Empty:
                continue
            if rows is None:
                return
            yield rows
