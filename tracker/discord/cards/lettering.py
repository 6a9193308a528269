"""Text on images, in fonts that came with the installation: whatever people are called, no box for a missing glyph.

NanumGothic has Korean, Japanese, the more common Chinese characters and Latin; DejaVu, which comes with matplotlib,
has Arabic, Hebrew, Greek and more. Of what neither has, fancy letters (𝓐) become plain ones, emoji are left out, and
letters become a middle dot, so that it can be seen that something stands there.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Final

from PIL import ImageDraw, ImageFont, features

from tracker.graphemes import clusters

__all__ = ["Colour", "draw_text", "fitted", "shown", "width"]

Colour = tuple[int, int, int]

_FONTS: Final = (  # packages are looked up, not imported: both would import matplotlib
    ("koreanize_matplotlib", "fonts/NanumGothicBold.ttf", "fonts/NanumGothicExtraBold.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf", "mpl-data/fonts/ttf/DejaVuSans-Bold.ttf"),
)
_MAIN, _OTHER = 0, 1
_LARGE: Final = 30
"""From this size on letters are heavier."""
_NO_GLYPH: Final = "\uffff"
_MISSING_LETTER: Final = "·"
_ELLIPSIS: Final = "…"
_PROBE_SIZE: Final = 24


def shown(name: str, *, otherwise: str) -> str:
    """`name` with nothing in it that cannot be drawn; `otherwise` if no letter or sign of it is left."""
    pieces = (_piece(cluster) for cluster in clusters(unicodedata.normalize("NFC", name)))
    text = " ".join("".join(pieces).split())
    seen = (c for c in text if c != _MISSING_LETTER)
    return text if any(unicodedata.category(c)[0] in "LNPS" for c in seen) else otherwise


def fitted(text: str, size: int, room: int) -> str:
    """As much of `text` as fits `room` pixels, with an ellipsis in the place of the rest."""
    if width(text, size) <= room:
        return text
    pieces = clusters(text)
    low, high = 0, len(pieces)  # that many pieces fit; that many do not
    while high - low > 1:
        middle = (low + high) // 2
        if width("".join(pieces[:middle]).rstrip() + _ELLIPSIS, size) <= room:
            low = middle
        else:
            high = middle
    return "".join(pieces[:low]).rstrip() + _ELLIPSIS


def width(text: str, size: int) -> int:
    """Pixels from the beginning of `text` to its end."""
    return sum(round(_font(which, size).getlength(run)) for which, run in _runs(text))


def draw_text(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: Colour) -> None:
    """Draw `text` in one line; `at` is the left end of the line that it stands on."""
    x, y = at
    for which, run in _runs(text):
        font = _font(which, size)
        draw.text((x, y), run, font=font, fill=colour, anchor="ls")
        x += round(font.getlength(run))


def _piece(cluster: str) -> str:
    """What is drawn of one character."""
    if cluster.isspace():
        return " "
    for form in (cluster, unicodedata.normalize("NFKC", cluster)):
        kept = "".join(c for c in form if unicodedata.category(c)[0] != "C")
        if kept and all(_has(c) for c in kept):
            return kept
    return _MISSING_LETTER if unicodedata.category(cluster[0])[0] == "L" else ""


def _has(char: str) -> bool:
    return char == " " or _in_font(_MAIN, char) or _in_font(_OTHER, char)


@lru_cache(maxsize=8192)
def _in_font(which: int, char: str) -> bool:
    """Whether a font has a picture for a character: Pillow does not tell, but shows the same one for all that lack."""
    font = _font(which, _PROBE_SIZE)
    picture = font.getmask(char)
    return picture.getbbox() is not None and bytes(picture) != bytes(font.getmask(_NO_GLYPH))


def _runs(text: str) -> list[tuple[int, str]]:
    """The pieces of `text` that are drawn in one font each, from left to right.

    Within a piece Pillow puts right-to-left text in order, if the system has FriBiDi; if not, letters are turned
    around here and stand unjoined.
    """
    backwards = any(_runs_backwards(c) for c in text)
    first = (_OTHER, _MAIN) if backwards else (_MAIN, _OTHER)  # as much as possible in one font, so in one piece
    runs: list[tuple[int, str]] = []
    for which, group in groupby(clusters(text), lambda cluster: _font_of(cluster, first)):
        run = "".join(group)
        bare = run.lstrip(" ")
        pieces = (run[: len(run) - len(bare)], bare.rstrip(" "), bare[len(bare.rstrip(" ")) :])
        runs += [(which, piece) for piece in pieces if piece]  # spaces apart: they may come to be on another side
    if backwards and not _sets_backwards():
        runs = [(which, _turned(run)) for which, run in runs]
    return runs[::-1] if _begins_backwards(text) else runs


def _font_of(cluster: str, fonts: tuple[int, int]) -> int:
    first, second = fonts
    letters = [c for c in cluster if c != " "]
    return first if all(_in_font(first, c) for c in letters) else second


def _turned(run: str) -> str:
    """Stretches of right-to-left letters from back to front."""
    turned = []
    for backwards, group in groupby(clusters(run), lambda cluster: _runs_backwards(cluster[0])):
        pieces = list(group)
        turned += pieces[::-1] if backwards else pieces
    return "".join(turned)


def _begins_backwards(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left."""
    strong = (unicodedata.bidirectional(c) for c in text)
    return next((kind for kind in strong if kind in ("L", "R", "AL")), "L") != "L"


def _runs_backwards(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL")


@lru_cache(maxsize=1)
def _sets_backwards() -> bool:
    return bool(features.check("raqm"))


@lru_cache(maxsize=64)
def _font(which: int, size: int) -> ImageFont.FreeTypeFont:
    package, *weights = _FONTS[which]
    found = importlib.util.find_spec(package)
    folders = [] if found is None else found.submodule_search_locations or []
    return ImageFont.truetype(str(Path(*folders[:1], weights[size >= _LARGE])), size)
