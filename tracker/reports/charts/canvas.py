"""A sheet to draw on, in pixels from the top left: rounded boxes, lines, texts, PNG at the end."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, IdentityTransform
from PIL import Image

from tracker.graphemes import clusters
from tracker.reports.charts.lettering import font

__all__ = [
    "ACCENT", "BEFORE", "BRONZE", "CARD", "FAINT", "GOLD", "MUTED", "SHEET", "SILVER", "TEXT", "Box", "Sheet",
]  # fmt: skip

SHEET: Final = "#2b2d31"
CARD: Final = "#1f2023"
TEXT: Final = "#f2f3f5"
MUTED: Final = "#b5bac1"
FAINT: Final = "#3a3c42"
BEFORE: Final = "#5d616b"
ACCENT: Final = "#7d88ff"
GOLD: Final = "#f0b232"
SILVER: Final = "#c9ced6"
BRONZE: Final = "#d08a52"

_DOTS_PER_INCH: Final = 100
_ELLIPSIS: Final = "…"
_CURVE: Final = 0.5523
"""How far along an edge the handles of a Bézier curve stand so that it looks like a quarter of a circle."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Sheet:
    """Not for two threads at once."""

    def __init__(self, wide: int, high: int) -> None:
        self._figure = Figure(figsize=(wide / _DOTS_PER_INCH, high / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH)
        self._figure.set_facecolor(SHEET)
        self._canvas: Any = FigureCanvasAgg(self._figure)
        self._high = high
        self._drawn = 0
        self._upside_down = Affine2D().scale(1, -1).translate(0, high)

    def boxes(
        self, boxes: Sequence[Box], colours: str | Sequence[Any], *, corner: float = 0, flat: bool = False
    ) -> None:
        """Filled boxes with round corners; `flat`: only the upper two. One colour for all, or one for each."""
        if boxes:
            paths = [_rounded(box, corner, flat=flat) for box in boxes]
            self._add(PathCollection(paths, facecolors=colours, linewidths=0))

    def lines(self, lines: Sequence[Sequence[tuple[float, float]]], colour: str, *, wide: float) -> None:
        """Lines from point to point."""
        if lines:
            points = wide * 72 / _DOTS_PER_INCH
            self._add(LineCollection(lines, colors=colour, linewidths=points, capstyle="round", joinstyle="round"))

    def area(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """The filled shape within the points."""
        self._add(PathCollection([Path(points, closed=False)], facecolors=colour, linewidths=0))

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: int,
        colour: str = TEXT,
        *,
        bold: bool = False,
        align: Literal["left", "center", "right"] = "left",
    ) -> None:
        """A line of text; `at`: its left end, middle or right end, in the middle of the height of its letters."""
        x, y = at
        artist = Text(
            x, self._high - y - 0.36 * size, text, color=colour, fontproperties=font(size, bold=bold),
            horizontalalignment=align, verticalalignment="baseline", parse_math=False,
        )  # fmt: skip
        artist.set_transform(IdentityTransform())
        self._figure.add_artist(artist)

    def width(self, text: str, size: int, *, bold: bool = False) -> float:
        """How many pixels a line of text takes."""
        if not text:
            return 0
        wide, _, _ = self._canvas.get_renderer().get_text_width_height_descent(
            text, font(size, bold=bold), ismath=False
        )
        return float(wide)

    def fitted(self, text: str, size: int, room: float, *, bold: bool = False) -> str:
        """As much of `text` as fits `room` pixels, with an ellipsis in the place of the rest."""
        if self.width(text, size, bold=bold) <= room:
            return text
        pieces = clusters(text)
        low, high = 0, len(pieces)  # that many pieces fit; that many do not
        while high - low > 1:
            middle = (low + high) // 2
            if self.width("".join(pieces[:middle]).rstrip() + _ELLIPSIS, size, bold=bold) <= room:
                low = middle
            else:
                high = middle
        return "".join(pieces[:low]).rstrip() + _ELLIPSIS

    def png(self) -> bytes:
        """The sheet as a file; nothing can be drawn on it any more."""
        self._canvas.draw()
        pixels = Image.fromarray(np.asarray(self._canvas.buffer_rgba())[:, :, :3].copy())
        # Figure, canvas and artists hold each other; so that their megabytes are not kept until a garbage collection.
        self._figure.clear()
        self._canvas.renderer = None
        file = io.BytesIO()
        pixels.save(file, "PNG")
        return file.getvalue()

    def _add(self, artist: Any) -> None:
        self._drawn += 1
        artist.set_zorder(self._drawn / 1000)  # what is drawn later covers what was there; texts are above all (3)
        artist.set_transform(self._upside_down)
        self._figure.add_artist(artist)


def _rounded(box: Box, corner: float, *, flat: bool) -> Path:
    left, top, right, bottom = box
    upper = max(0.0, min(corner, (right - left) / 2, (bottom - top) / (1 if flat else 2)))
    lower = 0.0 if flat else upper
    points = [(left, top + upper), *_corner((left, top + upper), (left, top), (left + upper, top))]
    points += [(right - upper, top), *_corner((right - upper, top), (right, top), (right, top + upper))]
    points += [(right, bottom - lower), *_corner((right, bottom - lower), (right, bottom), (right - lower, bottom))]
    points += [(left + lower, bottom), *_corner((left + lower, bottom), (left, bottom), (left, bottom - lower))]
    codes = [Path.MOVETO, *([Path.CURVE4] * 3 + [Path.LINETO]) * 4]
    return Path([*points, points[0]], codes)


def _corner(
    start: tuple[float, float], tip: tuple[float, float], end: tuple[float, float]
) -> list[tuple[float, float]]:
    """The two handles and the end of the curve around a corner."""
    handles = [(a[0] + (tip[0] - a[0]) * _CURVE, a[1] + (tip[1] - a[1]) * _CURVE) for a in (start, end)]
    return [*handles, end]
