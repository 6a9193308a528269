"""What a guild's members did on one local day, kept in memory as narrow columns and brought up to date by deltas.

About 20 bytes for each member who did anything and 12 for each voice session. Days are put together by `kept_span`;
what the figures mean is defined by `store.queries` and `store.chart_queries`, and tests hold them equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt

from tracker.ids import Ms, Position
from tracker.projections.days import LocalDay
from tracker.reports.chart_data import QUARTER_MS, DaySum
from tracker.reports.kept import Numbers
from tracker.reports.kept_days import EXP, INTERACTIONS, LAST_AT, MESSAGES, SESSIONS, VOICE_MS, GuildChanges
from tracker.reports.kept_packed import pack
from tracker.reports.kept_places import Few, Places, Whose
from tracker.reports.kept_sessions import OPEN, LiveSessions, places_among

__all__ = ["SUMMED", "Column", "KeptDay", "narrow"]

SUMMED: Final = (VOICE_MS, MESSAGES, INTERACTIONS, EXP, SESSIONS)
"""The columns of a total (`KeptDays.of`) but for when members were last seen: what is added up."""
_COUNT: Final = 4  # of them are told by daily rows
_WIDTHS: Final = (np.int8, np.int16, np.int32)
_NEVER: Final = int(np.iinfo(np.int32).min)
_ROLES: Final = 4
_AFTER_MS: Final = 3_600_000

_serials = count()

Column = npt.NDArray[np.signedinteger]
"""Whole numbers, as wide as they need to be."""


@dataclass(frozen=True, slots=True)
class _Base:
    """What the sessions of some members change in each quarter of the day. `rows`: whether a row is one of theirs."""

    rows: npt.NDArray[np.bool_]
    changes: Numbers


class KeptDay:
    """A day, true at `position` and `as_of`. Not for two threads at once. Nobody is in it twice.

    `sums`, `sessions`: as those of `KeptDays`, of this day alone. `version`: differs from that of every other day, and
    from this day's before anything of it changed; `changed_at`: the position of that.

    A session is *whole* if all of its time is tracked. Then it is known where its time went, and it was met on each
    of the days that it touches; of the others (`odd`) it is only known that they were met on this one.
    """

    def __init__(
        self,
        day: LocalDay,
        places: Places,
        *,
        sums: Sequence[Numbers],
        sessions: Sequence[Numbers],
        position: Position,
        as_of: Ms,
    ) -> None:
        self.day = day
        self.position, self.as_of, self.changed_at = position, as_of, position
        self._serial = next(_serials)
        self.places = places
        did, met = _joined(sums, 7), _joined(sessions, 4)
        users = np.unique(np.concatenate((did[:, 1], met[:, 0])))
        self._owners: Few = places.of(users)
        self._row: Few | None = None  # by place, -1: none; made when it is needed
        columns = np.zeros((len(SUMMED), len(users)), dtype=np.int64)
        at = np.searchsorted(users, did[:, 1])
        columns[:_COUNT, at] = did[:, 2:6].T
        self._did: list[Column] = list(columns)
        last = np.zeros(len(users), dtype=np.int64)
        last[at] = did[:, 6]
        self._seen = self._told_seen(last)
        self._of: Few = np.empty(0, dtype=np.int32)
        self._spans: Few = np.empty((2, 0), dtype=np.int32)
        self._earlier: Few = np.empty(0, dtype=np.int32)
        self._odd: Numbers = np.empty((0, 4), dtype=np.int64)
        self._bases: dict[int, _Base] = {}
        over = met[:, 2] != OPEN
        self._live = LiveSessions(met[~over])
        self._take(np.searchsorted(users, met[over, 0]), met[over])
        self._did = list(map(narrow, self._did))

    @property
    def version(self) -> tuple[int, Position]:
        """Equal as long as nothing changed."""
        return self._serial, self.changed_at

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        arrays = (self._owners, *self._did, self._seen, self._of, self._spans, self._earlier, self._odd)
        row = 0 if self._row is None else self._row.nbytes
        return sum(array.nbytes for array in arrays) + row + self._live.nbytes + len(self._bases) * len(self._owners)

    # -- being told ------------------------------------------------------------------------------------------------

    def apply(self, changed: GuildChanges, position: Position, as_of: Ms) -> bool:
        """Bring up to date with what a flush writes. False: what changed cannot be told by deltas, read it anew."""
        if position <= self.position:
            return True
        self.position, self.as_of = position, as_of
        daily = changed.daily
        daily = daily[daily[:, 0] == self.day.day]
        if len(daily):
            self._add(daily)
            self.changed_at = position
        elif as_of > self.day.end + _AFTER_MS:
            self._row = None
        met = changed.met
        return self._meet(met[met[:, 2] == self.day.day], changed.sessions) and self._hear(changed.sessions)

    def _add(self, daily: Numbers) -> None:
        rows = self._rows_of(daily[:, 1])
        for column in range(_COUNT):
            self._add_at(column, rows, daily[:, column + 2])
        last = self._last()
        np.maximum.at(last, rows, daily[:, 6])
        self._seen = self._told_seen(last)

    def _add_at(self, column: int, rows: Numbers, values: Numbers | int) -> None:
        wide = self._did[column].astype(np.int64)
        np.add.at(wide, rows, values)
        self._did[column] = narrow(wide)

    def _told_seen(self, last: Numbers) -> Column:
        """When members were last seen, counted from the start of the day; or _NEVER."""
        return narrow(np.where(last == 0, _NEVER, last - self.day.start))

    def _last(self) -> Numbers:
        """When members were last seen; 0: never."""
        return np.where(self._seen == _NEVER, 0, self._seen + np.int64(self.day.start))

    def _meet(self, met: Numbers, sessions: Numbers) -> bool:
        """Sessions that came to have tracked time on the day."""
        new = np.unique(self._live.without(met[:, :2]), axis=0) if len(met) else met
        if len(new):
            places = places_among(sessions, new)
            if (places < 0).any():
                return False
            self._live.add(sessions[places])
            self.changed_at = self.position
        return True

    def _hear(self, sessions: Numbers) -> bool:
        """How far the sessions that went on have come; those that are over are no longer live."""
        if len(self._live):
            self._live.hear(sessions)
            if self._live.ended():
                over = self._live.take_ended()
                self._take(self._rows_of(over[:, 0]), over)
                self.changed_at = self.position
        return True

    def _take(self, rows: Numbers, over: Numbers) -> None:
        """Sessions that are over go to the columns. `rows`: whose each is."""
        start, end, voice = over[:, 1:].T
        whole = voice == end - start
        odd = np.column_stack((self._owners[rows[~whole]].astype(np.int64), over[~whole, 1:]))
        self._odd = np.concatenate((self._odd, odd))
        rows, start, end = rows[whole], start[whole], end[whole]
        self._add_at(_COUNT, rows[start >= self.day.start], 1)
        self._earlier = np.concatenate((self._earlier, rows[start < self.day.start].astype(np.int32)))
        spans = np.clip(np.stack((start, end)), self.day.start, self.day.end) - self.day.start
        for role, base in list(self._bases.items()):
            changes = self._changes(spans[:, base.rows[rows]])
            self._bases[role] = _Base(base.rows, base.changes + changes)
        self._of = np.concatenate((self._of, rows.astype(np.int32)))
        self._spans = np.concatenate((self._spans, spans.astype(np.int32)), axis=1)

    def _rows_of(self, users: Numbers) -> Numbers:
        """Where they are in the columns; who is new comes behind the others."""
        at = self.places.of(users)
        if self._row is None or len(self._row) < len(self.places):
            self._row = np.full(len(self.places), -1, dtype=np.int32)
            self._row[self._owners] = np.arange(len(self._owners), dtype=np.int32)
        new = np.unique(at[self._row[at] < 0])
        if len(new):
            self._row[new] = np.arange(len(self._owners), len(self._owners) + len(new), dtype=np.int32)
            self._owners = np.concatenate((self._owners, new))
            self._did = [np.pad(column, (0, len(new))) for column in self._did]
            self._seen = narrow(np.append(self._seen, np.full(len(new), _NEVER, dtype=np.int64)))
            self._bases.clear()
        return self._row[at].astype(np.int64)

    # -- being asked -----------------------------------------------------------------------------------------------

    def add_to(self, total: Numbers) -> None:
        """Add what everybody did to the columns of `total`, by place; of sessions those that began on the day.

        Days before come first: whoever was seen on this one was last seen on it.
        """
        for column, did in zip(SUMMED, self._did, strict=True):
            total[column, self._owners] += did
        seen = np.flatnonzero(self._seen != _NEVER)
        total[LAST_AT, self._owners[seen]] = self._seen[seen] + np.int64(self.day.start)

    def earlier(self) -> Few:
        """The places of those whose whole sessions began before the day, as often as they have any."""
        return self._owners[self._earlier]

    def others(self) -> Numbers:
        """Sessions that the sums leave out, rows (place, start, end or OPEN, voice ms): those that are odd or go on."""
        live = self._live.rows
        if not len(live):
            return self._odd
        return np.concatenate((self._odd, np.column_stack((self.places.of(live[:, 0]), live[:, 1:]))))

    def turns(self, whose: Whose, role: int) -> Numbers:
        """What whole sessions that are over change in each quarter of the day: as `Packed.changes`, cut to the day.

        `role`: to whose holders at another instant `whose` is likely to be close.
        """
        rows = whose.mask[self._owners]
        base = self._bases.get(role)
        if base is not None:
            gone, come = base.rows & ~rows, rows & ~base.rows
            differ = np.count_nonzero(gone) + np.count_nonzero(come)
            if not differ:
                return base.changes
            if 4 * differ < np.count_nonzero(base.rows):
                return base.changes + self._turns_of(come) - self._turns_of(gone)
        while len(self._bases) >= _ROLES:
            del self._bases[next(iter(self._bases))]
        base = self._bases[role] = _Base(rows, self._turns_of(rows))
        return base.changes

    def sums(self, whose: Whose) -> DaySum | None:
        """What they did on the day; None if nobody did anything."""
        rows = whose.mask[self._owners]
        if not rows.any():
            return None
        voice, sent = (int(self._did[column][rows].sum(dtype=np.int64)) for column in (0, 1))
        return DaySum(day=self.day.day, voice_ms=voice, messages=sent)

    def _turns_of(self, rows: npt.NDArray[np.bool_]) -> Numbers:
        return self._changes(self._spans[:, rows[self._of]])

    def _changes(self, spans: Column) -> Numbers:
        """Of sessions whose starts and ends are counted from the start of the day, which is that of a quarter."""
        length = Ms(self.day.end - self.day.start)
        if not spans.shape[1]:
            return np.zeros((2, length // QUARTER_MS + 1), dtype=np.int64)
        whole = spans.astype(np.int64)
        return pack(np.stack((whole[0], whole[1], whole[1] - whole[0])), Ms(0), length).changes


def narrow(column: Column) -> Column:
    """In as few bytes as its numbers need."""
    low, high = (int(column.min()), int(column.max())) if column.size else (0, 0)
    for width in _WIDTHS:
        if np.iinfo(width).min <= low and high <= np.iinfo(width).max:
            return column.astype(width)
    return column


def _joined(parts: Sequence[Numbers], width: int) -> Numbers:
    return np.concatenate([np.empty((0, width), dtype=np.int64), *parts])
