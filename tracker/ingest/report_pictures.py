"""The charts of the bot's reports: read on a reader's thread, drawn in a process of their own, given up in time."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from store.chart_queries import read_chart_data
from store.engine import Database
from tracker.clock import Clock
from tracker.errors import TrackerError
from tracker.ingest.charts import Charts
from tracker.ingest.reader import Reader
from tracker.projections.days import date_of
from tracker.reports.model import Report

__all__ = ["ReportPictures"]

_LOG = logging.getLogger("tracker.charts")
_PATIENCE_S: Final = 5.0
_MOST_DAYS: Final = 400
"""Over more days than that, a day is too thin to be seen, and reading them all takes seconds."""


class ReportPictures:
    """Makes pictures as long as that is quick; a report goes out without one rather than late."""

    def __init__(
        self, database: Database, clock: Clock, reader: Reader, charts: Charts, *, patience_s: float = _PATIENCE_S
    ) -> None:
        self._database = database
        self._clock = clock
        self._reader = reader
        self._charts = charts
        self._patience_s = patience_s

    async def picture(self, report: Report, locale: str | None) -> bytes | None:
        """The report's charts as a PNG; None if they cannot be had in time, which the log says."""
        window = report.window
        if (date_of(window.last_day) - date_of(window.first_day)).days >= _MOST_DAYS:
            return None
        try:
            async with asyncio.timeout(self._patience_s):
                data = await self._reader.read(
                    partial(
                        read_chart_data,
                        self._database,
                        guild_id=report.guild_id,
                        role_id=report.role_id,
                        window=window,
                        now=self._clock.now(),
                    )
                )
                return await self._charts.draw(report, data, locale)
        except TimeoutError:
            reason = f"it was not drawn within {self._patience_s:g} s"
        except TrackerError as error:
            reason = str(error)
        except Exception:  # figures that nobody thought of: a picture is the least of a report
            _LOG.exception("the charts of a report of guild %d failed", report.guild_id)
            return None
        _LOG.warning("a report of guild %d goes out without its chart: %s", report.guild_id, reason)
        return None
