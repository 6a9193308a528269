"""A report's charts as one PNG that is legible on a phone. Safe on any thread; belongs on none that must not wait.

matplotlib is imported with the first chart: most of a second and some 40 MB, which who needs none should not pay.
"""

from __future__ import annotations

import threading
from typing import Final

from tracker.reports.chart_data import ChartData
from tracker.reports.model import Report

__all__ = ["draw_charts"]

_DRAWING: Final = threading.Lock()
"""One chart at a time: matplotlib shares fonts between figures, and two at once would need twice the memory."""


def draw_charts(report: Report, data: ChartData, locale: str | None) -> bytes:
    """The charts of `report` in the language of `locale`, as a PNG file."""
    with _DRAWING:
        from tracker.reports.charts.picture import picture

        return picture(report, data, locale)
