"""When something that happens now and then is due: each so many hours, or once a week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tracker.clock import from_ms, to_ms
from tracker.ids import Ms

__all__ = ["Recurring"]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY: Final = re.compile(rf"({'|'.join(_DAYS)})(?: ([01][0-9]|2[0-3]):([0-5][0-9]))?")
_HOURLY: Final = re.compile(r"([1-9][0-9]{0,3})h")
_HOUR_MS: Final = 3_600_000
_QUIET: Final = (19, 0)  # four in the morning in Korea, where most servers are


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """Each `every_ms`; or, where that is None, each week on `weekday` (0: Monday) at `minute` of the day, in UTC."""

    every_ms: int | None = None
    weekday: int = 6
    minute: int = _QUIET[0] * 60 + _QUIET[1]

    @classmethod
    def parse(cls, text: str) -> Recurring:
        """Read `24h`, `sun` (at 19:00) or `sun 03:30`. Raises ValueError for anything else."""
        if hours := _HOURLY.fullmatch(text):
            return cls(every_ms=int(hours[1]) * _HOUR_MS)
        weekly = _WEEKLY.fullmatch(text)
        if weekly is None:
            raise ValueError(f"{text!r} is neither hours (24h) nor a weekday in UTC (sun, sun 03:30)")
        hour, minute = _QUIET if weekly[2] is None else (int(weekly[2]), int(weekly[3]))
        return cls(weekday=_DAYS.index(weekly[1]), minute=hour * 60 + minute)

    def next_after(self, moment: int) -> Ms:
        """When it is due next if it was last done (or nobody did it before) at `moment`; later than that."""
        if self.every_ms is not None:
            return Ms(moment + self.every_ms)
        then = from_ms(moment)
        day = (then - timedelta(days=(then.weekday() - self.weekday) % 7)).replace(
            hour=self.minute // 60, minute=self.minute % 60, second=0, microsecond=0
        )
        return to_ms(day if day > then else day + timedelta(days=7))
