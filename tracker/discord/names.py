"""Names that people chose, made harmless to show: no markdown, no mention, no line break, no text running backwards."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from tracker.graphemes import cut

__all__ = ["harmless"]

_LONGEST: Final = 32
_MARKDOWN: Final = re.compile(r"([\\*_~`|>\[\]()#<+-])")
_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ISOLATE, _END_ISOLATE, _NO_WIDTH = "\u2068", "\u2069", "\u200b"


def harmless(name: str, *, otherwise: str, longest: int = _LONGEST) -> str:
    """`name` in at most `longest` characters, not counting what makes it harmless; `otherwise` if none is to be seen.

    Right-to-left names are isolated so that the figures behind them stay where they are; what people take for one
    character stays whole.
    """
    text = " ".join("".join(" " if c in "\n\r\t\v\f\x85\u2028\u2029" else c for c in name if not _is_hidden(c)).split())
    if not any(unicodedata.category(c)[0] in "LNPS" for c in text):
        return otherwise
    if len(text) > longest:
        text = cut(text, longest - 1).rstrip("\u200d ")
        if not text:
            return otherwise
        text += "…"
    text = _MARKDOWN.sub(r"\\\1", text)
    text = text.replace("@", "@" + _NO_WIDTH).replace("://", ":" + _NO_WIDTH + "//")
    return f"{_ISOLATE}{text}{_END_ISOLATE}" if _runs_backwards(text) else text


def _is_hidden(char: str) -> bool:
    """Controls and direction marks; joiners within emoji and scripts stay."""
    if char in _DIRECTIONS or char == _NO_WIDTH:
        return True
    return unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") and char not in "\n\r\t\v\f\x85"


def _runs_backwards(text: str) -> bool:
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
