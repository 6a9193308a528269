"""The whole picture: what it is about, and one card for each chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from tracker.reports import text
from tracker.reports.chart_data import ChartData
from tracker.reports.charts.canvas import ACCENT, BEFORE, CARD, MUTED, Box, Sheet
from tracker.reports.charts.lettering import drawable
from tracker.reports.charts.names import hours, step_names
from tracker.reports.charts.steps import draw_steps, messages_of, voice_of
from tracker.reports.charts.top import ROW, draw_top
from tracker.reports.charts.week import draw_week
from tracker.reports.model import Report
from tracker.reports.wording import open_text, title_of, when_text

__all__ = ["WIDE", "picture"]

WIDE: Final = 1080
"""In pixels. A phone shows a third of it, so that the smallest letters, of 30 pixels, are still 10 high."""
_EDGE: Final = 22
_INSIDE: Final = 26
_HEAD: Final = 152
_CARD_HEAD: Final = 76
_NOTE: Final = 44


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """A chart with its heading; `high`: of the chart alone.

    `legend`: that it shows both windows. `note`: a line below.
    """

    title: str
    high: int
    draw: Callable[[Sheet, Box], None]
    legend: bool = False
    note: str = ""

    @property
    def whole(self) -> int:
        """The height of the card."""
        return _CARD_HEAD + self.high + _INSIDE + (_NOTE if self.note else 0)


def picture(report: Report, data: ChartData, locale: str | None) -> bytes:
    """The charts as a PNG file. Not for two threads at once."""
    cards = _cards(report, data, locale)
    high = _HEAD + sum(card.whole + _EDGE for card in cards)
    sheet = Sheet(WIDE, high)
    _draw_head(sheet, report, locale)
    top = float(_HEAD)
    for card in cards:
        bottom = top + card.whole
        _draw_card(sheet, (_EDGE, top, WIDE - _EDGE, bottom), card, report, locale)
        top = bottom + _EDGE
    return sheet.png()


def _cards(report: Report, data: ChartData, locale: str | None) -> list[_Card]:
    t = text.translate(locale)
    cards = _steps_cards(report, data, locale)
    week = data.week
    if week is not None and any(cell.voice_ms for row in week for cell in row):
        cards.append(
            _Card(title=t("chart.week"), high=374, draw=lambda sheet, box: draw_week(sheet, box, week, locale))
        )
    if report.top:
        cards.append(
            _Card(
                title=t("report.top", count=len(report.top)),
                high=ROW * len(report.top) - 8,
                draw=lambda sheet, box: draw_top(sheet, box, report.top, locale),
            )
        )
    return cards or [_nothing(t("chart.nobody"))]


def _steps_cards(report: Report, data: ChartData, locale: str | None) -> list[_Card]:
    """Voice, and messages where there were any and they are known step by step."""
    t, hourly, cards = text.translate(locale), data.week is None, list[_Card]()
    names = hours() if hourly else step_names(report.window, data.count, locale)
    shown = [
        (measure, title, high)
        for measure, title, high in (
            (voice_of, t("chart.voice_by_hour" if hourly else "chart.voice_by_day"), 270),
            (messages_of, t("chart.messages_by_day"), 190),
        )
        if any(measure.of(step) for step in (*data.current, *data.before))
    ]
    beside = [measure for measure, _, _ in shown]
    note = t("chart.messages_note") if hourly and report.sums.messages else ""
    for measure, title, high in shown:
        draw = partial(draw_steps, data=data, measure=measure, names=names, locale=locale, beside=beside)
        cards.append(_Card(title=title, high=high, draw=draw, legend=True, note=note))
    return cards


def _nothing(sentence: str) -> _Card:
    def draw(sheet: Sheet, box: Box) -> None:
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2 - _CARD_HEAD / 2)
        sheet.text(middle, sentence, 34, MUTED, align="center")

    return _Card(title="", high=200, draw=draw)


def _draw_head(sheet: Sheet, report: Report, locale: str | None) -> None:
    room = WIDE - 2 * _EDGE
    role = None if report.role_name is None else drawable(report.role_name, otherwise=str(report.role_id))
    title = title_of(replace(report, role_name=role), locale)
    sheet.text((_EDGE + 4, 54), sheet.fitted(title, 46, room, bold=True), 46, bold=True)
    when = when_text(report.window, locale)
    unfinished = open_text(report, locale)
    line = when if unfinished is None else f"{when} · {unfinished}"
    sheet.text((_EDGE + 4, 112), sheet.fitted(line, 32, room), 32, MUTED)


def _draw_card(sheet: Sheet, box: Box, card: _Card, report: Report, locale: str | None) -> None:
    sheet.boxes([box], CARD, corner=22)
    left, top, right = box[0] + _INSIDE, box[1], box[2] - _INSIDE
    y, room = top + 42, right - left
    if card.legend:
        room -= _draw_legend(sheet, right, y, report, locale)
    sheet.text((left, y), sheet.fitted(card.title, 34, room, bold=True), 34, bold=True)
    chart = (left, top + _CARD_HEAD, right, top + _CARD_HEAD + card.high)
    card.draw(sheet, chart)
    if card.note:
        sheet.text((left, chart[3] + _NOTE - 14), sheet.fitted(card.note, 30, right - left), 30, MUTED)


def _draw_legend(sheet: Sheet, right: float, y: float, report: Report, locale: str | None) -> float:
    """Which colour is which window; returns how much room it takes."""
    t, x = text.translate(locale), right
    for which, colour in (("before", BEFORE), ("this", ACCENT)):
        name = t(f"chart.{which}.{report.window.period}")
        sheet.text((x, y), name, 30, MUTED, align="right")
        x -= sheet.width(name, 30) + 34
        sheet.boxes([(x, y - 11, x + 22, y + 11)], colour, corner=6)
        x -= 26
    return right - x
