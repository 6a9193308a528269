"""Events that were folded and are not in the log yet, in the order in which they were folded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from tracker.events.envelope import Event

__all__ = ["Buffer", "Limits"]

_BIGGEST_APPEND: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A group commit starts `commit_ms` after its first event or at `commit_events`, whichever is first; 0 ms: at once.

    `buffer_events`: how many events may wait for the database before `room` makes the gateway's reader wait.
    """

    commit_ms: int = 1000
    commit_events: int = 500
    buffer_events: int = 100_000


class Buffer:
    """Belongs to one event loop. `events`: those that wait. `due`: set when a group commit should begin.

    Whoever empties it calls `begin`, appends one `part` after the other and says each time that it is `durable`, then
    calls `end`. What comes in meanwhile waits for the next time.
    """

    def __init__(self, limits: Limits) -> None:
        self.events: list[Event] = []
        self.due = asyncio.Event()
        self._limits = limits
        self._appending = 0
        self._timer: asyncio.TimerHandle | None = None
        self._roomy = asyncio.Event()
        self._roomy.set()

    def put(self, event: Event) -> None:
        """It waits from now on."""
        self.events.append(event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._limits.commit_ms / 1000, self.due.set)
        size = len(self.events)
        if size - self._appending >= self._limits.commit_events:
            self.due.set()
        if size >= self._limits.buffer_events:
            self._roomy.clear()

    async def room(self) -> None:
        """Wait while the buffer is full; return at once otherwise."""
        if not self._roomy.is_set():
            await self._roomy.wait()

    def begin(self) -> None:
        """All that is here now is about to be appended."""
        if self._timer is not None:  # it was for an event that goes now: the next one begins to wait anew
            self._timer.cancel()
            self._timer = None
        self.due.clear()
        self._appending = len(self.events)

    def part(self) -> list[Event]:
        """What is to be appended next, together; empty: all that was here at `begin` is durable."""
        return self.events[: min(self._appending, _BIGGEST_APPEND)]

    def durable(self, part: list[Event]) -> None:
        """The part is in the log."""
        del self.events[: len(part)]
        self._appending -= len(part)

    def end(self) -> None:
        """Nobody appends any more; what is left waits for the next time."""
        self._appending = 0
        if len(self.events) < self._limits.buffer_events:
            self._roomy.set()
