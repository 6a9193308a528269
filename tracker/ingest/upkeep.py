"""What looks and flushes leave to be done so that the next answer has less to do, in small steps between answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tracker.ingest.calm import Calm
from tracker.ingest.writer import Writer

__all__ = ["Step", "Upkeep"]

_LOG = logging.getLogger("tracker.ingest")

_SLICE_S: Final = 0.003
_PATIENCE_S: Final = 0.05

Step = Callable[[], bool]
"""Does a little of what is left, some milliseconds at most, on the writer's thread. False: nothing is left."""


class Upkeep:
    """Belongs to one event loop. Whatever is not done yet is done by whoever needs it: it may stop at any step.

    It waits for calm before each slice, but not for ever: where one answer follows the other without a pause, it takes
    a slice of some milliseconds between them now and then.
    """

    def __init__(self, writer: Writer, calm: Calm, *, last: Step | None = None) -> None:
        """`last`: a step that comes after all others."""
        self._writer = writer
        self._calm = calm
        self._steps: list[Step] = []
        self._last = [] if last is None else [last]
        self._task: asyncio.Task[None] | None = None
        self._wanted = False

    def add(self, step: Step) -> None:
        """Do this, too."""
        self._steps.append(step)

    def begin(self) -> None:
        """There may be something to do; nobody waits for it."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="upkeep")

    async def done(self) -> None:
        """Wait until nothing is left."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Leave the rest undone."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while self._wanted:
            self._wanted, left = False, True
            while left:
                await self._calm.come(_PATIENCE_S)
                left = await self._writer.once(self._slice)

    def _slice(self) -> bool:
        """Some steps. False: nothing is left."""
        until = time.perf_counter() + _SLICE_S
        for step in (*self._steps, *self._last):
            while self._took(step):
                if time.perf_counter() >= until or not self._calm.there:
                    return True
        return False

    def _took(self, step: Step) -> bool:
        try:
            return step()
        except Exception:
            _LOG.exception("upkeep failed; whoever asks next does it, and nothing is lost")
            return False
