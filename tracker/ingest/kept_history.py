"""The past of big guilds, day by day, in memory: so that a report over any dates takes as long as one of today.

Days are read one at a time while nobody waits, from the newest backwards, once somebody asked about dates that nothing
kept could tell of. From then on they are brought up to date like everything else that is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING, Final, cast

from cachetools import LRUCache

from store.engine import Database
from tracker.ids import GuildId
from tracker.ingest.keeping import Keeping
from tracker.ingest.report_parts import Key, Part
from tracker.projections.days import LocalDay, day_start, local_day, next_day, previous_day
from tracker.reports.window import Window

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from zoneinfo import ZoneInfo

    from tracker.reports.kept_day import KeptDay
    from tracker.reports.kept_places import Places
    from tracker.reports.kept_span import KeptFloor, KeptSpan, Run

__all__ = ["KeptHistory"]

_GUILDS: Final = 64
_KINDS: Final = frozenset({"floor", "day"})


class KeptHistory:
    """Days among the `parts`, of which they take so much that `most_bytes` are taken in all.

    Methods that end in `_now` want the lock of `parts` held.
    """

    def __init__(self, database: Database, parts: Keeping[Key, Part], *, most_bytes: int) -> None:
        self._database = database
        self._parts = parts
        self._most_bytes = most_bytes
        self._places: LRUCache[GuildId, Places] = LRUCache(_GUILDS)
        self._runs: LRUCache[Hashable, Run] | None = None
        self._wanted: dict[GuildId, ZoneInfo] = {}
        self._reading = threading.Lock()

    @property
    def nbytes(self) -> int:
        """What is taken beside the parts."""
        return 0 if self._runs is None else int(self._runs.currsize)

    @property
    def wanted(self) -> bool:
        """Whether there is something to be read."""
        return bool(self._wanted)

    def want(self, guild: GuildId, zone: ZoneInfo) -> None:
        """Somebody asks about dates of the guild."""
        self._wanted[guild] = zone

    def has(self, guild: GuildId, window: Window) -> bool:
        """Whether all the days of a window and of the one before seem to be kept. At once, on any thread."""
        return self.missing(guild, window) == []

    def missing(self, guild: GuildId, window: Window) -> list[Key] | None:
        """The days to be read for a window and the one before; None: they cannot be told by days, so far or at all."""
        found: list[Key] = []
        for each in (window, window.previous()):
            keys = self._keys_of(guild, each)
            if keys is None:
                return None
            found += [key for key in keys if not self._parts.has(key) and key not in found]
        return found

    def span_now(self, guild: GuildId, window: Window, role: int) -> KeptSpan | None:
        """The days of a window, up to date; None if any is missing."""
        from tracker.reports.kept_span import KeptSpan, runs

        floor = cast("KeptFloor | None", self._parts.use(_floor_of(guild)))
        keys = None if floor is None else self._keys_of(guild, window)
        if floor is None or keys is None:
            return None
        days, places = [], self._places_of(guild)
        for key in keys:
            day = cast("KeptDay | None", self._parts.use(key))
            if day is None or day.places is not places:
                self._parts.drop(key)
                return None
            days.append(day)
        self._parts.hold(lambda key: key[0] == guild and key[1] in _KINDS)
        if self._runs is None:
            self._runs = runs()
        return KeptSpan(floor, days, places, role, self._runs)

    def forget_now(self) -> None:
        """Let go of what was added up once no past is kept any more."""
        if self._runs and not any(self._parts.has(_floor_of(guild)) for guild in self._places):
            self._runs.clear()

    def read(self, key: Key, zone: ZoneInfo) -> None:
        """Read a day, and keep it from now on. Raises DatabaseError."""
        from store import kept_rows

        guild, _, number, _ = key
        day = LocalDay(day=number, start=day_start(zone, number), end=day_start(zone, next_day(number)))
        with self._reading:  # of two who ask the same the second finds it here
            if not self._parts.has(key):
                places = self._places_of(guild)
                self._parts.load(key, guild, lambda: kept_rows.read_day(self._database, guild, day, places))

    def read_more(self) -> bool:
        """Read one more day of a guild that somebody asked about; False: all is there that there is room for.

        Raises DatabaseError; then nobody wants it any more.
        """
        while self._wanted:
            guild, zone = next(iter(self._wanted.items()))
            try:
                key = self._next_of(guild, zone)
                if key is not None and self._parts.nbytes < self._most_bytes:
                    self.read(key, zone)
                    if self._parts.has(key):  # if not, it would be read again and again
                        return True
            except BaseException:
                self._wanted.pop(guild, None)
                raise
            self._wanted.pop(guild, None)
        return False

    def _next_of(self, guild: GuildId, zone: ZoneInfo) -> Key | None:
        """The newest day that is not kept; None: all are."""
        from store import kept_rows

        key = _floor_of(guild)
        with self._reading:
            if not self._parts.has(key):
                self._parts.load(key, guild, lambda: kept_rows.read_floor(self._database, guild))
        floor = cast("KeptFloor | None", self._parts.peek(key))
        if floor is None:
            return None
        day = local_day(zone, floor.as_of).day
        while day >= floor.first_day:
            if not self._parts.has(key := _day_of(guild, day)):
                return key
            day = previous_day(day)
        return None

    def _keys_of(self, guild: GuildId, window: Window) -> list[Key] | None:
        """The days of a window on which there may be anything; None: they cannot be told by days."""
        floor = cast("KeptFloor | None", self._parts.peek(_floor_of(guild)))
        if floor is None or floor.zone != window.zone.key:
            return None
        if window.first_day < floor.first_day and not floor.complete:
            return None
        last = min(window.last_day, local_day(window.zone, floor.as_of).day)
        day, keys = max(window.first_day, floor.first_day), []
        while day <= last:
            keys.append(_day_of(guild, day))
            day = next_day(day)
        return keys

    def _places_of(self, guild: GuildId) -> Places:
        from tracker.reports.kept_places import Places

        with self._parts.told:
            found = self._places.get(guild)
            if found is None:
                found = self._places[guild] = Places()
            return found


def _floor_of(guild: GuildId) -> Key:
    return guild, "floor", 0, 0


def _day_of(guild: GuildId, day: int) -> Key:
    return guild, "day", day, day
