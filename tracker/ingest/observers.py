"""Who is told of each flush once it is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from store.state import FlushBatch

__all__ = ["Observer", "Observers"]

_LOG = logging.getLogger("tracker.ingest")

Observer = Callable[[Sequence[FlushBatch]], None]
"""Is given the batches as they were written."""


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
