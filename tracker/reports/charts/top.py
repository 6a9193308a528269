"""The first members of a report as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracker.reports import text
from tracker.reports.charts.canvas import BRONZE, GOLD, MUTED, SILVER, TEXT, Box, Sheet
from tracker.reports.charts.lettering import drawable
from tracker.reports.model import MemberEntry

__all__ = ["ROW", "draw_top"]

ROW: Final = 56
"""How high a member's row is."""
_NAME: Final = 29
_RANK_WIDE: Final = 58
_BAR: Final = 46
_CORNER: Final = 10
_TRACK: Final = "#292a2e"
_MEDALS: Final = ((GOLD, "#8a6615"), (SILVER, "#666c76"), (BRONZE, "#7d4f2b"))
_OTHERS: Final = (MUTED, "#434a94")


def draw_top(sheet: Sheet, box: Box, entries: Sequence[MemberEntry], locale: str | None) -> None:
    """A row for each of `entries`: rank, name and voice time on a bar. Messages where nobody was in voice."""
    left, top, right, _ = box
    longest = max((_length(entry, entries) for entry in entries), default=0)
    tracks, bars, colours = list[Box](), list[Box](), list[str]()
    for index, entry in enumerate(entries):
        of_rank, of_bar = _MEDALS[index] if index < len(_MEDALS) else _OTHERS
        x, y = left + _RANK_WIDE, top + index * ROW
        middle, figure = y + _BAR / 2, _figure(entry, locale)
        room = right - x - sheet.width(figure, _NAME) - 60
        sheet.text((left + 20, middle), str(entry.rank), 32, of_rank, bold=True, align="center")
        sheet.text((x + 16, middle), sheet.fitted(_name(entry, locale), _NAME, room, bold=True), _NAME, TEXT, bold=True)
        sheet.text((right - 16, middle), figure, _NAME, TEXT, align="right")
        tracks.append((x, y, right, y + _BAR))
        length = _length(entry, entries)
        if length > 0:
            bars.append((x, y, x + max(2 * _CORNER, (right - x) * length / longest), y + _BAR))
            colours.append(of_bar)
    sheet.boxes(tracks, _TRACK, corner=_CORNER)
    sheet.boxes(bars, colours, corner=_CORNER)


def _length(entry: MemberEntry, entries: Sequence[MemberEntry]) -> int:
    return entry.voice_ms if any(e.voice_ms for e in entries) else entry.messages


def _figure(entry: MemberEntry, locale: str | None) -> str:
    if entry.voice_ms:
        return text.duration(entry.voice_ms, locale)
    t = text.translate(locale)
    return t("entry.messages", n=entry.messages) if entry.messages else t("entry.exp", n=entry.exp)


def _name(entry: MemberEntry, locale: str | None) -> str:
    """The name as far as it can be drawn; else the end of the id, by which members can be told apart."""
    return drawable(entry.name, otherwise=text.translate(locale)("chart.unnamed", id=str(entry.user_id)[-4:]))
