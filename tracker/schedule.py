"""What happens by the clock, as APScheduler jobs: the flush, the lease's heartbeat, the reports that came due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from tracker.clock import Clock
from tracker.events.settings import GuildSettings, ReportEntry
from tracker.ids import GuildId, Ms
from tracker.reports.due import due_key, latest_due, window_of
from tracker.reports.window import Window

__all__ = ["Jobs", "ReportSchedule"]

_LOG = logging.getLogger("tracker.schedule")

Guilds = Callable[[], Iterable[tuple[GuildId, GuildSettings]]]
Post = Callable[[GuildId, ReportEntry, Window, str], Awaitable[None]]


class Jobs:
    """Jobs that run every so often, never two of the same at once. One that fails is logged, and runs again."""

    def __init__(self) -> None:
        self._scheduler: Any = AsyncIOScheduler(timezone="UTC")

    def every(self, seconds: float, name: str, job: Callable[[], Awaitable[object]]) -> None:
        """Run `job` every so many seconds, the first time after that long."""

        async def run() -> None:
            try:
                await job()
            except asyncio.CancelledError:
                return  # only the end of the process cancels jobs, and APScheduler would call that an error
            except Exception:
                _LOG.exception("%s failed; it will run again in %g s", name, seconds)

        self._scheduler.add_job(
            run, "interval", seconds=seconds, id=name, max_instances=1, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def close(self) -> None:
        """Start no job any more; those that run may end."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class ReportSchedule:
    """Finds the reports that have come due since it last looked.

    Looking again and again makes it indifferent to jumps of the clock and to changes of the settings; what was posted
    is known by its key, in the database.

    A new entry is first due after it was noticed. `awake_until`: up to when the process before this one kept time;
    what came due while nobody ran is posted late.
    """

    def __init__(self, clock: Clock, guilds: Guilds, post: Post, *, awake_until: Ms) -> None:
        self._clock = clock
        self._guilds = guilds
        self._post = post
        self._since = awake_until
        self._first_look = True
        self._done: dict[tuple[GuildId, str], Ms] = {}

    async def look(self) -> None:
        """Post what is due."""
        now = self._clock.now()
        seen = set()
        for guild_id, settings in self._guilds():
            for entry in settings.reports:
                known = (guild_id, entry.key)
                seen.add(known)
                since = self._done.setdefault(known, self._since if self._first_look else now)
                due = latest_due(entry, settings.zone, now)
                if due > since:
                    window = window_of(entry, settings.zone, due)
                    await self._post(guild_id, entry, window, due_key(guild_id, entry, window))
                    self._done[known] = due
        for gone in self._done.keys() - seen:
            del self._done[gone]
        self._first_look = False
