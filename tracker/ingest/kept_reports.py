"""What reports of big guilds are made of, kept in memory and brought up to date by flushes and looks.

A report of 100,000 members takes seconds out of the database, and some milliseconds out of memory. Whatever cannot be
told by what was flushed is read anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from cachetools import LRUCache

from store.engine import Database
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Position, RoleId, UserId
from tracker.ingest.held import Span, news_of, span_of
from tracker.ingest.keeping import IDLE_S, KEEP_FROM, Keeping
from tracker.ingest.kept_answers import Answer, Asked, Parts, count_chart, count_list, count_member, count_report
from tracker.ingest.kept_history import KeptHistory
from tracker.ingest.report_parts import Key, Part, changes_of, is_listed, keys_of, names_in, read_part
from tracker.projections.days import date_of
from tracker.reports.chart_data import ChartData
from tracker.reports.model import MemberEntry, MemberReport, Report
from tracker.reports.window import PERIODS, Period, Window, containing, containing_moment

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from zoneinfo import ZoneInfo

    from tracker.reports.kept_days import GuildChanges, KeptDays
    from tracker.reports.kept_figures import Before
    from tracker.reports.kept_holders import KeptBots, KeptHolders

__all__ = ["KeptReports"]

T = TypeVar("T")

_MOST_BYTES: Final = 128 * 2**20
_TRIES: Final = 8
_MOST_DAYS: Final = 31
_FEW_DAYS: Final = 3
"""So many days that are missing are read for a window that is not over yet, rather than all of it as one."""
_SUMS_KEPT: Final = 256
_CHANGES_KEPT: Final = 64
_TOLD_WITHIN_S: Final = 0.5


class KeptReports:
    """At most `most_bytes`, the least recently used going first, nothing for longer than `idle_s` unused.

    `keep_from`: guilds that had fewer members are not worth it. Every method may be called from any thread.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_from: int = KEEP_FROM,
        most_bytes: int = _MOST_BYTES,
        idle_s: float = IDLE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keep_from = keep_from
        self._most_bytes = most_bytes
        self._parts: Keeping[Key, Part] = Keeping(
            database.partitions, self._brought, most_bytes=most_bytes, idle_s=idle_s, timer=timer
        )
        self.history = KeptHistory(database, self._parts, most_bytes=most_bytes * 3 // 4)
        self._changes: LRUCache[tuple[GuildId, Span], GuildChanges | None] = LRUCache(_CHANGES_KEPT)
        self._before: LRUCache[tuple[object, ...], Before] = LRUCache(_SUMS_KEPT)
        self._loading = threading.Lock()
        self._hits = 0
        self._misses = 0

    def figures(self) -> dict[str, int]:
        """How many questions about big guilds came out of memory alone (`hits`) or not (`misses`); the `bytes` taken.

        A report is one, and its charts are another.
        """
        with self._parts.told:
            taken = self._parts.nbytes + self.history.nbytes
            return {"hits": self._hits, "misses": self._misses, "bytes": taken}

    def looked(self, batches: Sequence[FlushBatch]) -> None:
        """What a look told of; once and in order."""
        self._parts.looked(batches)

    def flushed(self, batches: Sequence[FlushBatch]) -> None:
        """What was just committed; once and in order. Until this returns, nobody who waits for the flush may ask."""
        self._parts.flushed(batches)
        with self._parts.told:
            self.history.forget_now()

    def gathered(self, batches: Sequence[FlushBatch]) -> None:
        """All looks since the last flush as one."""
        self._parts.gathered(batches)

    def keep_up(self) -> bool:
        """Do a little of what the next question would do first. False: nothing is left."""
        return self._parts.keep_up()

    def has(self, guild: GuildId, role: RoleId | None, window: Window) -> bool:
        """Whether all that a report is made of seems to be kept. At once, on any thread."""
        bots, holders, *days = keys_of(guild, role, window)
        if not (self._parts.has(bots) and self._parts.has(holders)):
            return False
        return all(map(self._parts.has, days)) or self.history.has(guild, window)

    def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None, now: Ms) -> Report | None:
        """As `store.reporting.read_report`, as of the last look or flush.

        None: what is asked is unknown, or too small to be kept: it must be read. Raises DatabaseError.
        """
        if period not in PERIODS:
            return None
        kind = cast("Period", period)

        def window_in(zone: ZoneInfo) -> Window:
            return containing_moment(kind, now, zone) if day is None else containing(kind, day, zone)

        return self._ask(guild, role, window_in, now, self._count)

    def report_of(self, guild: GuildId, role: RoleId | None, window: Window, now: Ms) -> Report | None:
        """As `store.reporting.report_of_window`. None: as `report`, or the window is too long to be kept."""
        return self._ask(guild, role, lambda _: window, now, self._count)

    def member_report(
        self, guild: GuildId, role: RoleId | None, user: UserId, window: Window, now: Ms
    ) -> tuple[MemberReport | None] | None:
        """As `store.reporting.read_member_report`. None instead of one answer: as `report_of`."""
        return self._ask(guild, role, lambda _: window, now, partial(_count_member, user=user))

    def full_list(self, guild: GuildId, role: RoleId | None, window: Window, now: Ms) -> list[MemberEntry] | None:
        """As `store.reporting.read_full_list`. None: as `report_of`."""
        return self._ask(guild, role, lambda _: window, now, count_list)

    def chart_data(self, guild: GuildId, role: RoleId | None, window: Window, now: Ms) -> ChartData | None:
        """As `store.chart_queries.read_chart_data`. None: as `report_of`."""
        return self._ask(guild, role, lambda _: window, now, count_chart)

    def warm(self, guild: GuildId, role: RoleId | None, window: Window) -> bool:
        """Read what a report is made of; False: the guild is too small, or half of the memory is taken already.

        Raises DatabaseError.
        """
        from store.kept_rows import read_guild

        if 2 * self._parts.nbytes >= self._most_bytes:
            return False
        with read_guild(self._database, guild, role) as here:
            if here is None or not here.has_members(self._keep_from):
                return False
        bots, holders, *days = keys_of(guild, role, window)
        self._load((bots, holders, *days), days)
        return True

    def _ask(
        self,
        guild: GuildId,
        role: RoleId | None,
        window_in: Callable[[ZoneInfo], Window],
        now: Ms,
        count: Callable[[Asked], Answer[T]],
    ) -> T | None:
        """What `count` makes of the parts, told; None: it must be read."""
        from store.kept_rows import read_guild

        known = True
        for _ in range(_TRIES):
            with read_guild(self._database, guild, role) as here:
                if here is None or (role is not None and here.role_name is None):
                    return None
                window = window_in(here.settings.zone)
                tell = None
                with self._parts.told:
                    parts = self._current(guild, role, window)
                    looks = None if parts is None else self._looks_at(parts, guild, here.position)
                    names = None if looks is None else names_in(looks)
                    if parts is not None and names is not None:
                        tell = count(
                            Asked(
                                guild=guild,
                                role=role,
                                window=window,
                                now=now,
                                parts=parts,
                                lost_at=here.lost_at,
                                names=names,
                            )
                        )
                        self._hits += known
                    self._misses += looks is not None and not known
                if looks is not None:
                    return None if tell is None else tell(here)
                if parts is None and not here.has_members(self._keep_from):
                    return None
                behind = here.position
            if parts is not None:
                self._wait_for(parts, behind)
                continue
            known = False
            if not self._read_for(guild, role, window, now):
                return None
        return None

    def _read_for(self, guild: GuildId, role: RoleId | None, window: Window, now: Ms) -> bool:
        """Read what is missing: days of the past, where there is room for them. False: the window is too long."""
        bots, holders, *days = keys_of(guild, role, window)
        self._load((bots, holders), days)
        over = window.period == "range" or window.end <= now
        if window.period == "range" or window.following().end <= now:  # not the one that is posted when it is over
            self.history.want(guild, role or guild, window.zone)
        missing = self.history.missing(guild, window)
        few = missing is not None and (over or len(missing) <= _FEW_DAYS) and self.history.will_have(guild, window)
        if few and self.history.read_all(missing or (), window.zone):
            return True
        if (date_of(window.last_day) - date_of(window.first_day)).days >= _MOST_DAYS:
            return False
        self._load(days, days)
        return True

    def _load(self, keys: Sequence[Key], days: Sequence[Key]) -> None:
        """Read what is missing of `keys` and keep it from now on. `days`: those of the window and of the one before."""
        for key in keys:
            listed = is_listed(key, days)
            with self._loading:  # of two who ask the same the second finds it here
                with self._parts.told:
                    there = self._is_there(key, listed=listed)
                if not there:
                    self._parts.load(key, key[0], lambda: read_part(self._database, key, listed=listed))  # noqa: B023

    def _wait_for(self, parts: Parts, position: Position) -> None:
        """A flush is committed of which nobody was told yet: that is a matter of milliseconds."""
        self._parts.wait_for(lambda: (parts.position or 0) >= position, _TOLD_WITHIN_S)

    # -- under the lock --------------------------------------------------------------------------------------------

    def _is_there(self, key: Key, *, listed: bool) -> bool:
        part = self._parts.peek(key)
        return part is not None and (not listed or cast("KeptDays", part).listed)

    def _current(self, guild: GuildId, role: RoleId | None, window: Window) -> Parts | None:
        bots_key, holders_key, *keys = keys_of(guild, role, window)
        bots, holders = self._parts.use(bots_key), self._parts.use(holders_key)
        found = [
            self._whole(key, listed=is_listed(key, keys)) or self.history.span_now(guild, each, role or guild)
            for key, each in zip(keys, (window, window.previous()), strict=True)
        ]
        days, before = found
        if bots is None or holders is None or days is None or before is None:
            return None
        return Parts(bots=cast("KeptBots", bots), holders=cast("KeptHolders", holders), days=days, before=before)

    def _whole(self, key: Key, *, listed: bool) -> KeptDays | None:
        """The days of a window that are kept as one."""
        return cast("KeptDays | None", self._parts.use(key)) if self._is_there(key, listed=listed) else None

    def _looks_at(self, parts: Parts, guild: GuildId, position: Position) -> list[GuildChanges] | None:
        """What the parts know beyond tables that stand at `position`; None: one of the two must catch up first."""
        at, looks = parts.position, self._parts.looks(guild, position)
        if looks is None or at != (looks[-1].position if looks else position):
            return None
        return [told for look in looks if (told := self._changed(guild, look)) is not None]

    def _count(self, asked: Asked) -> Answer[Report]:
        return count_report(asked, self._what_was_before)

    def _what_was_before(self, asked: Asked) -> Before:
        """The sums of a window that is over hardly ever change."""
        from tracker.reports.kept_figures import before_of

        parts, window = asked.parts, asked.window.previous()
        at = asked.end_of(window)
        key = (asked.guild, window.first_day, window.last_day, parts.before.changed_at, *parts.who(at))
        found = self._before.get(key)
        if found is None:
            found = self._before[key] = before_of(parts.before.all_of(parts.members(at), parts.who(at)))
        return found

    def _brought(self, part: Part, guild: GuildId, batch: FlushBatch) -> bool:
        changed = self._changed(guild, batch)
        return changed is not None and part.apply(changed, batch.position, batch.as_of)

    def _changed(self, guild: GuildId, batch: FlushBatch) -> GuildChanges | None:
        """The same for all parts: made once."""
        key = (guild, span_of(batch))
        if key not in self._changes:
            self._changes[key] = changes_of(news_of(batch), guild)
        return self._changes[key]


def _count_member(asked: Asked, user: UserId) -> Answer[tuple[MemberReport | None]]:
    tell = count_member(asked, user)
    return lambda here: (tell(here),)
