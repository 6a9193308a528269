"""What a guild's members did on some local days, kept in memory and brought up to date by a flush's deltas.

Columns of whole numbers in the order of user ids: 48 bytes for each member who did anything, 28 for each voice session.
What the figures mean is defined by `store.queries` and `store.chart_queries`; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tracker.ids import Ms, Position
from tracker.projections.rows import TABLES, Row
from tracker.reports.chart_data import QUARTER_MS, PartSession, Turn
from tracker.reports.kept import Numbers

__all__ = ["EXP", "INTERACTIONS", "LAST_AT", "MESSAGES", "OPEN", "SESSIONS", "VOICE_MS", "KeptDays"]

VOICE_MS, MESSAGES, INTERACTIONS, EXP, LAST_AT, SESSIONS = range(6)
"""The columns of `KeptDays.of`."""

OPEN: Final = -1
"""The end of a session that goes on."""

_SETTLE_FROM: Final = 1_000


def _at(table: str, *columns: str) -> tuple[int, ...]:
    return tuple(map(TABLES[table].columns.index, columns))


_DAY, _USER, _SEEN = _at("daily", "day", "user_id", "last_at")
_ADDED: Final = _at("daily", "voice_ms", "messages", "interactions")
_EXP_KINDS: Final = _at("daily", "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted")
_MET_DAY, _MET_USER, _MET_START = _at("session_days", "day", "user_id", "started_at")
_S_USER, _S_START, _S_END, _S_VOICE = _at("sessions", "user_id", "started_at", "ended_at", "voice_ms")

_Session = tuple[int, int]


class KeptDays:
    """The days from `first_day` to `last_day` (yyyymmdd, both included), true at `position` and `as_of`.

    `sums`: rows (user, voice ms, messages, interactions, EXP, last seen). `sessions`: those with tracked time on these
    days, rows (user, start, end or OPEN, voice ms). Instead of them `counts`, rows (user, sessions), is enough for days
    that are over, if nobody asks for `turns`. All in parts, in any order. `changed_at`: the last position with a change.
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
        did, met, counted = _joined(sums, 6), _joined(sessions, 4), _joined(counts or (), 2)
        self._users: Numbers = np.unique(np.concatenate((did[:, 0], met[:, 0], counted[:, 0])))
        self._values: Numbers = np.zeros((5, len(self._users)), dtype=np.int64)
        self._values[:, np.searchsorted(self._users, did[:, 0])] = did[:, 1:].T
        self._counts: Numbers = np.zeros(len(self._users), dtype=np.int64)
        self._counts[np.searchsorted(self._users, counted[:, 0])] = counted[:, 1]
        over = met[:, 2] != OPEN
        self._live: dict[_Session, tuple[int, int]] = {(u, s): (e, v) for u, s, e, v in met[~over].tolist()}
        self._ended = 0  # of those in _live
        met = met[over]
        met = met[np.argsort(met[:, 0], kind="stable")]  # neighbours in memory: counting them is twice as fast
        self._owners: npt.NDArray[np.int32] = np.searchsorted(self._users, met[:, 0]).astype(np.int32)
        self._spans: Numbers = np.ascontiguousarray(met[:, 1:].T)

    @property
    def nbytes(self) -> int:
        """What it takes in memory, roughly."""
        arrays = (self._users, self._values, self._counts, self._owners, self._spans)
        return sum(array.nbytes for array in arrays) + 300 * len(self._live)

    def apply(self, rows: Mapping[str, Sequence[Row]], position: Position, as_of: Ms) -> bool:
        """Bring up to date with what a flush writes. False: what changed cannot be told by deltas, read it anew."""
        if position <= self.position:
            return True
        self.position, self.as_of = position, as_of
        first, last = self._days
        daily = [
            (r[_USER], *(r[at] for at in _ADDED), sum(r[at] for at in _EXP_KINDS), r[_SEEN])
            for r in rows.get("daily", ())
            if first <= r[_DAY] <= last
        ]
        if daily:
            table = np.array(daily, dtype=np.int64)
            at = self._places_of(table[:, 0])
            for column in range(LAST_AT):
                np.add.at(self._values[column], at, table[:, column + 1])
            np.maximum.at(self._values[LAST_AT], at, table[:, LAST_AT + 1])
            self.changed_at = position
        met = {(r[_MET_USER], r[_MET_START]) for r in rows.get("session_days", ()) if first <= r[_MET_DAY] <= last}
        return self._follow(met, rows.get("sessions", ()))

    def of(self, users: Numbers) -> Numbers:
        """What each of `users` (ascending) did: a row for each of the six columns."""
        found = np.zeros((6, len(users)), dtype=np.int64)
        at, there = _found(self._users, users)
        found[:SESSIONS, there] = self._values[:, at]
        found[SESSIONS, there] = self._session_counts()[at]
        return found

    def turns(self, users: Numbers, start: Ms, end: Ms, reached: Ms) -> tuple[list[Turn], list[PartSession]]:
        """The sessions of `users` (ascending) as `quarters_of` wants them. Those that go on have come to `reached`."""
        counted = np.zeros(len(self._users), dtype=np.bool_)
        counted[_found(self._users, users)[0]] = True
        began, ended, voice = self._spans[:, counted[self._owners]]
        live = [(s, reached if e == OPEN else e, v) for (_, s), (e, v) in self._of_counted(counted)]
        if live:
            more = np.array(live, dtype=np.int64).T
            began, ended, voice = (np.concatenate(pair) for pair in zip((began, ended, voice), more, strict=True))
        whole = voice == ended - began
        parts = np.stack((began, ended, voice))[:, ~whole].T.tolist()
        return (
            _turns(np.maximum(began[whole], start), np.minimum(ended[whole], end)),
            [PartSession(Ms(low), Ms(high), ms) for low, high, ms in parts],
        )

    def _of_counted(self, counted: npt.NDArray[np.bool_]) -> list[tuple[_Session, tuple[int, int]]]:
        at = np.searchsorted(self._users, np.array([user for user, _ in self._live], dtype=np.int64))
        return [item for item, here in zip(self._live.items(), counted[at].tolist(), strict=True) if here]

    def _session_counts(self) -> Numbers:
        if not self.listed:
            return self._counts
        live = np.searchsorted(self._users, np.array([user for user, _ in self._live], dtype=np.int64))
        owners = np.concatenate((self._owners, live))
        counts: Numbers = np.bincount(owners, minlength=len(self._users)).astype(np.int64)
        return counts

    def _follow(self, met: set[_Session], sessions: Sequence[Row]) -> bool:
        """New sessions, and how far the known ones have come."""
        if not self.listed:
            return not met
        new = met - self._live.keys()
        if new:
            self.changed_at = self.position
            self._places_of(np.array([user for user, _ in new], dtype=np.int64))
        for row in sessions:
            key = (row[_S_USER], row[_S_START])
            if key in self._live or key in new:
                new.discard(key)
                ended = row[_S_END]
                self._ended += ended is not None
                self._live[key] = (OPEN if ended is None else ended, row[_S_VOICE])
        if self._ended > _SETTLE_FROM:
            self._settle()
        return not new

    def _settle(self) -> None:
        """Those that are over go to the columns."""
        over = np.array([(u, s, e, v) for (u, s), (e, v) in self._live.items() if e != OPEN], dtype=np.int64)
        over = over.reshape(-1, 4)
        owners = np.searchsorted(self._users, over[:, 0]).astype(np.int32)
        self._owners = np.concatenate((self._owners, owners))
        self._spans = np.concatenate((self._spans, over[:, 1:].T), axis=1)
        self._live = {key: live for key, live in self._live.items() if live[0] == OPEN}
        self._ended = 0

    def _places_of(self, users: Numbers) -> Numbers:
        """Where they are in the columns; who is new gets a place."""
        new = np.unique(users)
        new = new[~_found(self._users, new)[1]]
        if len(new):
            at = np.searchsorted(self._users, new)
            self._users = np.insert(self._users, at, new)
            self._values = np.insert(self._values, at, 0, axis=1)
            self._counts = np.insert(self._counts, at, 0)
            self._owners += np.searchsorted(at, self._owners, side="right").astype(np.int32)
        return np.searchsorted(self._users, users)


def _found(among: Numbers, users: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Where those of `users` are that are `among` (both ascending), and which they are."""
    if not len(among):
        return np.empty(0, dtype=np.int64), np.zeros(len(users), dtype=np.bool_)
    at = np.minimum(np.searchsorted(among, users), len(among) - 1)
    there: npt.NDArray[np.bool_] = among[at] == users
    return at[there], there


def _turns(began: Numbers, ended: Numbers) -> list[Turn]:
    """What sessions change in each quarter of an hour in which one begins or ends."""
    there = began < ended
    began, ended = began[there], ended[there]
    if not len(began):
        return []
    at = np.concatenate((began, ended))
    people = np.repeat(np.array([1, -1], dtype=np.int64), len(began))
    first = int(began.min()) // QUARTER_MS
    quarter = at // QUARTER_MS - first
    count = int(quarter.max()) + 1
    # As floats they are exact: sums of milliseconds stay far below 2 ** 53.
    comings = np.bincount(quarter, weights=people, minlength=count).astype(np.int64).tolist()
    offsets = np.bincount(quarter, weights=people * (at % QUARTER_MS), minlength=count).astype(np.int64).tolist()
    return [Turn(first + n, p, o) for n, (p, o) in enumerate(zip(comings, offsets, strict=True)) if p or o]


def _joined(parts: Sequence[Numbers], width: int) -> Numbers:
    return np.concatenate([np.empty((0, width), dtype=np.int64), *parts])
