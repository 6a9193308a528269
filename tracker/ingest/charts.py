"""Charts for the running bot, drawn in a process of their own.

Drawing in a thread would hold up the event loop (Python runs one thread at a time) and leave the bot some 110 MB larger
for good. The process is started with the first chart, serves one after the other, and ends when none was asked for in
a while; it dies with the bot, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Any, Final

from tracker.chart_worker import LENGTH_BYTES, framed
from tracker.errors import TrackerError
from tracker.reports.chart_data import ChartData
from tracker.reports.model import Report

__all__ = ["ChartError", "Charts"]

_log = logging.getLogger(__name__)

_IDLE_S: Final = 300
_PATIENCE_S: Final = 30
_LEAN: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""Environment that keeps the process at some 70 MB.

Without it numpy starts threads, each with memory of its own, and the 9 MB of a picture are never given back.
"""


class ChartError(TrackerError):
    """A chart could not be drawn. A report is complete without one."""


class Charts:
    """Draws one chart at a time; who comes meanwhile waits. Belongs to one event loop."""

    def __init__(self, *, idle_s: float = _IDLE_S, patience_s: float = _PATIENCE_S) -> None:
        """`idle_s`: how long the process stays without work. `patience_s`: a chart that takes longer is given up."""
        self._idle_s = idle_s
        self._patience_s = patience_s
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that draws; None while there is none."""
        return None if self._process is None else self._process.pid

    async def draw(self, report: Report, data: ChartData, locale: str | None) -> bytes:
        """The charts as a PNG file. Raises ChartError; the next chart is then drawn by a new process."""
        async with self._turn:
            if self._closed:
                raise ChartError("charts: the tracker is ending")
            self._stay()
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await self._ask(framed((report, data, locale)))
            except (OSError, EOFError, TimeoutError) as error:
                await self._end()
                raise ChartError(f"charts: the process that draws did not answer ({type(error).__name__})") from error
            except BaseException:  # cancelled: its answer would be taken for the next one's
                await self._end()
                raise
            self._leave_later()
        if isinstance(answer, bytes):
            return answer
        raise ChartError(f"charts: {answer}")

    async def close(self) -> None:
        """End the process at once, also in the middle of a chart, and start none any more."""
        self._closed = True
        self._stay()
        await self._end()
        await asyncio.gather(*self._ending)

    async def _ask(self, request: bytes) -> Any:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tracker.chart_worker",
                stdin=PIPE,
                stdout=PIPE,
                env={**os.environ, **_LEAN},
            )
            if self._closed:
                await self._end()
                raise EOFError
            _log.debug("charts are drawn by process %d", process.pid)
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both were asked for")
        process.stdin.write(request)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
        return pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - our own process wrote it

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _leave_later(self) -> None:
        self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._leave)

    def _leave(self) -> None:
        task = asyncio.get_running_loop().create_task(self._leave_in_turn())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _leave_in_turn(self) -> None:
        async with self._turn:
            if self._idle is not None and self._idle.when() <= asyncio.get_running_loop().time():
                await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
