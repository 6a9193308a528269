"""What a guild's members did day by day, kept in memory for charts: voice time and messages, to be summed over anybody.

13 bytes for each day on which somebody did something. Rows that come with a flush stand behind the others as they are,
because sums do not mind; now and then those of one day and member become one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tracker.projections.days import next_day
from tracker.reports.chart_data import DaySum
from tracker.reports.kept import Numbers

__all__ = ["KeptSteps"]

_LOOSE: Final = 8_192


class KeptSteps:
    """The days from `first_day` to `last_day` (yyyymmdd, both included; 255 at most). Owners are places in columns."""

    def __init__(self, first_day: int, last_day: int) -> None:
        days = [first_day]
        while days[-1] < last_day:
            days.append(next_day(days[-1]))
        self._days: Numbers = np.array(days, dtype=np.int64)
        self._day: npt.NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
        self._owner: npt.NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._did: npt.NDArray[np.int32] = np.empty((2, 0), dtype=np.int32)
        self._settled = 0  # so many rows are one for each day and member
        self._loose = _LOOSE

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self._day.nbytes + self._owner.nbytes + self._did.nbytes

    def fill(self, days: Numbers, owners: Numbers, did: Numbers) -> None:
        """All there is, one row for each day and member. `did`: columns of voice ms and messages."""
        self._day, self._owner = self._places(days), owners.astype(np.int32)
        self._did = np.ascontiguousarray(did.T, dtype=np.int32)
        self._settled = len(self._day)

    def add(self, days: Numbers, owners: Numbers, did: Numbers) -> None:
        """What more they did."""
        self._day = np.concatenate((self._day, self._places(days)))
        self._owner = np.concatenate((self._owner, owners.astype(np.int32)))
        self._did = np.concatenate((self._did, did.T.astype(np.int32)), axis=1)
        if len(self._day) - self._settled > self._loose:
            self._tidy()

    def make_room(self, at: Numbers) -> None:
        """Owners have come in the columns before these places (ascending)."""
        self._owner += np.searchsorted(at, self._owner, side="right").astype(np.int32)

    def sums(self, rows: npt.NDArray[np.bool_]) -> dict[int, DaySum]:
        """Of the days on which there is anything of the owners in `rows`."""
        theirs = np.flatnonzero(rows[self._owner])
        day = self._day[theirs]
        # As floats they are exact: sums of milliseconds stay far below 2 ** 53.
        voice, sent = (np.bincount(day, weights=did[theirs]).astype(np.int64).tolist() for did in self._did)
        days, there = self._days.tolist(), np.flatnonzero(np.bincount(day)).tolist()
        return {days[n]: DaySum(day=days[n], voice_ms=voice[n], messages=sent[n]) for n in there}

    def _places(self, days: Numbers) -> npt.NDArray[np.uint8]:
        return np.searchsorted(self._days, days).astype(np.uint8)

    def _tidy(self) -> None:
        """Of what came since, one row for each day and member."""
        loose = slice(self._settled, None)
        keys = self._owner[loose].astype(np.int64) * len(self._days) + self._day[loose]
        found, place = np.unique(keys, return_inverse=True)
        did = np.zeros((2, len(found)), dtype=np.int32)
        for column, values in zip(did, self._did[:, loose], strict=True):
            np.add.at(column, place, values)
        settled = slice(0, self._settled)
        self._owner = np.concatenate((self._owner[settled], (found // len(self._days)).astype(np.int32)))
        self._day = np.concatenate((self._day[settled], (found % len(self._days)).astype(np.uint8)))
        self._did = np.concatenate((self._did[:, settled], did), axis=1)
        self._loose = _LOOSE + 2 * len(found)
