"""Reads the past of big guilds when somebody asked about dates: a day at a time, and nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from tracker.errors import TrackerError
from tracker.ingest.reader import Reader

__all__ = ["Histories"]

_LOG = logging.getLogger("tracker.ingest")

_EVERY_S: Final = 1.0
_PAUSE_S: Final = 0.02
_PATIENCE_S: Final = 0.5


class Histories:
    """Looks each `every_s` whether a past is wanted. Between two days it waits for calm, and pauses."""

    def __init__(self, reader: Reader, *, every_s: float = _EVERY_S) -> None:
        self._reader = reader
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="read the past of guilds")

    async def close(self) -> None:
        """Stop after what is being read now."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def settled(self) -> None:
        """Wait until all is read that anybody asked for so far."""
        while self._reader.lacks_history:  # noqa: ASYNC110 - it is set by a thread, in the middle of an answer
            await asyncio.sleep(self._every_s)

    async def _run(self) -> None:
        while True:
            more = self._reader.lacks_history and await self._read_one()
            await asyncio.sleep(_PAUSE_S if more else self._every_s)

    async def _read_one(self) -> bool:
        """Read a day; False: there is none to be read."""
        try:
            return await self._reader.read_history(_PATIENCE_S)
        except TrackerError as error:
            _LOG.info("the past of a guild will be read when somebody asks again: %s", error)
            return False
