"""Which patterns may be matched against names that strangers choose.

A backtracking matcher can take longer than the universe has lasted for `(a+)+$` and thirty letters. Patterns run on the
event loop and in every replay, so the shapes that allow it are refused: a repeat of anything but a single character or
class, and more than a few repeats without an end. What is left is at worst cubic in a name
of 100 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

__all__ = ["why_slow"]

_parser: Final[Any] = re._parser  # type: ignore[attr-defined]  # the one way to see a pattern as `re` does
_constants: Final[Any] = re._constants  # type: ignore[attr-defined]

_REPEATS: Final = frozenset({_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT})
_SINGLE: Final = frozenset(
    {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN, _constants.CATEGORY}
)
_MOST_ENDLESS: Final = 3
_LONG: Final = 100


@lru_cache(maxsize=1024)  # of each document of settings it is asked anew, and most say the same
def why_slow(pattern: str) -> str | None:
    """Why the pattern could take very long on some name; None if it cannot. Raises re.error if it is none."""
    endless = 0
    for kind, detail in _parts(_parser.parse(pattern)):
        if kind in _REPEATS:
            _, most, repeated = detail
            if most > 1 and (len(repeated) != 1 or repeated[0][0] not in _SINGLE):
                return "it repeats a group; repeat single characters only"
            endless += most > _LONG
    return f"it has more than {_MOST_ENDLESS} repeats without an end" if endless > _MOST_ENDLESS else None


def _parts(parsed: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    """Every node of a parsed pattern, at any depth."""
    for kind, detail in parsed:
        yield kind, detail
        yield from _inside(detail)


def _inside(detail: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(detail, _parser.SubPattern):
        yield from _parts(detail)
    elif isinstance(detail, tuple | list):
        for item in detail:
            yield from _inside(item)
