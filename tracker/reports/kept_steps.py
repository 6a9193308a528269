"""What a guild's members did day by day, kept in memory for charts: voice time and messages, to be summed over anybody.

13 bytes for each day on which somebody did something. Rows that come with a flush stand behind the others as they are,
because sums do not mind; now and then those of one day and member become one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tracker.projections.days import next_day
from tracker.reports.chart_data import DaySum
from tracker.reports.kept import Numbers

__all__ = ["KeptSteps"]

_LOOSE: Final = 8_192


@dataclass(frozen=True, slots=True)
class _Rows:
    """Columns: which day (the first is 0), whose, and two rows of voice ms and messages."""

    day: npt.NDArray[np.uint8]
    owner: npt.NDArray[np.int32]
    did: npt.NDArray[np.int32]

    @classmethod
    def none(cls) -> _Rows:
        return cls(np.empty(0, np.uint8), np.empty(0, np.int32), np.empty((2, 0), np.int32))

    @property
    def nbytes(self) -> int:
        return self.day.nbytes + self.owner.nbytes + self.did.nbytes

    def and_then(self, more: _Rows) -> _Rows:
        """These, and more."""
        return _Rows(
            np.concatenate((self.day, more.day)),
            np.concatenate((self.owner, more.owner)),
            np.concatenate((self.did, more.did), axis=1),
        )

    def put_together(self, days: int) -> _Rows:
        """One row for each of `days` days and owner."""
        found, place = np.unique(self.owner.astype(np.int64) * days + self.day, return_inverse=True)
        did = np.zeros((2, len(found)), dtype=np.int32)
        for column, values in zip(did, self.did, strict=True):
            np.add.at(column, place, values)
        return _Rows((found % days).astype(np.uint8), (found // days).astype(np.int32), did)

    def sums(self, owners: npt.NDArray[np.bool_], days: int) -> npt.NDArray[np.float64]:
        """By day: voice ms, messages, and how many rows there are of these owners.

        As floats they are exact: sums of milliseconds stay far below 2 ** 53.
        """
        theirs = np.flatnonzero(owners[self.owner])
        day = self.day[theirs]
        weights = [did[theirs] for did in self.did]
        return np.array([np.bincount(day, weights=w, minlength=days) for w in (*weights, None)], dtype=np.float64)


class KeptSteps:
    """The days from `first_day` to `last_day` (yyyymmdd, both included; 255 at most). Owners are places in columns."""

    def __init__(self, first_day: int, last_day: int) -> None:
        days = [first_day]
        while days[-1] < last_day:
            days.append(next_day(days[-1]))
        self._days: Numbers = np.array(days, dtype=np.int64)
        self._settled = self._loose = _Rows.none()
        self._most = _LOOSE

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self._settled.nbytes + self._loose.nbytes

    def fill(self, days: Numbers, owners: Numbers, did: Numbers) -> None:
        """All there is, one row for each day and member. `did`: columns of voice ms and messages."""
        self._settled = self._rows(days, owners, did)

    def add(self, days: Numbers, owners: Numbers, did: Numbers) -> None:
        """What more they did."""
        self._loose = self._loose.and_then(self._rows(days, owners, did))
        if len(self._loose.day) > self._most:
            self._loose = self._loose.put_together(len(self._days))
            self._most = _LOOSE + 2 * len(self._loose.day)

    def make_room(self, at: Numbers) -> None:
        """Owners have come in the columns before these places (ascending)."""
        for rows in (self._settled, self._loose):
            rows.owner[:] += np.searchsorted(at, rows.owner, side="right").astype(np.int32)

    def sums(self, rows: npt.NDArray[np.bool_]) -> dict[int, DaySum]:
        """Of the days on which there is anything of the owners in `rows`."""
        count = len(self._days)
        voice, sent, there = self._settled.sums(rows, count) + self._loose.sums(rows, count)
        days = self._days.tolist()
        return {days[n]: DaySum(day=days[n], voice_ms=int(voice[n]), messages=int(sent[n])) for n in there.nonzero()[0]}

    def _rows(self, days: Numbers, owners: Numbers, did: Numbers) -> _Rows:
        day = np.searchsorted(self._days, days).astype(np.uint8)
        return _Rows(day, owners.astype(np.int32), np.ascontiguousarray(did.T, dtype=np.int32))
