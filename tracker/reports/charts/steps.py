"""Bars day by day, or hour by hour, with those of the window before behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tracker.reports import text
from tracker.reports.chart_data import ChartData, Step
from tracker.reports.charts.canvas import ACCENT, BEFORE, FAINT, MUTED, Box, Sheet
from tracker.reports.charts.scale import count_ticks, duration_ticks

__all__ = ["Measure", "draw_steps", "messages_of", "voice_of"]

_LABEL: Final = 32
_FOOT: Final = 48
"""Room under the bars for their labels."""
_MOST_BARS: Final = 40
"""More steps than that are drawn as areas."""
_TICKS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What the bars are long by, the round figures for it, and how those are written."""

    of: Callable[[Step], int]
    ticks: Callable[[int, int], list[int]]
    written: Callable[[int, str | None], str]


voice_of: Final = Measure(of=lambda step: step.voice_ms, ticks=duration_ticks, written=text.duration)
messages_of: Final = Measure(of=lambda step: step.messages or 0, ticks=count_ticks, written=text.number)


def _room_for_figures(sheet: Sheet, data: ChartData, measures: Sequence[Measure], locale: str | None) -> float:
    """How wide the figures beside the bars are: the same for all charts, so that their days stand below each other."""
    labels = [label for measure in measures for label in _labels(data, measure, locale)[1]]
    return max((sheet.width(label, _LABEL) for label in labels), default=0.0) + 18


def _labels(data: ChartData, measure: Measure, locale: str | None) -> tuple[list[int], list[str]]:
    values = [measure.of(step) for step in (*data.current, *data.before)]
    ticks = measure.ticks(max([1, *values]), _TICKS)
    return ticks, [measure.written(tick, locale) if tick else "0" for tick in ticks]


def draw_steps(
    sheet: Sheet,
    box: Box,
    data: ChartData,
    measure: Measure,
    names: Sequence[str],
    locale: str | None,
    *,
    beside: Sequence[Measure],
) -> None:
    """Both windows side by side, step by step, in `box`. `names`: what stands under each step of the window.

    `beside`: what all charts of the picture measure that show the same steps, this one among them.
    """
    current, before = ([measure.of(step) for step in steps] for steps in (data.current, data.before))
    ticks, labels = _labels(data, measure, locale)
    left = box[0] + _room_for_figures(sheet, data, beside, locale)
    plot = (left, box[1] + _LABEL / 2, box[2], box[3] - _FOOT)
    _grid(sheet, plot, ticks, labels)
    count = max(data.count, len(before))
    slot = (plot[2] - plot[0]) / count
    if count > _MOST_BARS:
        _areas(sheet, plot, (before, current), ticks[-1], slot)
    else:
        _bars(sheet, plot, before, ticks[-1], slot, part=0.84, colour=BEFORE)
        _bars(sheet, plot, current, ticks[-1], slot, part=0.50, colour=ACCENT)
    _names(sheet, plot, names, slot)


def _grid(sheet: Sheet, plot: Box, ticks: Sequence[int], labels: Sequence[str]) -> None:
    left, top, right, bottom = plot
    heights = [bottom - (bottom - top) * tick / ticks[-1] for tick in ticks]
    sheet.lines([[(left, y), (right, y)] for y in heights], FAINT, wide=2)
    for y, label in zip(heights, labels, strict=True):
        sheet.text((left - 16, y), label, _LABEL, MUTED, align="right")


def _bars(sheet: Sheet, plot: Box, values: Sequence[int], full: int, slot: float, *, part: float, colour: str) -> None:
    """A bar in the middle of each slot, `part` of it wide. The least that there is can be seen."""
    left, top, _, bottom = plot
    boxes = []
    for index, value in enumerate(values):
        if value > 0:
            middle = left + (index + 0.5) * slot
            high = max(4.0, (bottom - top) * value / full)
            boxes.append((middle - slot * part / 2, bottom - high, middle + slot * part / 2, bottom))
    sheet.boxes(boxes, colour, corner=8, flat=True)


def _areas(sheet: Sheet, plot: Box, both: tuple[Sequence[int], Sequence[int]], full: int, slot: float) -> None:
    left, top, _, bottom = plot
    for values, colour in zip(both, (BEFORE, ACCENT), strict=True):
        tops = [(left + (i + 0.5) * slot, bottom - (bottom - top) * v / full) for i, v in enumerate(values)]
        if tops and colour is BEFORE:
            sheet.area([(tops[0][0], bottom), *tops, (tops[-1][0], bottom)], colour)
        sheet.lines([tops] if len(tops) > 1 else [], colour, wide=4)


def _names(sheet: Sheet, plot: Box, names: Sequence[str], slot: float) -> None:
    y = plot[3] + _FOOT / 2 + 6
    for index, name in enumerate(names):
        if name:
            sheet.text((plot[0] + (index + 0.5) * slot, y), name, _LABEL, MUTED, align="center")
