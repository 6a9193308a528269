"""Texts that can be drawn in the fonts that came with the installation: no box for what they lack.

NanumGothic has Korean, Japanese, the more common Chinese characters and Latin; DejaVu, which comes with matplotlib, has
Arabic, Hebrew, Greek and more. Of what neither has, fancy letters become plain ones, emoji are left out, and other
letters become a middle dot, so that it can be seen that something stands there.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

from matplotlib import font_manager, get_data_path
from matplotlib.font_manager import FontEntry, FontProperties
from matplotlib.ft2font import FT2Font

from tracker.graphemes import clusters

__all__ = ["drawable", "font"]

_NANUM: Final = ("NanumGothic.ttf", "NanumGothicBold.ttf")
_DEJAVU: Final = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
_MISSING_LETTER: Final = "·"
_STAND_INS: Final = {"郎": "\uf92c"}
"""The end of many Japanese names, which NanumGothic has only as the character that Korean standards had for it."""
_POINTS_OF_A_PIXEL: Final = 0.72
"""Figures have 100 dots per inch."""


def drawable(text: str, *, otherwise: str) -> str:
    """`text` on one line with nothing in it that cannot be drawn; `otherwise` if no letter or sign of it is left."""
    pieces = (_piece(cluster) for cluster in clusters(unicodedata.normalize("NFC", text)))
    line = " ".join("".join(pieces).split())
    seen = (c for c in line if c != _MISSING_LETTER)
    return line if any(unicodedata.category(c)[0] in "LNPS" for c in seen) else otherwise


@lru_cache(maxsize=32)
def font(size: int, *, bold: bool = False) -> FontProperties:
    """The installation's fonts, one standing in for what the other lacks; `size` in pixels."""
    return FontProperties(family=list(_families()[bold]), size=size * _POINTS_OF_A_PIXEL)


@lru_cache(maxsize=1)
def _families() -> tuple[list[str], list[str]]:
    """The names under which matplotlib knows the regular fonts and the bold ones, after it was told of them.

    Names of our own: files may call themselves bold in degrees (NanumGothic: 600, DejaVu: 700), and fonts that happen
    to be installed on the machine must not come in between.
    """
    names: tuple[list[str], list[str]] = ([], [])
    for paths in (_paths(_NANUM), _paths(_DEJAVU)):
        for kind, path in zip(names, paths, strict=True):
            kind.append(f"tracker {Path(path).stem}")
            font_manager.fontManager.ttflist.append(
                FontEntry(fname=path, name=kind[-1], style="normal", variant="normal", weight=400, stretch="normal")
            )
    return names


@lru_cache(maxsize=1)
def _known() -> frozenset[int]:
    """The characters that either font has, in regular and in bold."""
    nanum, dejavu = ([set(FT2Font(path).get_charmap()) for path in _paths(names)] for names in (_NANUM, _DEJAVU))
    return frozenset(set.intersection(*nanum) | set.intersection(*dejavu))


def _paths(names: tuple[str, ...]) -> list[str]:
    if names is _DEJAVU:
        return [str(Path(get_data_path(), "fonts", "ttf", name)) for name in names]
    found = importlib.util.find_spec("koreanize_matplotlib")  # not imported: it would import pyplot
    folders = [] if found is None else found.submodule_search_locations or []
    return [str(Path(*folders[:1], "fonts", name)) for name in names]


def _piece(cluster: str) -> str:
    """What is drawn of one character as people see it."""
    if cluster.isspace():
        return " "
    for form in (cluster, unicodedata.normalize("NFKC", cluster), _STAND_INS.get(cluster, "")):
        kept = "".join(c for c in form if unicodedata.category(c)[0] != "C" and not "\ufe00" <= c <= "\ufe0f")
        if kept and all(c == " " or ord(c) in _known() for c in kept):
            return kept
    return _MISSING_LETTER if unicodedata.category(cluster[0])[0] == "L" else ""
