"""A sheet to draw on, in pixels from the top left: rounded boxes, lines, texts, PNG at the end."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
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

_AGG: Any = RendererAgg  # which has no types
_DOTS_PER_INCH: Final = 100
_ELLIPSIS: Final = "…"
_CURVE: Final = 0.5523
"""How far along an edge the handles of a Bézier curve stand so that it looks like a quarter of a circle."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """`path`: in pixels from the top left; filled, or (`wide` not 0) a line of so many pixels."""

    path: Path
    colour: Any
    wide: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of text that begins at `left`, on the base line `y` pixels from the top."""

    left: float
    y: float
    text: str
    size: int
    colour: str
    bold: bool


class Sheet:
    """Drawn without matplotlib's figures, which would bring along axes, dates and more: 12 MB.

    What is drawn later covers what was there; texts are above all. Not for two threads at once.
    """

    def __init__(self, wide: int, high: int) -> None:
        self._size = (wide, high)
        self._shapes: list[_Shape] = []
        self._texts: list[_Line] = []

    def boxes(
        self, boxes: Sequence[Box], colours: str | Sequence[Any], *, corner: float = 0, flat: bool = False
    ) -> None:
        """Filled boxes with round corners; `flat`: only the upper two. One colour for all, or one for each."""
        each: Iterable[Any] = [colours] * len(boxes) if isinstance(colours, str) else colours
        for box, colour in zip(boxes, each, strict=True):
            self._shapes.append(_Shape(path=_rounded(box, corner, flat=flat), colour=colour))

    def lines(self, lines: Sequence[Sequence[tuple[float, float]]], colour: str, *, wide: float) -> None:
        """Lines from point to point."""
        self._shapes += [_Shape(path=Path(line), colour=colour, wide=wide) for line in lines]

    def area(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """The filled shape within the points."""
        self._shapes.append(_Shape(path=Path(points, closed=False), colour=colour))

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
        if text:
            left = x - self.width(text, size, bold=bold) * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
            self._texts.append(_Line(left=left, y=y + 0.36 * size, text=text, size=size, colour=colour, bold=bold))

    def width(self, text: str, size: int, *, bold: bool = False) -> float:
        """How many pixels a line of text takes."""
        if not text:
            return 0
        wide, _, _ = _measuring().get_text_width_height_descent(text, font(size, bold=bold), ismath=False)
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
        """The sheet as a file."""
        wide, high = self._size
        renderer = _AGG(wide, high, _DOTS_PER_INCH)
        upside_down = Affine2D().scale(1, -1).translate(0, high)
        sheet = _Shape(path=Path([(0, 0), (wide, 0), (wide, high), (0, high), (0, 0)]), colour=SHEET)
        for shape in (sheet, *self._shapes):
            colour, gc = to_rgba(shape.colour), renderer.new_gc()
            gc.set_linewidth(shape.wide)
            gc.set_foreground(colour, isRGBA=True)
            gc.set_capstyle("round")
            gc.set_joinstyle("round")
            renderer.draw_path(gc, shape.path, upside_down, None if shape.wide else colour)
        for line in self._texts:
            gc = renderer.new_gc()
            gc.set_foreground(line.colour)
            renderer.draw_text(gc, line.left, line.y, line.text, font(line.size, bold=line.bold), 0)
        picture = Image.frombuffer("RGBA", self._size, renderer.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")
        del renderer  # two times 9 MB at once are enough
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()


@lru_cache(maxsize=1)
def _measuring() -> Any:
    """Something that knows how wide texts are."""
    return _AGG(1, 1, _DOTS_PER_INCH)


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
