"""Who is told of each flush once it is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from store.state import FlushBatch

__all__ = ["Keeper", "Observer", "Observers"]

_LOG = logging.getLogger("tracker.ingest")

Observer = Callable[[Sequence[FlushBatch]], None]
"""Is given the batches as they were written."""


class Keeper(Protocol):
    """Keeps something in memory, and is told on the writer's thread of what changes it."""

    def looked(self, batches: Sequence[FlushBatch]) -> None:
        """What is in the log and not in the tables yet; once and in order."""
        ...

    def gathered(self, batches: Sequence[FlushBatch]) -> None:
        """All looks since the last flush as one."""
        ...

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """What is in the tables now; once and in order."""
        ...

    def keep_up(self) -> bool:
        """Do a little of what the next question would do first. False: nothing is left."""
        ...


class Observers:
    """Told on the writer's thread, after the commit and before the next one; what they raise is logged and no more."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell this one too."""
        self._observers.append(observer)

    def tell(self, batches: Sequence[FlushBatch]) -> None:
        """These batches are committed."""
        for observer in self._observers:
            try:
                observer(batches)
            except Exception:
                _LOG.exception("somebody who was told of a flush failed; the flush is committed and nothing is lost")
