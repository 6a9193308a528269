"""A leaderboard kept in memory: what every member of a guild did in a scope, brought up to date by a flush's deltas.

Columns of whole numbers in the order of user ids: 33 bytes a member (17 where only EXP is ranked). Who has which place
is defined by `store.board_queries`; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tracker.events.settings import GuildSettings
from tracker.ids import Ms, Position, UserId
from tracker.projections.rows import TABLES, Changes, Row
from tracker.reports.boards import BoardScope, Measure

__all__ = ["BOT", "OPTED_OUT", "PRESENT", "GuildRows", "KeptBoard", "Numbers", "Ranked", "rows_by_guild"]

Numbers = npt.NDArray[np.int64]

# What of a member's row decides whether boards show them, as one number.
PRESENT, BOT, OPTED_OUT = 1, 2, 4
_COLUMNS: Final[dict[Measure, int]] = {"exp": 0, "voice": 1, "messages": 2}
_SUMMED: Final = ("daily", "totals", "season_totals")


def _at(table: str, *columns: str) -> tuple[int, ...]:
    return tuple(map(TABLES[table].columns.index, columns))


_DAY, _DAILY_USER, _DAILY_VOICE, _DAILY_MESSAGES = _at("daily", "day", "user_id", "voice_ms", "messages")
_DAILY_EXP: Final = _at("daily", "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted")
_TOTAL: Final = _at("totals", "user_id", "exp", "voice_ms", "messages")
_SEASON_AT, _SEASON_USER, _SEASON_EXP = _at("season_totals", "season_at", "user_id", "exp")
_MEMBER_USER, _MEMBER_BOT, _MEMBER_PRESENT, _MEMBER_OUT = _at("members", "user_id", "bot", "present", "opted_out")


@dataclass(slots=True)
class GuildRows:
    """What a flush changed of one guild's boards. `doubtful`: something that no delta tells (its settings, for one)."""

    doubtful: bool = False
    forgotten: list[int] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)


def rows_by_guild(changes: Changes, guilds: Collection[int]) -> dict[int, GuildRows]:
    """What of `changes` concerns the boards of these guilds."""
    found: dict[int, GuildRows] = {}
    for guild, user in changes.forgotten:
        if guild in guilds:
            found.setdefault(guild, GuildRows()).forgotten.append(user)
    for row in (*changes.rows.get("guilds", ()), *(r for t in _SUMMED for r in changes.expired.get(t, ()))):
        found.setdefault(row[0], GuildRows()).doubtful = True
    for table in ("members", *_SUMMED):
        for row in changes.rows.get(table, ()):
            if row[0] in guilds:
                found.setdefault(row[0], GuildRows()).rows.setdefault(table, []).append(row)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Some places of a board of `total` members: (user, value) by place, the first being `first` (0 is the top).

    `own`: the place (1 is the first) and value of who asked; None if not on the board.
    """

    total: int
    first: int
    lines: tuple[tuple[UserId, int], ...]
    own: tuple[int, int] | None


class KeptBoard:
    """All that a guild's boards over one scope need, true at `position`. Not for two threads at once.

    `settings`: those in force; when they change, another board must take its place. `flags`: rows (user, sum of
    PRESENT, BOT, OPTED_OUT), `sums`: rows (user, EXP) or (user, EXP, voice ms, messages); both in parts, in any order.
    """

    def __init__(
        self,
        scope: BoardScope,
        settings: GuildSettings,
        *,
        flags: Sequence[Numbers],
        sums: Sequence[Numbers],
        position: Position,
        as_of: Ms,
    ) -> None:
        self.scope = scope
        self.settings = settings
        self.position = position
        self.as_of = as_of
        width = 1 if scope.period == "season" else 3
        told, did = _joined(flags, 2), _joined(sums, 1 + width)
        self._users: Numbers = np.union1d(told[:, 0], did[:, 0])
        self._flags = np.zeros(len(self._users), dtype=np.uint8)
        self._flags[np.searchsorted(self._users, told[:, 0])] = told[:, 1]
        self._values = np.zeros((width, len(self._users)), dtype=np.int64)
        self._values[:, np.searchsorted(self._users, did[:, 0])] = did[:, 1:].T

    @property
    def nbytes(self) -> int:
        """What the columns take in memory."""
        return self._users.nbytes + self._flags.nbytes + self._values.nbytes

    def apply(self, changed: GuildRows, position: Position, as_of: Ms) -> None:
        """Bring up to date; what is known already is passed over. In the order in which a flush writes."""
        if position <= self.position:
            return
        self.position, self.as_of = position, as_of
        if changed.forgotten:
            self._remove(changed.forgotten)
        members = changed.rows.get("members", [])
        if members:
            self._tell([row[_MEMBER_USER] for row in members], members)
        deltas = self._deltas(changed.rows)
        if deltas:
            table = np.array(deltas, dtype=np.int64)
            at = self._places_of(table[:, 0])
            for column, values in enumerate(self._values):
                np.add.at(values, at, table[:, column + 1])

    def ranked(self, measure: Measure, *, page: int, size: int, asker: UserId) -> Ranked:
        """Page `page` (one too far is the last) of `size` lines each, and the place of `asker`."""
        column = _COLUMNS[measure]
        if column >= len(self._values):
            return Ranked(total=0, first=0, lines=(), own=None)
        values = self._values[column]
        listed = np.flatnonzero((self._flags & (PRESENT | BOT | OPTED_OUT) == PRESENT) & (values > 0))
        values = values[listed]
        total = len(values)
        first = min(page, max(total - 1, 0) // size) * size
        best = _best(values, first, min(first + size, total))
        lines = zip(self._users[listed[best]].tolist(), values[best].tolist(), strict=True)
        return Ranked(
            total=total,
            first=first,
            lines=tuple((UserId(user), value) for user, value in lines),
            own=_own(self._users[listed], values, asker),
        )

    def _deltas(self, rows: dict[str, list[Row]]) -> list[tuple[int, ...]]:
        """(user, EXP, …) to be added, as wide as the columns; a user may come more than once."""
        scope = self.scope
        if scope.period == "season":
            since = None if scope.season is None else scope.season.at
            return [(r[_SEASON_USER], r[_SEASON_EXP]) for r in rows.get("season_totals", ()) if r[_SEASON_AT] == since]
        if scope.first_day is None or scope.last_day is None:
            return [tuple(row[at] for at in _TOTAL) for row in rows.get("totals", ())]
        first, last = scope.first_day, scope.last_day
        return [
            (r[_DAILY_USER], sum(r[at] for at in _DAILY_EXP), r[_DAILY_VOICE], r[_DAILY_MESSAGES])
            for r in rows.get("daily", ())
            if first <= r[_DAY] <= last
        ]

    def _tell(self, users: list[int], members: list[Row]) -> None:
        """What is now known of members; None: as before."""
        at = self._places_of(np.array(users, dtype=np.int64))
        for place, row in zip(at.tolist(), members, strict=True):
            flags = int(self._flags[place])
            for bit, value in ((PRESENT, row[_MEMBER_PRESENT]), (BOT, row[_MEMBER_BOT]), (OPTED_OUT, row[_MEMBER_OUT])):
                if value is not None:
                    flags = flags | bit if value else flags & ~bit
            self._flags[place] = flags

    def _places_of(self, users: Numbers) -> Numbers:
        """Where they are in the columns; who is new gets a place."""
        new = np.unique(users[~self._has(users)])
        if len(new):
            at = np.searchsorted(self._users, new)
            self._users = np.insert(self._users, at, new)
            self._flags = np.insert(self._flags, at, 0)
            self._values = np.insert(self._values, at, 0, axis=1)
        return np.searchsorted(self._users, users)

    def _has(self, users: Numbers) -> npt.NDArray[np.bool_]:
        """Which of them are in the columns. They are looked up: numpy's sets sort all there are, each time."""
        if not len(self._users):
            return np.zeros(len(users), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self._users, users), len(self._users) - 1)
        found: npt.NDArray[np.bool_] = self._users[at] == users
        return found

    def _remove(self, users: Iterable[int]) -> None:
        named = np.array(sorted(users), dtype=np.int64)
        gone = np.searchsorted(self._users, named[self._has(named)])
        self._users = np.delete(self._users, gone)
        self._flags = np.delete(self._flags, gone)
        self._values = np.delete(self._values, gone, axis=1)


def _joined(parts: Sequence[Numbers], width: int) -> Numbers:
    return np.concatenate([np.empty((0, width), dtype=np.int64), *parts])


def _best(values: Numbers, first: int, end: int) -> Numbers:
    """Where the values are that come from place `first` (0 is the largest) up to `end`; of equal ones the first first.

    Only they are sorted: finding the value at a place takes a fraction of the time that putting all in order does.
    """
    count = len(values)
    if first >= end:
        return np.empty(0, dtype=np.int64)
    parted = np.partition(values, (count - end, count - 1 - first))
    least, most = parted[count - end], parted[count - 1 - first]
    among = np.flatnonzero((values >= least) & (values <= most))
    ordered = among[np.argsort(-values[among], kind="stable")]
    ahead = int(np.count_nonzero(values > most))
    return ordered[first - ahead : end - ahead]


def _own(users: Numbers, values: Numbers, asker: int) -> tuple[int, int] | None:
    at = int(np.searchsorted(users, asker))
    if at == len(users) or users[at] != asker:
        return None
    mine: Any = values[at]
    return int(np.count_nonzero(values > mine)) + int(np.count_nonzero(values[:at] == mine)) + 1, int(mine)
