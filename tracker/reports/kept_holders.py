"""Who holds a role, and who is a bot, kept in memory and brought up to date by a flush's deltas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tracker.ids import Ms, Position
from tracker.projections.rows import TABLES
from tracker.reports.kept import Numbers
from tracker.reports.kept_days import GuildChanges

__all__ = ["KeptBots", "KeptHolders"]

_ROLE, _USER, _AT, _HELD = map(TABLES["role_changes"].columns.index, ("role_id", "user_id", "at", "held"))
_MEMBER, _BOT = map(TABLES["members"].columns.index, ("user_id", "bot"))
_INSTANTS: Final = 4
_NOBODY: Final = np.empty(0, dtype=np.int64)


class KeptHolders:
    """Since when who held the role, true at `position` and `as_of`: 17 bytes a change, 8 a holder at a few instants.

    `changes`: rows (user, at, held), in parts, by user and instant. `changed_at`: the last position with a change.
    """

    def __init__(self, role: int, *, changes: Sequence[Numbers], position: Position, as_of: Ms) -> None:
        self.position = position
        self.as_of = as_of
        self.changed_at = position
        self.role = role
        self._at_instant: dict[Ms | None, Numbers] = {}
        told = np.concatenate([np.empty((0, 3), dtype=np.int64), *changes])
        self._users: Numbers = told[:, 0].copy()
        self._at: Numbers = told[:, 1].copy()
        self._held: npt.NDArray[np.bool_] = told[:, 2] == 1

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        found = sum(users.nbytes for users in list(self._at_instant.values()))
        return self._users.nbytes + self._at.nbytes + self._held.nbytes + found

    def apply(self, changed: GuildChanges, position: Position, as_of: Ms) -> bool:
        """Bring up to date with what a flush writes. False: it is about the past, read everything anew."""
        if position <= self.position:
            return True
        self.position, self.as_of = position, as_of
        changes = changed.rows.get("role_changes", ())
        told = sorted((r[_USER], r[_AT], bool(r[_HELD])) for r in changes if r[_ROLE] == self.role)
        if not told:
            return True
        self.changed_at = position
        self._at_instant.clear()
        users, at = (np.array(column, dtype=np.int64) for column in list(zip(*told, strict=True))[:2])
        held = np.array([row[2] for row in told], dtype=np.bool_)
        places = np.searchsorted(self._users, users, side="right")
        last = np.maximum(places - 1, 0)
        known = places > 0
        if len(self._users):
            known &= self._users[last] == users
            if np.any(known & (self._at[last] >= at)):
                return False
        self._users = np.insert(self._users, places, users)
        self._at = np.insert(self._at, places, at)
        self._held = np.insert(self._held, places, held)
        return True

    def at(self, instant: Ms | None) -> Numbers:
        """Who held the role at the instant (None: now), ascending. The last change at or before it decides."""
        known = self._at_instant.get(instant)
        if known is None:
            while len(self._at_instant) >= _INSTANTS:
                del self._at_instant[next(iter(self._at_instant))]
            known = self._at_instant[instant] = self._holders_at(instant)
        return known

    def _holders_at(self, instant: Ms | None) -> Numbers:
        users, held = self._users, self._held
        if instant is not None:
            by_then = self._at <= instant
            users, held = users[by_then], held[by_then]
        if not len(users):
            return _NOBODY
        found: Numbers = users[np.append(users[1:] != users[:-1], True) & held]
        return found


class KeptBots:
    """The bots of a guild, true at `position` and `as_of`. `changed_at`: the last position with a change."""

    def __init__(self, *, bots: Sequence[Numbers], position: Position, as_of: Ms) -> None:
        self.position = position
        self.as_of = as_of
        self.changed_at = position
        self._bots = {user for part in bots for (user,) in part.tolist()}

    @property
    def nbytes(self) -> int:
        """What it takes in memory, roughly."""
        return 100 * len(self._bots)

    def apply(self, changed: GuildChanges, position: Position, as_of: Ms) -> bool:
        """Bring up to date with what a flush writes."""
        if position <= self.position:
            return True
        self.position, self.as_of = position, as_of
        for row in changed.rows.get("members", ()):
            if row[_BOT] is not None and bool(row[_BOT]) != (row[_MEMBER] in self._bots):
                self.changed_at = position
                (self._bots.add if row[_BOT] else self._bots.discard)(row[_MEMBER])
        return True

    def without(self, users: Numbers) -> Numbers:
        """`users` (ascending) who are no bots."""
        if not self._bots:
            return users
        people: Numbers = users[~np.isin(users, np.array(sorted(self._bots), dtype=np.int64))]
        return people
