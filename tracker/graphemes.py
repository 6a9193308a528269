"""What people take for one character: a text may be cut between two of these, never within one.

The standard library does not know Unicode's extended grapheme clusters (UAX #29), but its categories are enough for
what stands in names: combining marks, emoji joined to families, skin tones, flags, keycaps, Hangul from single letters,
Indic conjuncts. Where in doubt, characters stay together.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["clusters", "cut"]

_JOINER: Final = "\u200d"
_VIRAMA: Final = 9
"""The combining class of signs that join the consonants around them."""


def clusters(text: str) -> list[str]:
    """`text` in pieces that belong together; joined again they are `text`."""
    found: list[str] = []
    begin = 0
    for index in range(1, len(text)):
        if not _belongs(text[begin:index], text[index]):
            found.append(text[begin:index])
            begin = index
    return [*found, text[begin:]] if text else []


def cut(text: str, longest: int) -> str:
    """As much of the beginning of `text` as fits `longest` characters (code points) without a piece cut in two."""
    if len(text) <= longest:
        return text
    end = 0
    for piece in clusters(text):
        if end + len(piece) > longest:
            break
        end += len(piece)
    return text[:end]


def _belongs(cluster: str, char: str) -> bool:
    """Whether `char` goes on with the cluster in front of it."""
    before, kind = cluster[-1], unicodedata.category(char)
    if kind[0] == "M" or _extends(char):
        return True
    if before == _JOINER and kind[0] not in "LNZ":  # emoji, those that are newer than this Python included
        return True
    if kind == "Lo" and unicodedata.combining(cluster.rstrip(_JOINER)[-1:] or " ") == _VIRAMA:
        return True
    if _is_flag_letter(char):
        return len(cluster) == 1 and _is_flag_letter(before)
    return _is_one_syllable(before, char)


def _extends(char: str) -> bool:
    """Joiners, skin tones, the tags in regional flags, half-width sound marks, and Thai and Lao AM."""
    return (
        char in "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_one_syllable(before: str, char: str) -> bool:
    """Hangul written in single letters: initials, then vowels, then finals."""
    if _is_initial(before):
        return _is_initial(char) or _is_later_letter(char) or "가" <= char <= "힣"
    return _is_later_letter(char) and (_is_later_letter(before) or "가" <= before <= "힣")


def _is_initial(char: str) -> bool:
    return "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97c"


def _is_later_letter(char: str) -> bool:
    return "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7fb"
