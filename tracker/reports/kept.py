"""A leaderboard kept in memory: what every member of a guild did in a scope, brought up to date by a flush's deltas.

Columns of whole numbers in the order of user ids: 33 bytes a member (17 where only EXP is ranked). Who has which place
is defined by `store.board_queries`; tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tracker.events.settings import GuildSettings
from tracker.ids import Ms, Position, UserId
from tracker.projections.rows import TABLES, Changes, Row
from tracker.reports.boards import BoardScope, Measure

__all__ = ["BOT", "OPTED_OUT", "PRESENT", "GuildRows", "KeptBoard", "Numbers", "Ranked", "rows_of"]

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


@dataclass(kw_only=True)
class GuildRows:
    """What a flush changed of one guild's boards. `doubtful`: something that no delta tells (its settings, for one).

    The columns are made once for all boards.
    """

    doubtful: bool = False
    forgotten: list[int] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)

    @cached_property
    def of_days(self) -> Numbers:
        """Rows (user, EXP, voice ms, messages, day)."""
        told = self._columns("daily", _DAILY_USER, *_DAILY_EXP, _DAILY_VOICE, _DAILY_MESSAGES, _DAY)
        exp = told[:, 1 : 1 + len(_DAILY_EXP)].sum(axis=1, keepdims=True)
        return np.concatenate((told[:, :1], exp, told[:, 1 + len(_DAILY_EXP) :]), axis=1)

    @cached_property
    def of_all_time(self) -> Numbers:
        """Rows (user, EXP, voice ms, messages)."""
        return self._columns("totals", *_TOTAL)

    @cached_property
    def of_seasons(self) -> Numbers:
        """Rows (user, EXP, since when)."""
        return self._columns("season_totals", _SEASON_USER, _SEASON_EXP, _SEASON_AT)

    def _columns(self, table: str, *columns: int) -> Numbers:
        of = itemgetter(*columns)
        return np.array([of(row) for row in self.rows.get(table, ())], dtype=np.int64).reshape(-1, len(columns))


def rows_of(changes: Changes, guild: int) -> GuildRows:
    """What of `changes` concerns the boards of the guild."""

    def theirs(table: str) -> list[Row]:
        return [row for row in changes.rows.get(table, ()) if row[0] == guild]

    expired = (key for table in _SUMMED for key in changes.expired.get(table, ()))
    return GuildRows(
        doubtful=bool(theirs("guilds")) or any(key[0] == guild for key in expired),
        forgotten=[user for of, user in changes.forgotten if of == guild],
        members=theirs("members"),
        rows={table: theirs(table) for table in _SUMMED},
    )


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
        if changed.members:
            self._tell([row[_MEMBER_USER] for row in changed.members], changed.members)
        deltas = self._deltas(changed)
        if len(deltas):
            at = self._places_of(deltas[:, 0])
            for column, values in enumerate(self._values):
                np.add.at(values, at, deltas[:, column + 1])

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

    def _deltas(self, changed: GuildRows) -> Numbers:
        """Rows (user, EXP, …) to be added, at least as wide as the columns; a user may come more than once."""
        scope = self.scope
        if scope.period == "season":
            season = changed.of_seasons
            told: Numbers = season[season[:, 2] == (-1 if scope.season is None else scope.season.at)]
            return told
        if scope.first_day is None or scope.last_day is None:
            return changed.of_all_time
        day = changed.of_days[:, 4]
        return changed.of_days[(scope.first_day <= day) & (day <= scope.last_day)]

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
        places: Numbers = np.searchsorted(self._users, users)
        there = self._are(places, users)
        if there.all():
            return places
        new = np.unique(users[~there])
        at = np.searchsorted(self._users, new)
        self._users = np.insert(self._users, at, new)
        self._flags = np.insert(self._flags, at, 0)
        self._values = np.insert(self._values, at, 0, axis=1)
        return np.searchsorted(self._users, users)

    def _are(self, places: Numbers, users: Numbers) -> npt.NDArray[np.bool_]:
        """Which of them are in the columns; `places`: where they would be."""
        if not len(self._users):
            return np.zeros(len(users), dtype=np.bool_)
        found: npt.NDArray[np.bool_] = self._users[np.minimum(places, len(self._users) - 1)] == users
        return found

    def _remove(self, users: Iterable[int]) -> None:
        named = np.array(sorted(users), dtype=np.int64)
        places = np.searchsorted(self._users, named)
        gone = places[self._are(places, named)]
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
