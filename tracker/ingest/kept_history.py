"""The past of big guilds, day by day, in memory: so that a report over any dates takes as long as one of today.

Days are read one at a time while nobody waits, from the newest backwards, once somebody asked about dates that nothing
kept could tell of. From then on they are brought up to date like everything else that is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, cast

from cachetools import LRUCache

from store.engine import Database
from tracker.ids import GuildId
from tracker.ingest.keeping import Keeping
from tracker.ingest.report_parts import Key, Part
from tracker.projections.days import LocalDay, date_of, day_of, day_start, local_day, next_day
from tracker.reports.window import Window, between

if TYPE_CHECKING:  # with them comes numpy, 14 MiB that a bot in small guilds never needs
    from zoneinfo import ZoneInfo

    from tracker.reports.kept_day import KeptDay
    from tracker.reports.kept_holders import KeptBots, KeptHolders
    from tracker.reports.kept_places import Places
    from tracker.reports.kept_span import KeptFloor, KeptRuns, KeptSpan

__all__ = ["KeptHistory"]

_GUILDS: Final = 64
_KINDS: Final = frozenset({"floor", "day"})


@dataclass(slots=True, kw_only=True)
class _Want:
    """What is to be done for a guild: its days, then for each of the roles what is `left` to be added up."""

    zone: ZoneInfo
    roles: dict[int, None] = field(default_factory=dict)
    left: list[Window] | None = None


class KeptHistory:
    """Days among the `parts`, of which they take so much that `most_bytes` are taken in all.

    Methods that end in `_now` want the lock of `parts` held.
    """

    def __init__(self, database: Database, parts: Keeping[Key, Part], *, most_bytes: int) -> None:
        self._database = database
        self._parts = parts
        self._most_bytes = most_bytes
        self._places: LRUCache[GuildId, Places] = LRUCache(_GUILDS)
        self._runs: KeptRuns | None = None
        self._wanted: dict[GuildId, _Want] = {}
        self._no_room_for: dict[GuildId, int] = {}
        self._reading = threading.Lock()

    @property
    def nbytes(self) -> int:
        """What is taken beside the parts."""
        return 0 if self._runs is None else self._runs.nbytes

    @property
    def wanted(self) -> bool:
        """Whether there is something to be read."""
        return bool(self._wanted)

    def want(self, guild: GuildId, role: int, zone: ZoneInfo) -> None:
        """Somebody asks about dates: which days there are is known from now on. Raises DatabaseError.

        `role`: that of those who they ask about.
        """
        self._read_floor(guild)
        self._wanted.setdefault(guild, _Want(zone=zone)).roles[role] = None

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

    def will_have(self, guild: GuildId, window: Window) -> bool:
        """Whether what is read next will tell of a window and the one before, as far as is known."""
        keys = [self._keys_of(guild, each) for each in (window, window.previous())]
        newest = self._no_room_for.get(guild, 0)
        return all(each is not None and all(day > newest for *_, day in each) for each in keys)

    def span_now(self, guild: GuildId, window: Window, role: int) -> KeptSpan | None:
        """The days of a window, up to date; None if any is missing."""
        from tracker.reports.kept_span import KeptRuns, KeptSpan

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
            self._runs = KeptRuns()
        return KeptSpan(floor, days, places, role, self._runs)

    def forget_now(self) -> None:
        """Let go of what was added up once no past is kept any more."""
        if self._runs is not None and not any(self._parts.has(_floor_of(guild)) for guild in self._places):
            self._runs = None

    def read(self, key: Key, zone: ZoneInfo) -> None:
        """Read a day, and keep it from now on. Raises DatabaseError."""
        from store import kept_rows

        guild, _, number, _ = key
        day = LocalDay(day=number, start=day_start(zone, number), end=day_start(zone, next_day(number)))
        with self._reading:  # of two who ask the same the second finds it here
            if not self._parts.has(key):
                places = self._places_of(guild)
                self._parts.load(key, guild, lambda: kept_rows.read_day(self._database, guild, day, places))

    def read_all(self, keys: Iterable[Key], zone: ZoneInfo) -> bool:
        """Read days that are missing, while somebody waits. False: there is no room for them. Raises DatabaseError."""
        for key in keys:
            if self._parts.nbytes >= self._most_bytes:
                return False
            self.read(key, zone)
        return True

    def read_more(self) -> bool:
        """Read one more day of a guild that somebody asked about, or add some up; False: there is nothing left to do.

        Raises DatabaseError; then nobody wants it any more.
        """
        for guild, want in list(self._wanted.items()):  # others may want something meanwhile
            try:
                if self._did_more(guild, want):
                    return True
            except BaseException:
                self._wanted.pop(guild, None)
                raise
            self._wanted.pop(guild, None)
        return False

    def _did_more(self, guild: GuildId, want: _Want) -> bool:
        key = self._next_of(guild, want.zone)
        room = self._parts.nbytes < self._most_bytes
        if key is not None and room:
            self.read(key, want.zone)
            return self._parts.has(key)  # if it is not, it would be read again and again
        self._no_room_for[guild] = 0 if key is None else key[2]
        if want.left is None:
            want.left = self._stretches(guild, want.zone)
        for role in list(want.roles):
            if want.left:
                self._add_up(guild, role, want.left.pop())
                return True
            del want.roles[role]
            want.left = self._stretches(guild, want.zone)
        return False

    def _stretches(self, guild: GuildId, zone: ZoneInfo) -> list[Window]:
        """Those that are added up at once, of the days that are kept: the short ones are at the end."""
        from tracker.reports.kept_span import LENGTHS

        first, last = self._reach(guild, zone)
        found = [
            between(day_of(date.fromordinal(at)), day_of(date.fromordinal(at + length - 1)), zone)
            for length in LENGTHS
            for at in range(first - first % length, last + 1, length)
        ]
        return [window for window in found if self._are_kept(guild, window)]

    def _add_up(self, guild: GuildId, role: int, window: Window) -> None:
        """What the first question about these days would do first."""
        with self._parts.told:
            bots = cast("KeptBots | None", self._parts.use((guild, "bots", 0, 0)))
            holders = cast("KeptHolders | None", self._parts.use((guild, "holders", role, 0)))
            span = self.span_now(guild, window, role)
            if bots is not None and holders is not None and span is not None:
                users, who = bots.without(holders.at(None)), (role, holders.changed_at, bots.changed_at, None)
                span.all_of(users, who)
                span.turns(
                    users, who, start=window.start, end=window.end, as_of=span.as_of, reached=span.as_of
                )  # fmt: skip

    def _next_of(self, guild: GuildId, zone: ZoneInfo) -> Key | None:
        """The newest day that is not kept; None: all are."""
        self._read_floor(guild)
        first, last = self._reach(guild, zone)
        for at in range(last, first - 1, -1):
            if not self._parts.has(key := _day_of(guild, day_of(date.fromordinal(at)))):
                return key
        return None

    def _reach(self, guild: GuildId, zone: ZoneInfo) -> tuple[int, int]:
        """The first and the last day there may be anything of, as ordinals; an empty stretch if they are not known."""
        floor = cast("KeptFloor | None", self._parts.peek(_floor_of(guild)))
        if floor is None:
            return 1, 0
        return date_of(floor.first_day).toordinal(), date_of(local_day(zone, floor.as_of).day).toordinal()

    def _are_kept(self, guild: GuildId, window: Window) -> bool:
        keys = self._keys_of(guild, window)
        return bool(keys) and all(map(self._parts.has, keys or ()))

    def _read_floor(self, guild: GuildId) -> None:
        from store import kept_rows

        key = _floor_of(guild)
        with self._reading:
            if not self._parts.has(key):
                # In order: what stands side by side in memory is added up faster.
                self._places_of(guild).of(kept_rows.read_users(self._database, guild))
                self._parts.load(key, guild, lambda: kept_rows.read_floor(self._database, guild))

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
