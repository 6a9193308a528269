"""What a guild's members did on some local days, kept in memory and brought up to date by a flush's deltas.

Columns of whole numbers in the order of user ids: 48 bytes for each member who did anything, 13 for each of their days,
28 for each voice session.
What the figures mean is defined by `store.queries` and `store.chart_queries`; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Final

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from tracker.ids import Ms, Position
from tracker.projections.rows import TABLES, Row
from tracker.reports.chart_data import DaySum
from tracker.reports.kept import Numbers
from tracker.reports.kept_packed import Packed, pack
from tracker.reports.kept_sessions import OPEN, LiveSessions, in_order, places_among
from tracker.reports.kept_steps import KeptSteps

__all__ = [
    "EXP", "INTERACTIONS", "LAST_AT", "MESSAGES", "OPEN", "SESSIONS", "VOICE_MS", "GuildChanges", "KeptDays",
]  # fmt: skip

VOICE_MS, MESSAGES, INTERACTIONS, EXP, LAST_AT, SESSIONS = range(6)
"""The columns of `KeptDays.of`."""

_SETTLE_FROM: Final = 1_000
_PACKED_KEPT: Final = 8
_GROUPS_KEPT: Final = 8


def _at(table: str, *columns: str) -> tuple[int, ...]:
    return tuple(map(TABLES[table].columns.index, columns))


_DAY, _USER, _SEEN = _at("daily", "day", "user_id", "last_at")
_ADDED: Final = _at("daily", "voice_ms", "messages", "interactions")
_EXP_KINDS: Final = _at("daily", "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted")
_MET: Final = itemgetter(*_at("session_days", "user_id", "started_at", "day"))
_BEGUN: Final = itemgetter(*_at("sessions", "user_id", "started_at", "day"))
_LEFT: Final = itemgetter(*_at("sessions", "user_id", "started_at"))  # of a key: the columns begin with it
_S_USER, _S_START, _S_END, _S_VOICE = _at("sessions", "user_id", "started_at", "ended_at", "voice_ms")


class GuildChanges:
    """What a flush writes of a guild: `rows` by table. `left`: keys of `sessions` that rows leave for another one."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.left: list[Row] = []

    @cached_property
    def daily(self) -> Numbers:
        """Rows (day, user, voice ms, messages, interactions, EXP, last seen), made once for all that is kept."""
        told = np.array(self.rows.get("daily", ()), dtype=np.int64).reshape(-1, len(TABLES["daily"].columns))
        exp = told[:, _EXP_KINDS].sum(axis=1, keepdims=True)
        return np.concatenate((told[:, (_DAY, _USER, *_ADDED)], exp, told[:, (_SEEN,)]), axis=1)

    @cached_property
    def met(self) -> Numbers:
        """Rows (user, start, day): the sessions with tracked time, on their first day and on others that are new."""
        return np.concatenate((self._begun[:, :3], self._gone_on))

    def met_since(self, as_of: Ms) -> Numbers:
        """As `met`, for who is true at `as_of`: only what came to be so afterwards.

        On its first day a session did if it is newer than that, or if its row had no day until now.
        """
        begun = self._begun
        return np.concatenate((begun[(begun[:, 1] >= as_of) | (begun[:, 3] == 1), :3], self._gone_on))

    @cached_property
    def _begun(self) -> Numbers:
        """Rows (user, start, first day, whether its row had none until now)."""
        left = set(map(_LEFT, self.left))
        told = ((*row, row[:2] in left) for row in map(_BEGUN, self.rows.get("sessions", ())) if row[2])
        return np.array(list(told), dtype=np.int64).reshape(-1, 4)

    @cached_property
    def _gone_on(self) -> Numbers:
        """Rows (user, start, day): the other days."""
        return np.array(list(map(_MET, self.rows.get("session_days", ()))), dtype=np.int64).reshape(-1, 3)

    @cached_property
    def sessions(self) -> Numbers:
        """Rows (user, start, end or OPEN, voice ms) in order: how far sessions have come."""
        told = (
            (row[_S_USER], row[_S_START], OPEN if row[_S_END] is None else row[_S_END], row[_S_VOICE])
            for row in self.rows.get("sessions", ())
        )
        return in_order(np.array(list(told), dtype=np.int64).reshape(-1, 4))


@dataclass(frozen=True, slots=True)
class _Group:
    """Some users (ascending), and which rows of the columns are theirs."""

    users: Numbers
    rows: npt.NDArray[np.bool_]


class KeptDays:
    """The days from `first_day` to `last_day` (yyyymmdd, both included), true at `position` and `as_of`.

    `sums`: rows (day, user, voice ms, messages, interactions, EXP, last seen), one for each day and user. `sessions`:
    those with tracked time on these days, rows (user, start, end or OPEN, voice ms). Instead of them `counts`, rows
    (user, sessions), is enough for days that are over, if nobody asks for `turns`. All are in parts, in any order.

    `changed_at`: the last position with a change.
    """

    def __init__(
        self,
        first_day: int,
        last_day: int,
        *,
        sums: Sequence[Numbers],
        sessions: Sequence[Numbers] = (),
        counts: Sequence[Numbers] | None = None,
        position: Position,
        as_of: Ms,
    ) -> None:
        self.position = position
        self.as_of = as_of
        self.listed = counts is None
        self.changed_at = position
        self._days = (first_day, last_day)
        did, met, counted = _joined(sums, 7), _joined(sessions, 4), _joined(counts or (), 2)
        self._users: Numbers = np.unique(np.concatenate((did[:, 1], met[:, 0], counted[:, 0])))
        self._values: Numbers = np.zeros((5, len(self._users)), dtype=np.int64)
        self._steps = KeptSteps(first_day, last_day)
        self._add(did, fresh=True)
        self._counts: Numbers = np.zeros(len(self._users), dtype=np.int64)
        self._counts[np.searchsorted(self._users, counted[:, 0])] = counted[:, 1]
        over = met[:, 2] != OPEN
        self._live = LiveSessions(met[~over])
        whose, met = met[:, 0], met[over]
        met = met[np.argsort(met[:, 0], kind="stable")]  # neighbours in memory: counting them is twice as fast
        self._owners: npt.NDArray[np.int32] = np.searchsorted(self._users, met[:, 0]).astype(np.int32)
        self._spans: Numbers = np.ascontiguousarray(met[:, 1:].T)
        self._packed: LRUCache[tuple[Hashable, Ms, Ms], Packed] = LRUCache(_PACKED_KEPT)
        self._groups: LRUCache[Hashable, _Group] = LRUCache(_GROUPS_KEPT)
        if self.listed:
            self._counts = np.bincount(np.searchsorted(self._users, whose), minlength=len(self._users))

    @property
    def nbytes(self) -> int:
        """What it takes in memory, roughly."""
        arrays = (self._users, self._values, self._counts, self._owners, self._spans)
        return sum(array.nbytes for array in arrays) + self._steps.nbytes + self._live.nbytes

    def apply(self, changed: GuildChanges, position: Position, as_of: Ms) -> bool:
        """Bring up to date with what a flush writes. False: what changed cannot be told by deltas, read it anew."""
        if position <= self.position:
            return True
        met = changed.met if self.listed else changed.met_since(self.as_of)
        self.position, self.as_of = position, as_of
        first, last = self._days
        daily = changed.daily
        daily = daily[(daily[:, 0] >= first) & (daily[:, 0] <= last)]
        if len(daily):
            self._add(daily)
            self.changed_at = position
        return self._follow(met[(met[:, 2] >= first) & (met[:, 2] <= last)], changed.sessions)

    def of(self, users: Numbers) -> Numbers:
        """What each of `users` (ascending) did: a row for each of the six columns."""
        found = np.zeros((6, len(users)), dtype=np.int64)
        at, there = _found(self._users, users)
        found[:SESSIONS, there] = self._values[:, at]
        found[SESSIONS, there] = self._counts[at]
        return found

    def all_of(self, users: Numbers, who: Hashable) -> Sequence[Numbers]:
        """What each of `users` (ascending) did, in any order. `who`: as in `those_of`."""
        del who  # looking them up once is all that is needed
        return list(self.of(users))

    def those_of(self, users: Numbers, who: Hashable) -> tuple[Numbers, Sequence[Numbers]]:
        """Who of `users` (ascending) may have done something, and what: a row for each of the six columns.

        `who`: what is equal for equal `users`, so that they are looked up once.
        """
        rows = self._group(users, who).rows
        did = np.empty((6, int(np.count_nonzero(rows))), dtype=np.int64)
        np.compress(rows, self._values, axis=1, out=did[:SESSIONS])
        np.compress(rows, self._counts, out=did[SESSIONS])
        return self._users[rows], list(did)

    def turns(self, users: Numbers, who: Hashable, *, start: Ms, end: Ms, as_of: Ms, reached: Ms) -> Packed:
        """The sessions of `users` (ascending), cut to [start, end) and to `as_of`, by quarters from that of `start`.

        Those that go on have come to `reached`. `who`: as in `those_of`.
        """
        rows = self._group(users, who).rows
        packed = self._packed.get((who, start, end))
        if packed is None:
            spans = self._spans if rows.all() else self._spans[:, rows[self._owners]]
            packed = self._packed[who, start, end] = pack(spans, start, end)
        live = self._live.rows
        spans = live[rows[np.searchsorted(self._users, live[:, 0])], 1:].T
        spans[1][spans[1] == OPEN] = reached
        return packed + pack(spans, start, Ms(min(end, as_of)), until=end)

    def steps(self, users: Numbers, who: Hashable) -> dict[int, DaySum]:
        """What `users` (ascending) did by day, of those days on which anybody did. `who`: as in `those_of`."""
        return self._steps.sums(self._group(users, who).rows)

    def _add(self, daily: Numbers, *, fresh: bool = False) -> None:
        """Rows as those of `GuildChanges.daily`. `fresh`: they are the first ones, one for each day and member."""
        at = self._places_of(daily[:, 1])
        for column in range(LAST_AT):
            np.add.at(self._values[column], at, daily[:, column + 2])
        np.maximum.at(self._values[LAST_AT], at, daily[:, LAST_AT + 2])
        (self._steps.fill if fresh else self._steps.add)(daily[:, 0], at, daily[:, 2:4])

    def _group(self, users: Numbers, who: Hashable) -> _Group:
        group = self._groups.get(who)
        if group is None:
            rows = np.zeros(len(self._users), dtype=np.bool_)
            rows[_found(self._users, users)[0]] = True
            group = self._groups[who] = _Group(users, rows)
        return group

    def _follow(self, met: Numbers, sessions: Numbers) -> bool:
        """New sessions, and how far the known ones have come."""
        if not self.listed:
            return not len(met)
        if len(met):
            new = np.unique(self._live.without(met[:, :2]), axis=0)
            places = places_among(sessions, new)
            if (places < 0).any():
                return False
            if len(new):
                self.changed_at = self.position
                self._live.add(sessions[places])
                whose = self._places_of(new[:, 0])
                np.add.at(self._counts, whose, 1)
        if len(self._live):
            self._live.hear(sessions)
        if self._live.ended() > _SETTLE_FROM:
            self._settle()
        return True

    def _settle(self) -> None:
        """Those that are over go to the columns."""
        over = self._live.take_ended()
        owners = np.searchsorted(self._users, over[:, 0]).astype(np.int32)
        self._owners = np.concatenate((self._owners, owners))
        self._spans = np.concatenate((self._spans, over[:, 1:].T), axis=1)
        for key, packed in list(self._packed.items()):
            who, start, end = key
            group = self._groups.get(who)
            if group is None:
                del self._packed[key]
            else:
                self._packed[key] = packed + pack(over[group.rows[owners], 1:].T, start, end)

    def _places_of(self, users: Numbers) -> Numbers:
        """Where they are in the columns; who is new gets a place."""
        places, there = _found(self._users, users)
        if there.all():
            return places
        new = np.unique(users[~there])
        at = np.searchsorted(self._users, new)
        self._users = np.insert(self._users, at, new)
        self._values = np.insert(self._values, at, 0, axis=1)
        self._counts = np.insert(self._counts, at, 0)
        self._owners += np.searchsorted(at, self._owners, side="right").astype(np.int32)
        self._steps.make_room(at)
        for who, group in list(self._groups.items()):
            theirs = np.zeros(len(new), dtype=np.bool_)
            theirs[_found(new, group.users)[0]] = True
            self._groups[who] = replace(group, rows=np.insert(group.rows, at, theirs))
        return np.searchsorted(self._users, users)


def _found(among: Numbers, users: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Where those of `users` are that are `among` (ascending), and which they are."""
    if not len(among):
        return np.empty(0, dtype=np.int64), np.zeros(len(users), dtype=np.bool_)
    at = np.minimum(np.searchsorted(among, users), len(among) - 1)
    there: npt.NDArray[np.bool_] = among[at] == users
    return at[there], there


def _joined(parts: Sequence[Numbers], width: int) -> Numbers:
    return np.concatenate([np.empty((0, width), dtype=np.int64), *parts])
