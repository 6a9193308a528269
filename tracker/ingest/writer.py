"""The one thread that writes. What fails is tried again, for ever, with growing pauses: nothing is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tracker.errors import DatabaseError, LeaseLostError
from tracker.ingest.health import Health

__all__ = ["Writer"]

T = TypeVar("T")

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 15.0


class Writer:
    """Runs database jobs one after another on a thread of its own, so that the event loop never waits for a disk."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._wake = asyncio.Event()

    async def once(self, job: Callable[[], T]) -> T:
        """Run the job and hand on whatever it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    async def until_done(self, source: str, job: Callable[[], T]) -> T:
        """Run the job until it succeeds. Each failure turns `source` bad in the health report.

        Raises LeaseLostError at once: another process writes now, and this one must not.
        """
        pause = _FIRST_PAUSE_S
        while True:
            try:
                result = await self.once(job)
            except LeaseLostError as error:
                self._health.bad(source, str(error))
                raise
            except DatabaseError as error:
                self._health.bad(source, str(error))
                await self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                self._health.good(source)
                return result

    async def _pause(self, seconds: float) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def hurry(self) -> None:
        """End the pause that is going on, if any: try again now."""
        self._wake.set()

    def close(self) -> None:
        """Let the job that is running end, start no other."""
        self._thread.shutdown(wait=False, cancel_futures=True)
