"""Reads beforehand what the first reports after a start are made of: reading it takes seconds in a big guild."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from tracker.clock import Clock
from tracker.errors import TrackerError
from tracker.ids import GuildId, RoleId
from tracker.ingest.reader import Reader
from tracker.ingest.sight import FoldSight
from tracker.reports.window import PERIODS, containing_moment

__all__ = ["Warming"]

_LOG = logging.getLogger("tracker.ingest")

_MOST_GUILDS: Final = 16
_MOST_ROLES: Final = 4
_MOST_LOOKED_AT: Final = 2_000


class Warming:
    """The running day, week and month of everyone and of the roles with scheduled reports; of so many guilds at most.

    One after the other, on a reader's thread, as long as there is room: questions come in between. `keep_from` and how
    much room there is are those of what is kept.
    """

    def __init__(self, reader: Reader, sight: FoldSight, clock: Clock, *, most_guilds: int = _MOST_GUILDS) -> None:
        self._reader = reader
        self._sight = sight
        self._clock = clock
        self._most_guilds = most_guilds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; nobody waits for it."""
        self._task = asyncio.create_task(self.warm(), name="warm what is kept")

    async def close(self) -> None:
        """Stop after what is being read now."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def warm(self) -> None:
        """Until all is there that there is room for. What fails is left for whoever asks first."""
        left = self._most_guilds
        for guild in list(self._sight.guilds())[:_MOST_LOOKED_AT]:
            if left and await self._read(guild):
                left -= 1

    async def _read(self, guild: GuildId) -> bool:
        zone, read = self._sight.settings(guild).zone, False
        for role in self._roles(guild):
            for period in PERIODS:
                window = containing_moment(period, self._clock.now(), zone)
                try:
                    if not await self._reader.warm(guild, role, window):
                        return read
                except TrackerError as error:
                    _LOG.info("reports of guild %d will be read when somebody asks: %s", guild, error)
                    return read
                read = True
        return read

    def _roles(self, guild: GuildId) -> Iterable[RoleId | None]:
        entries = {entry.role_id for entry in self._sight.settings(guild).reports if entry.role_id is not None}
        return (None, *sorted(entries)[:_MOST_ROLES])
