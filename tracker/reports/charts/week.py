"""The hours of the week as a heat map: how many members were in voice on average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracker.reports import text
from tracker.reports.chart_data import HOURS, WEEKDAYS, Cell
from tracker.reports.charts.canvas import MUTED, TEXT, Box, Sheet
from tracker.reports.charts.names import hours, weekdays

__all__ = ["draw_week"]

_LABEL: Final = 31
_FOOT: Final = 96
"""Room under the map for the hours and the scale."""
_GAP: Final = 4
_SHADES: Final = ("#33353c", "#373d6b", "#4450b8", "#5f6df5", "#949eff", "#c6ccff", "#f4f5ff")
_NEVER: Final = "#26272b"
"""An hour that the window did not have, or not yet."""
_SCALE_WIDE: Final = 44


def draw_week(sheet: Sheet, box: Box, week: Sequence[Sequence[Cell]], locale: str | None) -> None:
    """A row for each weekday, a column for each hour, and what the shades mean."""
    names = weekdays(locale)
    left = box[0] + max(sheet.width(name, _LABEL) for name in names) + 16
    top, right, bottom = box[1], box[2], box[3] - _FOOT
    wide, high = (right - left) / HOURS, (bottom - top) / WEEKDAYS
    busiest = max((_hundredths(cell) for row in week for cell in row), default=0)
    boxes, colours = [], []
    for row, cells in enumerate(week):
        for column, cell in enumerate(cells):
            x, y = left + column * wide, top + row * high
            boxes.append((x, y, x + wide - _GAP, y + high - _GAP))
            colours.append(_shade(cell, busiest))
    sheet.boxes(boxes, colours, corner=7)
    for row, name in enumerate(names):
        sheet.text((left - 16, top + (row + 0.5) * high - _GAP / 2), name, _LABEL, TEXT, align="right")
    for column, name in enumerate(hours()):
        sheet.text((left + (column + 0.5) * wide - _GAP / 2, bottom + 26), name, _LABEL, MUTED, align="center")
    if busiest:
        _draw_scale(sheet, (left, box[3] - 18), right, busiest, locale)


def _draw_scale(sheet: Sheet, at: tuple[float, float], right: float, busiest: int, locale: str | None) -> None:
    x, y = at
    largest = _decimal(busiest)
    end = right - _GAP - sheet.width(largest, _LABEL)
    start = end - 16 - _SCALE_WIDE * len(_SHADES)
    steps = [start + _SCALE_WIDE * i for i in range(len(_SHADES))]
    sheet.boxes([(s, y - 13, s + _SCALE_WIDE - _GAP, y + 13) for s in steps], _SHADES, corner=7)
    sheet.text((end, y), largest, _LABEL, TEXT)
    sheet.text((start - 14, y), "0", _LABEL, TEXT, align="right")
    sheet.text((x, y), text.translate(locale)("chart.week_scale"), _LABEL, MUTED)


def _shade(cell: Cell, busiest: int) -> str:
    if not cell.length_ms:
        return _NEVER
    value = _hundredths(cell)
    if value <= 0 or not busiest:
        return _SHADES[0]
    return _SHADES[1 + min(len(_SHADES) - 2, value * (len(_SHADES) - 1) // busiest)]


def _hundredths(cell: Cell) -> int:
    """Members in voice on average, in hundredths, rounded up: somebody is never nobody."""
    return -(-100 * cell.voice_ms // cell.length_ms) if cell.length_ms else 0


def _decimal(hundredths: int) -> str:
    """`0.25`, `3.5`, `12`: exact while it is little."""
    if hundredths < 100:
        return f"{hundredths / 100:.2f}"
    tenths = (hundredths + 5) // 10
    return str(tenths // 10) if tenths >= 100 or tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"
