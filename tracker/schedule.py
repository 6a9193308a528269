"""What happens by the clock, as APScheduler jobs: the flush, the lease's heartbeat, the reports that came due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice
from typing import Any, Final, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from tracker.clock import Clock
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms
from tracker.reports.due import LATE_MS, dues, next_due
from tracker.reports.entry_life import EntryLife
from tracker.reports.owing import OwedEntry, OwedWindow

__all__ = ["Jobs", "ReportSchedule", "Runs", "Seen"]

_LOG = logging.getLogger("tracker.schedule")

_SLICE: Final = 50
"""Guilds that are worked on at a time: some hundred entries, a few ms on the writer's thread."""


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


class Seen(Protocol):
    """What is known of the guilds right now (`tracker.ingest.sight.FoldSight`)."""

    def all_settings(self) -> Iterable[tuple[GuildId, GuildSettings]]:
        """Every guild with the settings in force there: the same object until they change."""
        ...

    def settings(self, guild: GuildId) -> GuildSettings:
        """The settings in force."""
        ...

    def lost_at(self, guild: GuildId) -> Ms | None:
        """Since when the tracker is away from the guild; None if it sees it."""
        ...


class Runs(Protocol):
    """Where owed reports are kept (`tracker.ingest.report_runs.ReportRuns`). All raise DatabaseError."""

    async def settle(self) -> bool:
        """Bring the figures up to now; False while time may not go on (Discord is silent)."""
        ...

    async def lives(self, guilds: Collection[GuildId]) -> Mapping[GuildId, Sequence[EntryLife]]:
        """The entries of these guilds' settings, as of the last `settle`, with their past."""
        ...

    async def owe(self, owed: Sequence[OwedEntry], now: Ms) -> int:
        """Owe what is not settled yet, all of it or nothing; returns how many reports those were."""
        ...


@dataclass(slots=True, kw_only=True)
class _Plan:
    """A guild's entries. `looked_at`: up to when what came due is owed; None: only the database knows."""

    guild: GuildId
    settings: GuildSettings
    entries: Sequence[EntryLife]
    looked_at: Ms | None = None


class ReportSchedule:
    """Finds the reports that have come due and are not settled yet, and has them owed.

    Looking again and again makes it indifferent to jumps of the clock and to changes of the settings. What is settled
    stands in the database, and so does since when an entry exists: a start needs no memory of the process before it.
    A look that finds nothing costs a comparison for each guild; what is found is worked on in slices, off the event
    loop. Nothing is owed in a guild that is not seen: what its members did until it was lost is not settled before.
    """

    def __init__(self, clock: Clock, seen: Seen, runs: Runs, *, first_start: bool = False) -> None:
        """`first_start`: nobody kept time before (all history was imported), so nothing that came due was missed."""
        self._first_start = first_start
        self._clock = clock
        self._seen = seen
        self._runs = runs
        self._settings: dict[GuildId, GuildSettings] = {}
        self._plans: dict[GuildId, _Plan] = {}
        self._alarms: list[tuple[Ms, GuildId]] = []
        self._ripe: set[GuildId] = set()

    async def look(self) -> None:
        """Owe what is due. Raises DatabaseError: what was not owed yet is, at the next look."""
        now = self._clock.now()
        self._wake(now)
        changed = dict(self._changed())
        ready = [g for g in (*self._ripe, *changed) if self._seen.lost_at(g) is None]
        if not (changed or ready) or not await self._runs.settle():
            return
        for part in _slices(changed):
            await self._learn({guild: changed[guild] for guild in part}, now)
        for part in _slices([g for g in dict.fromkeys(ready) if g in self._ripe]):
            await self._owe([self._plans[guild] for guild in part], now)

    def _wake(self, now: Ms) -> None:
        while self._alarms and self._alarms[0][0] <= now:
            _, guild = heappop(self._alarms)
            if guild in self._plans:
                self._ripe.add(guild)

    def _changed(self) -> Iterator[tuple[GuildId, GuildSettings]]:
        """The guilds whose settings are not those of the last look. Those without reports are done with at once."""
        known = self._settings
        for guild, settings in self._seen.all_settings():
            before = known.get(guild)
            if before is settings:
                continue
            if settings.reports:
                yield guild, settings
            else:
                known[guild] = settings
                self._plans.pop(guild, None)
                self._ripe.discard(guild)

    async def _learn(self, guilds: Mapping[GuildId, GuildSettings], now: Ms) -> None:
        found = await self._runs.lives(guilds.keys())
        for guild, settings in guilds.items():
            if self._seen.settings(guild) is settings:  # else they have changed again: the next look learns them
                self._settings[guild] = settings
                # Of settings whose past is not known (it always should be), the entries are new.
                new = [EntryLife(entry=entry, since=now, formed=now) for entry in settings.reports]
                self._plans[guild] = _Plan(guild=guild, settings=settings, entries=found.get(guild) or new)
                self._ripe.add(guild)

    async def _owe(self, plans: Sequence[_Plan], now: Ms) -> None:
        owed, alarms = await asyncio.to_thread(_work_out, plans, now, first_start=self._first_start)
        count = await self._runs.owe(owed, now) if owed else 0
        if count:
            _LOG.debug("%d more reports are owed, in %d servers", count, len(plans))
        for plan, alarm in zip(plans, alarms, strict=True):
            plan.looked_at = now if plan.looked_at is None else max(plan.looked_at, now)
            self._ripe.discard(plan.guild)
            if alarm is not None:
                heappush(self._alarms, (alarm, plan.guild))


def _work_out(plans: Sequence[_Plan], now: Ms, *, first_start: bool) -> tuple[list[OwedEntry], list[Ms | None]]:
    """What came due of these, and when each of them is due next."""
    owed, alarms = [], []
    for plan in plans:
        zone = plan.settings.zone
        for life in plan.entries:
            after = life.since if plan.looked_at is None else max(life.since, plan.looked_at)
            most = 0 if first_start and plan.looked_at is None else life.entry.catch_up
            windows = tuple(
                OwedWindow(due=due, late=now - max(due.at, life.formed) > LATE_MS)
                for due in dues(life.entry, zone, after=after, now=now, most=most + 1)
            )
            if windows:
                owed.append(
                    OwedEntry(guild_id=plan.guild, life=life, settings=plan.settings, windows=windows, most_late=most)
                )
        nexts = [next_due(life.entry, zone, now) for life in plan.entries]
        alarms.append(min(nexts) if nexts else None)
    return owed, alarms


def _slices(guilds: Iterable[GuildId]) -> Iterator[list[GuildId]]:
    rest = iter(guilds)
    while part := list(islice(rest, _SLICE)):
        yield part
