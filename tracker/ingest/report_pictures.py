"""The charts of the bot's reports: read on a reader's thread, drawn in a process of their own, given up in time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from cachetools import TTLCache

from tracker.errors import TrackerError
from tracker.ingest.charts import Charts
from tracker.ingest.reader import Reader
from tracker.projections.days import date_of
from tracker.reports.chart_data import ChartData
from tracker.reports.model import Report

__all__ = ["ReportPictures"]

_LOG = logging.getLogger("tracker.charts")
_PATIENCE_S: Final = 5.0
_MOST_DAYS: Final = 400
"""Over more days than that, a day is too thin to be seen, and reading them all takes seconds."""
_RUSH_S: Final = 120.0
_REST_S: Final = 600.0
_RECENT: Final = 32
_RECENT_S: Final = 30.0
"""Pages are turned back and forth, and one report goes to several channels: 32 pictures are some 5 MB."""


class _Rush:
    """Whether so many scheduled reports come due at once that pictures, three a second at best, would make them late.

    Measured by how long the pictures have not let up, in real seconds: then what is scheduled goes without for a while.
    """

    def __init__(self, rush_s: float) -> None:
        self._rush_s = rush_s
        self._wanted = 0
        self._since = 0.0
        self._rest_until = 0.0

    def is_on(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self._wanted and now >= self._rest_until and now - self._since > self._rush_s:
            self._rest_until = now + _REST_S
            _LOG.warning("many reports are due: for %g minutes they go out without charts", _REST_S / 60)
        return now < self._rest_until

    def __enter__(self) -> None:
        if not self._wanted:
            self._since = asyncio.get_running_loop().time()
        self._wanted += 1

    def __exit__(self, *_: object) -> None:
        self._wanted -= 1


class ReportPictures:
    """Makes pictures as long as that is quick; a report goes out without one rather than late."""

    def __init__(
        self, reader: Reader, charts: Charts, *, patience_s: float = _PATIENCE_S, rush_s: float = _RUSH_S
    ) -> None:  # fmt: skip
        self._reader = reader
        self._charts = charts
        self._patience_s = patience_s
        self._rush = _Rush(rush_s)
        self._recent: TTLCache[tuple[Report, ChartData, str | None], bytes] = TTLCache(_RECENT, _RECENT_S)
        self._hits = 0
        self._misses = 0

    async def picture(self, report: Report, locale: str | None, *, scheduled: bool = False) -> bytes | None:
        """The report's charts as a PNG; None if they cannot be had in time, which the log says.

        `scheduled`: nobody waits for this one report, but others may stand behind it.
        """
        window = report.window
        if (date_of(window.last_day) - date_of(window.first_day)).days >= _MOST_DAYS:
            return None
        if not scheduled:
            return await self._drawn(report, locale)
        if self._rush.is_on():
            return None
        with self._rush:
            return await self._drawn(report, locale)

    def figures(self) -> dict[str, int]:
        """How many pictures were drawn a moment ago already (`hits`) or not (`misses`); the `bytes` they take."""
        return {"hits": self._hits, "misses": self._misses, "bytes": sum(map(len, self._recent.values()))}

    async def _picture_of(self, report: Report, data: ChartData, locale: str | None) -> bytes:
        """Drawn, unless exactly this was drawn a moment ago: whatever changed makes another picture."""
        key = (report, data, locale)
        known = self._recent.get(key)
        if known is not None:
            self._hits += 1
            return known
        self._misses += 1
        drawn = self._recent[key] = await self._charts.draw(report, data, locale)
        return drawn

    async def _drawn(self, report: Report, locale: str | None) -> bytes | None:
        try:
            async with asyncio.timeout(self._patience_s):
                data = await self._reader.chart_data(report.guild_id, report.role_id, report.window)
                return await self._picture_of(_settled(report), data, locale)
        except TimeoutError:
            reason = f"it was not drawn within {self._patience_s:g} s"
        except TrackerError as error:
            reason = str(error)
        except Exception:  # figures that nobody thought of: a picture is the least of a report
            _LOG.exception("the charts of a report of guild %d failed", report.guild_id)
            return None
        _LOG.warning("a report of guild %d goes out without its chart: %s", report.guild_id, reason)
        return None


def _settled(report: Report) -> Report:
    """A window that is over looks the same whenever its report was made."""
    return replace(report, as_of=report.window.end) if report.complete else report
