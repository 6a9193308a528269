"""What the cards have in common: the dark panel, smooth shapes, the badge with the level, PNG at the end."""

from __future__ import annotations

import io
import threading
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw

from tracker.discord.cards.lettering import Colour, draw_text, fitted, width

__all__ = ["ACCENT", "DRAWING", "MUTED", "TEXT", "Canvas", "accent_of"]

TEXT: Final[Colour] = (242, 243, 245)
MUTED: Final[Colour] = (181, 186, 193)
ACCENT: Final[Colour] = (128, 138, 255)
_PANEL: Final[Colour] = (43, 45, 49)
_SHADE: Final[Colour] = (30, 31, 34)
_CORNER: Final = 28
_FINER: Final = 4
"""Shapes are drawn that many times larger and reduced, because Pillow draws hard edges."""
_LEAST_LIGHT: Final = 120

DRAWING: Final = threading.Lock()
"""Held while a card is drawn: Pillow's fonts must not be used by two threads at once."""


def accent_of(colour: int | None) -> Colour:
    """A role's colour (0xRRGGBB; None or 0: it has none) as light as the dark panel needs."""
    if not colour:
        return ACCENT
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    light = (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) // 1000
    if light >= _LEAST_LIGHT:
        return rgb
    part = 256 * (_LEAST_LIGHT - light) // (255 - light)
    return _mixed(rgb, (255, 255, 255), part)


class Canvas:
    """A panel to draw on. Positions are pixels; text stands on the `y` that is given."""

    def __init__(self, size: tuple[int, int], *, floor: int | None = None) -> None:
        """`floor`: from there down the panel is darker."""
        self._image = _panel(size, floor).copy()
        self._draw = ImageDraw.Draw(self._image)

    def text(self, at: tuple[int, int], text: str, size: int, colour: Colour, *, room: int) -> int:
        """A line of text in `room` pixels; returns how many it took."""
        line = fitted(text, size, room)
        draw_text(self._draw, at, line, size, colour)
        return width(line, size)

    def centred(self, at: tuple[int, int], text: str, size: int, colour: Colour, *, room: int) -> None:
        """A line of text with its middle at `at`."""
        line = fitted(text, size, room)
        draw_text(self._draw, (at[0] - width(line, size) // 2, at[1]), line, size, colour)

    def bar(self, box: tuple[int, int, int, int], colour: Colour, *, part: int, whole: int) -> None:
        """A bar of which `part` of `whole` is done, rounded down."""
        x, y, right, bottom = box
        high = bottom - y
        self._fill((x, y), _pill(right - x, high), _SHADE)
        done = (right - x) * part // whole
        if done:
            self._fill((x, y), _pill(max(done, high), high), colour)

    def pill(self, at: tuple[int, int], text: str, size: int, colour: Colour, *, room: int) -> None:
        """A label in a coloured frame that is filled faintly."""
        line = fitted(text, size, room - 2 * size)
        wide, high = width(line, size) + 2 * (size * 3 // 4), size * 17 // 10
        self._fill((at[0], at[1]), _pill(wide, high), _mixed(_PANEL, colour, 56))
        draw_text(self._draw, (at[0] + size * 3 // 4, at[1] + high // 2 + size * 36 // 100), line, size, colour)

    def badge(self, middle: tuple[int, int], radius: int, colour: Colour, label: str, number: str) -> None:
        """A ring with a number in it and what it counts above."""
        x, y = middle
        across = 2 * radius
        self._fill((x - radius, y - radius), _pill(across, across), _SHADE)
        self._fill((x - radius, y - radius), _ring(across, radius // 9), colour)
        room = across - radius // 2
        self.centred((x, y - radius * 30 // 100), label, radius * 28 // 100, MUTED, room=room)
        size = radius * 82 // 100
        while size > 16 and width(number, size) > room:
            size -= 4
        self.centred((x, y + radius * 16 // 100 + size * 36 // 100), number, size, TEXT, room=room)

    def png(self) -> bytes:
        """The image as a file."""
        file = io.BytesIO()
        self._image.save(file, "PNG", compress_level=3)
        return file.getvalue()

    def _fill(self, at: tuple[int, int], mask: Image.Image, colour: Colour) -> None:
        self._image.paste((*colour, 255), at, mask)


def _mixed(one: Colour, other: Colour, part: int) -> Colour:
    """`part` of 256 of the other colour in the one."""
    red, green, blue = ((a * (256 - part) + b * part) // 256 for a, b in zip(one, other, strict=True))
    return red, green, blue


@lru_cache(maxsize=8)
def _panel(size: tuple[int, int], floor: int | None) -> Image.Image:
    wide, high = size
    image = Image.new("RGBA", size, (*_PANEL, 255))
    if floor is not None:
        image.paste((*_mixed(_PANEL, _SHADE, 140), 255), (0, floor, wide, high))
    image.putalpha(_rounded(wide, high, _CORNER))
    return image


def _pill(wide: int, high: int) -> Image.Image:
    return _rounded(wide, high, high // 2)


@lru_cache(maxsize=256)
def _rounded(wide: int, high: int, corner: int) -> Image.Image:
    mask = Image.new("L", (wide * _FINER, high * _FINER))
    edge = (0, 0, wide * _FINER - 1, high * _FINER - 1)
    ImageDraw.Draw(mask).rounded_rectangle(edge, corner * _FINER, fill=255)
    return mask.reduce(_FINER)


@lru_cache(maxsize=16)
def _ring(across: int, thick: int) -> Image.Image:
    mask = Image.new("L", (across * _FINER, across * _FINER))
    edge = across * _FINER - 1
    ImageDraw.Draw(mask).ellipse((0, 0, edge, edge), outline=255, width=thick * _FINER)
    return mask.reduce(_FINER)
