"""Taking SQLite's write-ahead log into the database while nobody waits for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from store.engine import Database
from store.state import FlushBatch
from tracker.errors import DatabaseError

__all__ = ["Tidying"]

_LOG = logging.getLogger("tracker.ingest")

_PAUSE_S: Final = 1.0


class Tidying:
    """Tidies the database after flushes, on a thread of its own and at most every `pause_s`.

    Left to the commits, it would be a part of the flush, and a command's answer would wait for it. On PostgreSQL, which
    has its own processes for that, it costs nothing.
    """

    def __init__(
        self, database: Database, *, pause_s: float = _PAUSE_S, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._pause_s = pause_s
        self._timer = timer
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tidying")
        self._running: Future[None] | None = None
        self._began: float | None = None

    def flushed(self, _: Sequence[FlushBatch]) -> None:
        """Tidy, unless that is going on or was begun just now."""
        if self._running is not None and not self._running.done():
            return
        now = self._timer()
        if self._began is None or now - self._began >= self._pause_s:
            self._began = now
            self._running = self._thread.submit(self._tidy)

    def close(self) -> None:
        """Wait for what is going on, and begin nothing any more."""
        self._thread.shutdown(wait=True)

    def _tidy(self) -> None:
        try:
            self._database.tidy()
        except DatabaseError as error:
            _LOG.info("the write-ahead log was not tidied: %s", error)
