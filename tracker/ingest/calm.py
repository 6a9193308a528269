"""Whether anybody waits for an answer: what nobody waits for is done while nobody does.

Python runs one thread at a time, so whatever else is done meanwhile makes an answer later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["Calm"]

_PAUSE_S: Final = 0.005


class Calm:
    """Belongs to one event loop. `pause_s`: how long nobody must have waited; what was read is still to be worded."""

    def __init__(self, *, pause_s: float = _PAUSE_S) -> None:
        self._pause_s = pause_s
        self._waiting = 0
        self._last_at = float("-inf")
        self._nobody = asyncio.Event()
        self._nobody.set()

    @property
    def there(self) -> bool:
        """Whether nobody waits. On any thread."""
        return not self._waiting

    @contextmanager
    def disturbed(self) -> Iterator[None]:
        """Somebody waits for what is done within."""
        self._waiting += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._waiting -= 1
            self._last_at = time.monotonic()
            if not self._waiting:
                self._nobody.set()

    async def come(self, within_s: float) -> None:
        """Wait until nobody has waited for a moment, but no longer than so many seconds."""
        end = time.monotonic() + within_s
        while (now := time.monotonic()) < end:
            if not self.there:
                await self._wait(end - now)
            elif (left := self._last_at + self._pause_s - now) > 0:
                await asyncio.sleep(min(left, end - now))
            else:
                return

    async def _wait(self, within_s: float) -> None:
        try:
            await asyncio.wait_for(self._nobody.wait(), within_s)
        except TimeoutError:
            return
