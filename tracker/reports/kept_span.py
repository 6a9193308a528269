"""Any stretch of days, put together out of what is kept of each: as `KeptDays`, without reading anything.

Days that are over are added up once, four and sixteen at a time, for all stretches that they are in.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from cachetools import LRUCache

from tracker.events.settings import DEFAULTS, parse_settings
from tracker.ids import Ms, Position
from tracker.projections.days import DAY_MS, date_of
from tracker.projections.rows import TABLES
from tracker.reports.chart_data import QUARTER_MS, DaySum, PartSession
from tracker.reports.kept import Numbers
from tracker.reports.kept_day import SUMMED, Column, KeptDay, narrow
from tracker.reports.kept_days import LAST_AT, SESSIONS, GuildChanges
from tracker.reports.kept_packed import Packed, pack
from tracker.reports.kept_places import Places
from tracker.reports.kept_sessions import OPEN

__all__ = ["LENGTHS", "RUNS_BYTES", "KeptFloor", "KeptRuns", "KeptSpan", "Run"]

RUNS_BYTES: Final = 32 * 2**20
LENGTHS: Final = (16, 4)
_SETTLED_MS: Final = 2 * DAY_MS
_SETTINGS: Final = TABLES["guilds"].columns.index("settings")


class KeptFloor:
    """From which day (yyyymmdd) on a guild's days may be put together, true at `position` and `as_of`.

    That is its first one, or the first of its zone: days of another zone do not go side by side with these, and nothing
    is said of stretches with any of them. `complete`: there is nothing before.
    """

    nbytes = 0

    def __init__(self, *, first_day: int, complete: bool, zone: str, position: Position, as_of: Ms) -> None:
        self.first_day, self.complete, self.zone = first_day, complete, zone
        self.position, self.as_of = position, as_of

    def apply(self, changed: GuildChanges, position: Position, as_of: Ms) -> bool:
        """Bring up to date. False: the zone is another one now, or something was added before the first day."""
        if position <= self.position:
            return True
        self.position, self.as_of = position, as_of
        if len(changed.daily) and int(changed.daily[:, 0].min()) < self.first_day:
            return False
        return all(_zone_in(row[_SETTINGS]) == self.zone for row in changed.rows.get("guilds", ()))


@dataclass(frozen=True, slots=True)
class Run:
    """Some days as one: what is added up (`SUMMED`) by place, and when members were last seen (0: never)."""

    did: tuple[Column, ...]
    last: Numbers

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return sum(column.nbytes for column in self.did) + self.last.nbytes

    def add_to(self, total: Numbers) -> None:
        """As `KeptDay.add_to`."""
        there = len(self.last)  # who came to be known later did nothing on these days
        for column, did in zip(SUMMED, self.did, strict=True):
            total[column, :there] += did
        np.copyto(total[LAST_AT, :there], self.last, where=self.last > 0)


class KeptRuns:
    """Days that were added up, for all spans, and room for adding up more. Not for two threads at once.

    Room is used again because new memory costs more than what is done in it: a few MB, for each of many answers.
    """

    def __init__(self, most_bytes: int = RUNS_BYTES) -> None:
        self._runs: LRUCache[Hashable, Run] = LRUCache(most_bytes, getsizeof=lambda run: run.nbytes)
        self._rooms = [np.empty((6, 0), dtype=np.int64)] * 2

    @property
    def nbytes(self) -> int:
        """What all of it takes in memory."""
        return int(self._runs.currsize) + sum(room.nbytes for room in self._rooms)

    def room(self, size: int) -> Numbers:
        """Six columns of zeros: nobody else's until two more were asked for."""
        room = self._rooms.pop(0)
        if room.shape[1] == size:
            room.fill(0)
        else:
            room = np.zeros((6, size), dtype=np.int64)
        self._rooms.append(room)
        return room

    def of(self, days: Sequence[KeptDay], size: int) -> Run:
        """The days as one. `size`: how many places there are."""
        key = tuple(day.version for day in days)
        found = self._runs.get(key)
        if found is None:
            found = self._add_up(days, size)
            if found.nbytes <= self._runs.maxsize:
                self._runs[key] = found
        return found

    def _add_up(self, days: Sequence[KeptDay], size: int) -> Run:
        total = np.zeros((6, size), dtype=np.int64)
        for day in days:
            day.add_to(total)
        return Run(tuple(narrow(total[column]) for column in SUMMED), total[LAST_AT].copy())


class KeptSpan:
    """`days` follow each other; none is missing. `floor`: what of them is true without any. Not for two threads.

    What is asked of it is asked of `KeptDays`, too, and means the same.
    """

    def __init__(self, floor: KeptFloor, days: Sequence[KeptDay], places: Places, role: int, runs: KeptRuns) -> None:
        """`role`: that of those who will be asked about. `runs`: for all spans; but two of them at a time."""
        found = {floor.position, *(day.position for day in days)}
        self.position = found.pop() if len(found) == 1 else None
        self.as_of = floor.as_of
        self.changed_at = max((day.changed_at for day in days), default=Position(0))
        self._days = days
        self._places = places
        self._role = role
        self._runs = runs
        self._total: Numbers | None = None

    def of(self, users: Numbers) -> Numbers:
        """As `KeptDays.of`."""
        places = self._places.of(users)
        return self._sums().take(places, axis=1)

    def all_of(self, users: Numbers, who: Hashable) -> Sequence[Numbers]:
        """As `KeptDays.all_of`."""
        mask = self._places.whose(users, who).mask
        return [column[: len(mask)].compress(mask) for column in self._sums()]

    def those_of(self, users: Numbers, who: Hashable) -> tuple[Numbers, Sequence[Numbers]]:
        """As `KeptDays.those_of`."""
        places = self._places.whose(users, who).places
        return users, [column.take(places) for column in self._sums()]

    def turns(self, users: Numbers, who: Hashable, *, start: Ms, end: Ms, as_of: Ms, reached: Ms) -> Packed:
        """As `KeptDays.turns`."""
        whose = self._places.whose(users, who)
        first = start // QUARTER_MS
        changes = np.zeros((2, end // QUARTER_MS - first + 1), dtype=np.int64)
        parts: dict[tuple[int, int], PartSession] = {}
        for day in self._days:
            mine = day.turns(whose, self._role)
            at = day.day.start // QUARTER_MS - first
            changes[:, at : at + mine.shape[1]] += mine
            others = _come_to(day.others(), reached)
            if len(others):
                others = others[whose.mask[others[:, 0]]]
                whole = others[:, 3] == others[:, 2] - others[:, 1]
                spans = others[whole, 1:].T
                mine = pack(spans, day.day.start, Ms(min(day.day.end, as_of)), until=day.day.end).changes
                changes[:, at : at + mine.shape[1]] += mine
                for place, low, high, ms in others[~whole].tolist():
                    parts[place, low] = PartSession(Ms(low), Ms(high), ms)
        return Packed(changes, list(parts.values()))

    def steps(self, users: Numbers, who: Hashable) -> dict[int, DaySum]:
        """As `KeptDays.steps`."""
        whose = self._places.whose(users, who)
        return {day.day.day: did for day in self._days if (did := day.sums(whose)) is not None}

    def _sums(self) -> Numbers:
        """What everybody did, by place: the six columns of `KeptDays.of`."""
        if self._total is None:
            self._total = total = self._runs.room(len(self._places))
            for part in self._parts():
                part.add_to(total)
            if self._days:
                np.add.at(total[SESSIONS], self._days[0].earlier(), 1)
                others = np.concatenate([day.others()[:, :2] for day in self._days])
                np.add.at(total[SESSIONS], np.unique(others, axis=0)[:, 0], 1)
        elif self._total.shape[1] < len(self._places):  # who came to be known since did nothing
            self._total = np.pad(self._total, ((0, 0), (0, len(self._places) - self._total.shape[1])))
        return self._total

    def _parts(self) -> Iterator[KeptDay | Run]:
        """All that is to be added up: as few and as long runs as there are."""
        numbers = [date_of(day.day.day).toordinal() for day in self._days]
        at = 0
        while at < len(numbers):
            length = next((n for n in LENGTHS if numbers[at] % n == 0 and self._is_over(at + n - 1)), 1)
            if length == 1:
                yield self._days[at]
            else:
                yield self._runs.of(self._days[at : at + length], len(self._places))
            at += length

    def _is_over(self, at: int) -> bool:
        """Whether there is such a day, and hardly anything will be added to it."""
        return at < len(self._days) and self._days[at].day.end + _SETTLED_MS <= self.as_of


def _come_to(sessions: Numbers, reached: Ms) -> Numbers:
    """Rows (place, start, end, voice ms) of sessions of which those that go on have come to `reached`."""
    if not (sessions[:, 2] == OPEN).any():
        return sessions
    sessions = sessions.copy()
    sessions[sessions[:, 2] == OPEN, 2] = reached
    return sessions


def _zone_in(document: str | None) -> str:
    settings = DEFAULTS if document is None else parse_settings(msgspec.json.decode(document))
    return settings.timezone
