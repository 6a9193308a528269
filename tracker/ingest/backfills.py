"""Readings of message history, for the event loop: every touch of the database is on another thread.

What is appended here goes past the fold in memory, which knows nothing of it; the guild is marked, and counted anew
from the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

import store.backfills
from store.backfills import Backfill, Place, PlaceState, Progress, State
from store.engine import Database
from store.lease import Lease
from tracker.clock import Clock
from tracker.events.envelope import Event
from tracker.ids import GuildId, MessageId, Ms, UserId

__all__ = ["Backfills", "Spans"]

T = TypeVar("T")

Spans = Mapping[UserId, Sequence[tuple[Ms, Ms | None]]]
"""When members did not want to be counted: from, to (None: they still do not)."""


class _Run(Protocol):
    """Runs a job on another thread and hands on what it gives or raises."""

    def __call__(self, job: Callable[[], T], /) -> Awaitable[T]: ...


class Backfills:
    """Everything raises DatabaseError when the database cannot be reached.

    `write`: on the one thread that writes; `read`: beside it. `lease` None asks nobody (tests).
    """

    def __init__(self, database: Database, clock: Clock, lease: Lease | None, *, write: _Run, read: _Run) -> None:
        self.clock = clock
        self._database = database
        self._lease = lease
        self._write = write
        self._read = read

    async def ask(self, wanted: Backfill) -> Backfill:
        """Note a reading that is to be done; gives the guild's unfinished one instead, if there is one."""
        return await self._write(partial(store.backfills.ask, self._database, wanted))

    async def unfinished(self) -> list[Backfill]:
        """What is still to be read, the oldest wish first."""
        return await self._read(partial(store.backfills.unfinished, self._database))

    async def latest(self, guild: GuildId) -> Backfill | None:
        """The guild's newest reading; None: there never was one."""
        return await self._read(partial(store.backfills.latest, self._database, guild))

    async def find(self, wanted: Backfill) -> Backfill | None:
        """The reading as it stands."""
        return await self._read(partial(store.backfills.find, self._database, wanted.guild_id, wanted.run))

    async def begin(self, wanted: Backfill, found: Collection[Place]) -> None:
        """These are its places."""
        await self._write(partial(store.backfills.begin, self._database, wanted, found))

    async def places(self, wanted: Backfill) -> list[Place]:
        """What is left to read."""
        return await self._read(partial(store.backfills.places, self._database, wanted))

    async def append(
        self, wanted: Backfill, place: Place, events: Sequence[Event], *, messages: int, before: MessageId, over: bool
    ) -> int:
        """Append what a page came to and move the cursor; returns how many events were new."""
        return await self._write(
            partial(
                store.backfills.append_page, self._database, wanted, place, events,
                messages=messages, before=before, over=over, recorded_at=self.clock.now(), lease=self._lease,
            )
        )  # fmt: skip

    async def leave_out(self, wanted: Backfill, place: Place, state: PlaceState) -> None:
        """The place is not read (any further)."""
        await self._write(partial(store.backfills.leave_out, self._database, wanted, place, state))

    async def end(self, wanted: Backfill, state: State, *, error: str | None = None) -> bool:
        """The reading is over; False if it was already."""
        now = self.clock.now()
        return await self._write(partial(store.backfills.end, self._database, wanted, state, now=now, error=error))

    async def progress(self, wanted: Backfill) -> Progress:
        """How far it has come."""
        return await self._read(partial(store.backfills.progress, self._database, wanted))

    async def opt_outs(self, guild: GuildId) -> Spans:
        """When the guild's members did not want to be counted."""
        return await self._read(partial(store.backfills.opt_outs, self._database, guild))
