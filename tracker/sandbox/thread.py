"""Running a sandbox in a thread of its own, for synchronous callers and for other event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from tracker.clock import Clock
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.server import Sandbox

__all__ = ["SandboxThread"]

P = ParamSpec("P")
T = TypeVar("T")


class SandboxThread:
    """A context manager. Reach the world only through `call` and `run`, which do it in the sandbox's loop."""

    def __init__(self, options: SandboxOptions | None = None, *, clock: Clock | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self.sandbox = Sandbox(options, clock=clock)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.run(self.sandbox.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.run(self.sandbox.stop())
        finally:
            self._end()

    def call(self, act: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something of the sandbox in its loop, e.g. `call(world.join_voice, member, channel)`; waits for it."""

        async def inside() -> T:
            return act(*args, **kwargs)

        return self.run(inside())

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = 60.0) -> T:
        """Run a coroutine in the sandbox's loop and return its result. Raises TimeoutError after `timeout` seconds."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """The same from another event loop, without blocking it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
