"""Voice sessions that go on, kept in memory: rows that every flush brings further."""

from __future__ import annotations

from typing import Final

import numpy as np

from tracker.reports.kept import Numbers

__all__ = ["OPEN", "LiveSessions", "in_order", "places_among"]

OPEN: Final = -1
"""The end of a session that goes on."""


class LiveSessions:
    """Rows (user, start, end or OPEN, voice ms) by user and start: those that go on, and some that have ended since."""

    def __init__(self, rows: Numbers) -> None:
        self.rows = in_order(rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.rows.nbytes

    def without(self, sessions: Numbers) -> Numbers:
        """Those of `sessions` (user, start) that are not among these."""
        return sessions[places_among(self.rows, sessions) < 0]

    def add(self, rows: Numbers) -> None:
        """New ones."""
        self.rows = in_order(np.concatenate((self.rows, rows)))

    def hear(self, told: Numbers) -> None:
        """How far sessions have come; those that are not among these do not matter. Rows in order."""
        places = places_among(self.rows, told)
        known = places >= 0
        self.rows[places[known], 2:] = told[known, 2:]

    def ended(self) -> int:
        """How many have ended."""
        return int(np.count_nonzero(self.rows[:, 2] != OPEN))

    def take_ended(self) -> Numbers:
        """Let go of those that have ended; returns them."""
        over = self.rows[:, 2] != OPEN
        taken: Numbers = self.rows[over]
        self.rows = self.rows[~over]
        return taken


def in_order(rows: Numbers) -> Numbers:
    """Rows (user, start, …) by user and start."""
    ordered: Numbers = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return ordered


def places_among(rows: Numbers, sessions: Numbers) -> Numbers:
    """Where the sessions (user, start, …) are among rows in order; -1: nowhere."""
    found = np.full(len(sessions), -1, dtype=np.int64)
    users = np.ascontiguousarray(rows[:, 0])
    left = np.arange(len(sessions), dtype=np.int64)  # those that are still looked for, and where
    at = np.searchsorted(users, sessions[:, 0])
    while len(left):
        there = at < len(rows)
        left, at = left[there], at[there]
        theirs = users[at] == sessions[left, 0]
        left, at = left[theirs], at[theirs]
        same = rows[at, 1] == sessions[left, 1]
        found[left[same]] = at[same]
        left, at = left[~same], at[~same] + 1  # hardly anybody has more than one
    return found
