"""What reports of big guilds are made of, kept in memory from one question to the next, up to date by every flush.

A report of 100,000 members takes seconds out of the database, and some ten milliseconds out of memory. Whatever cannot
be told by what a flush changed is read anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from cachetools import LRUCache

from store.engine import Database
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Partition, Position, RoleId, partition_of
from tracker.ingest.report_parts import Key, Part, brought, changes_of, keys_of, read_part
from tracker.projections.days import date_of
from tracker.reports.build import build_report
from tracker.reports.chart_data import HOURS
from tracker.reports.model import Member, Report, Sums
from tracker.reports.window import PERIODS, Period, Window, containing, containing_moment

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from store.kept_rows import GuildNow
    from tracker.reports.kept import Numbers
    from tracker.reports.kept_days import KeptDays
    from tracker.reports.kept_figures import Figures
    from tracker.reports.kept_holders import KeptBots, KeptHolders

__all__ = ["KeptReports"]

_LOG = logging.getLogger("tracker.ingest")

_KEEP_FROM: Final = 2_000
_MOST_BYTES: Final = 96 * 2**20
_IDLE_S: Final = 3600.0
_TRIES: Final = 8
_MOST_DAYS: Final = 31
_SUMS_KEPT: Final = 256
_TOLD_WITHIN_S: Final = 0.5


@dataclass(slots=True)
class _Kept:
    part: Part
    used_at: float


@dataclass(slots=True)
class _Load:
    """Something that is being read: the flushes that it may have missed wait here."""

    guild: GuildId
    missed: list[FlushBatch] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """All that a report is made of, true at one position."""

    bots: KeptBots
    holders: KeptHolders
    days: KeptDays
    before: KeptDays

    def members(self, window: Window, now: Ms) -> Numbers:
        """Who a report over the window is about: those at its end, or now if it is still open; no bots."""
        return self.bots.without(self.holders.at(window.end if window.end <= now else None))


class KeptReports:
    """At most `most_bytes`, the least recently used going first, nothing for longer than `idle_s` unused.

    `keep_from`: guilds that had fewer members are not worth it. Every method may be called from any thread.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_from: int = _KEEP_FROM,
        most_bytes: int = _MOST_BYTES,
        idle_s: float = _IDLE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keep_from = keep_from
        self._most_bytes = most_bytes
        self._idle_s = idle_s
        self._timer = timer
        self._told = threading.Condition()
        self._loading = threading.Lock()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()  # the least recently used first
        self._loads: list[_Load] = []
        self._before: LRUCache[tuple[object, ...], Sums] = LRUCache(_SUMS_KEPT)
        self._hits = 0
        self._misses = 0

    def figures(self) -> dict[str, int]:
        """How many reports of big guilds came out of memory alone (`hits`) or not (`misses`); the `bytes` it takes."""
        with self._told:
            return {"hits": self._hits, "misses": self._misses, "bytes": self._size()}

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """What was just committed; once and in order. Until this returns, nobody who waits for the flush may ask."""
        with self._told:
            self._age()
            for load in self._loads:
                load.missed += [b for b in batches if b.partition == self._partition(load.guild)]
            try:
                for batch in batches:
                    self._apply(batch)
            except Exception:  # what cannot be trusted is worse than nothing
                _LOG.exception("what reports are made of could not be brought up to date: reading it anew")
                self._kept.clear()
            self._shrink()
            self._told.notify_all()

    def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None, now: Ms) -> Report | None:
        """As `store.reporting.read_report`. None: what is asked is unknown, or too small to be kept: it must be read.

        Raises DatabaseError.
        """
        if period not in PERIODS:
            return None
        kind = cast("Period", period)
        return self._report(
            guild,
            role,
            lambda zone: containing_moment(kind, now, zone) if day is None else containing(kind, day, zone),
            now,
        )

    def report_of(self, guild: GuildId, role: RoleId | None, window: Window, now: Ms) -> Report | None:
        """As `store.reporting.report_of_window`. None: as `report`, or the window is too long to be kept."""
        days = date_of(window.last_day) - date_of(window.first_day)
        return self._report(guild, role, lambda _: window, now) if days.days < _MOST_DAYS else None

    def _report(
        self, guild: GuildId, role: RoleId | None, window_in: Callable[[ZoneInfo], Window], now: Ms
    ) -> Report | None:
        from store.kept_rows import read_guild

        known = True
        for _ in range(_TRIES):
            with read_guild(self._database, guild, role) as here:
                if here is None or (role is not None and here.role_name is None):
                    return None
                window = window_in(here.settings.zone)
                keys, counted = keys_of(guild, role, window), None
                with self._told:
                    parts = self._current(keys)
                    if parts is not None and self._same(parts, here.position):
                        counted = self._count(parts, keys, here, window, now)
                        self._hits += known
                        self._misses += not known
                if counted is not None:
                    return _report(counted, here, guild, role, window, now)
                if parts is None and not here.has_members(self._keep_from):
                    return None
                behind = here.position
            if parts is None:
                known = False
                self._load(keys)
            else:
                self._wait_for(parts, behind)
        return None

    def _load(self, keys: Sequence[Key]) -> None:
        """Read what is missing and keep it from now on."""
        with self._loading:  # of two who ask the same the second finds it here
            for key in keys:
                with self._told:
                    there = self._is_there(key, listed=key == keys[2])
                if not there:
                    self._keep(key, listed=key == keys[2])

    def _keep(self, key: Key, *, listed: bool) -> None:
        with self._missing_nothing(key[0]) as load:
            part = read_part(self._database, key, listed=listed)
        with self._told:
            self._loads.remove(load)
            if all(brought(part, key[0], changes_of(batch.changes, {key[0]}), batch) for batch in load.missed):
                self._kept[key] = _Kept(part, self._timer())
                self._kept.move_to_end(key)
                self._shrink()

    @contextmanager
    def _missing_nothing(self, guild: GuildId) -> Iterator[_Load]:
        """Flushes are noted from now on, until the load is taken off the list, or reading fails."""
        load = _Load(guild)
        with self._told:
            self._loads.append(load)
        try:
            yield load
        except BaseException:
            with self._told:
                self._loads.remove(load)
            raise

    def _wait_for(self, parts: _Parts, position: Position) -> None:
        """A flush is committed of which nobody was told yet: that is a matter of milliseconds."""
        with self._told:
            self._told.wait_for(lambda: self._same(parts, position, at_least=True), _TOLD_WITHIN_S)

    # -- under the lock --------------------------------------------------------------------------------------------

    def _is_there(self, key: Key, *, listed: bool) -> bool:
        kept = self._kept.get(key)
        return kept is not None and (not listed or cast("KeptDays", kept.part).listed)

    def _current(self, keys: Sequence[Key]) -> _Parts | None:
        if not all(self._is_there(key, listed=key == keys[2]) for key in keys):
            return None
        for key in keys:
            self._kept[key].used_at = self._timer()
            self._kept.move_to_end(key)
        bots, holders, days, before = (self._kept[key].part for key in keys)
        return _Parts(
            bots=cast("KeptBots", bots),
            holders=cast("KeptHolders", holders),
            days=cast("KeptDays", days),
            before=cast("KeptDays", before),
        )

    @staticmethod
    def _same(parts: _Parts, position: Position, *, at_least: bool = False) -> bool:
        found = [part.position for part in (parts.bots, parts.holders, parts.days, parts.before)]
        return min(found) >= position if at_least else set(found) == {position}

    def _count(self, parts: _Parts, keys: Sequence[Key], here: GuildNow, window: Window, now: Ms) -> _Counted:
        from tracker.reports.kept_figures import figures_of
        from tracker.reports.kept_hours import hours_of

        users, as_of = parts.members(window, now), parts.days.as_of
        changed = (parts.holders.changed_at, parts.bots.changed_at)
        who = (keys[1], *changed, window.end if window.end <= now else None)
        end, hours = Ms(min(window.end, as_of)), tuple([0] * HOURS)
        if window.start < end:
            reached = as_of if here.lost_at is None else Ms(min(as_of, here.lost_at))
            packed = parts.days.turns(users, who, start=window.start, end=window.end, as_of=as_of, reached=reached)
            hours = hours_of(window, packed, end)
        return _Counted(
            figures=figures_of(users, *parts.days.those_of(users, who)),
            before=self._sums_before(parts, keys, window.previous(), now),
            hours=hours,
            as_of=as_of,
        )

    def _sums_before(self, parts: _Parts, keys: Sequence[Key], window: Window, now: Ms) -> Sums:
        """The sums of a window that is over hardly ever change."""
        from tracker.reports.kept_figures import sums_of

        changed = (parts.bots.changed_at, parts.holders.changed_at, parts.before.changed_at)
        key = (*keys, window.end, window.end <= now, *changed)
        found = self._before.get(key)
        if found is None:
            found = self._before[key] = sums_of(parts.before.of(parts.members(window, now)))
        return found

    def _apply(self, batch: FlushBatch) -> None:
        concerned = [key for key in self._kept if self._partition(key[0]) == batch.partition]
        changed = changes_of(batch.changes, {key[0] for key in concerned})
        for key in concerned:
            if not brought(self._kept[key].part, key[0], changed, batch):
                del self._kept[key]

    def _age(self) -> None:
        oldest = self._timer() - self._idle_s
        for key in [key for key, kept in self._kept.items() if kept.used_at < oldest]:
            del self._kept[key]

    def _shrink(self) -> None:
        while self._kept and self._size() > self._most_bytes:
            self._kept.popitem(last=False)

    def _size(self) -> int:
        return sum(kept.part.nbytes for kept in self._kept.values())

    def _partition(self, guild: GuildId) -> Partition:
        return partition_of(guild, self._database.partitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What was counted in memory; all that is left is to be read by the key."""

    figures: Figures
    before: Sums
    hours: tuple[int, ...]
    as_of: Ms


def _report(
    counted: _Counted, here: GuildNow, guild: GuildId, role: RoleId | None, window: Window, now: Ms
) -> Report:  # fmt: skip
    from tracker.reports.kept_figures import with_all

    shown = {did.user_id: did for did in counted.figures.shown}
    names = here.names(shown)
    report = build_report(
        guild_id=guild,
        role_id=role,
        role_name=here.role_name,
        window=window,
        as_of=counted.as_of,
        members=[Member(user_id=user, name=names[user]) for user in shown],
        activity=shown,
        before=counted.before,
        away_ms=here.away_ms(window, max(counted.as_of, min(now, window.end))),
        hours=counted.hours,
    )
    return with_all(report, counted.figures, counted.before)
