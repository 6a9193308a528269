"""Lines in an embed's fields, within every limit: a line is never torn, and what does not fit is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, overload

import hikari

from tracker.discord.embeds import FIELD_LIMIT, length

__all__ = ["Group", "Lines", "add_groups"]

_CONTINUED: Final = "\u200b"

Group = tuple[str, Sequence[str]]
"""A field's name and its lines."""


class Lines(Sequence[str]):
    """So many lines, each worded by `make` when it is first asked for."""

    def __init__(self, count: int, make: Callable[[int], str]) -> None:
        self._count = count
        self._line = lru_cache(maxsize=None)(make)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        places = range(self._count)[at]
        return self._line(places) if isinstance(places, int) else [self._line(place) for place in places]


def add_groups(
    embed: hikari.Embed, groups: Sequence[Group], more: Callable[[int], str], *, room: int, fields: int
) -> None:
    """As many lines of each group as fit into `room` UTF-16 units and so many fields, the same number for each.

    `more` words how many lines were left out. No group may be so long that even one line of each
    would not fit.
    """
    longest = max((len(lines) for _, lines in groups), default=1)
    low, high = 1, 2  # first in strides, so that hardly more lines are asked for than fit
    while high <= longest and _fits(_cut(groups, high, more), room, fields):
        low, high = high, 2 * high
    high = min(high, longest)
    while low < high:
        most = (low + high + 1) // 2
        low, high = (most, high) if _fits(_cut(groups, most, more), room, fields) else (low, most - 1)
    for name, value in _cut(groups, low, more):
        embed.add_field(name, value)


def _fits(cut: Sequence[tuple[str, str]], room: int, fields: int) -> bool:
    return len(cut) <= fields and sum(length(name) + length(value) for name, value in cut) <= room


def _cut(groups: Sequence[Group], most: int, more: Callable[[int], str]) -> list[tuple[str, str]]:
    found = []
    for name, lines in groups:
        shown = list(lines[:most])
        if len(lines) > most:
            shown.append(more(len(lines) - most))
        found += _chunks(name, shown)
    return found


def _chunks(name: str, lines: Iterable[str]) -> list[tuple[str, str]]:
    """The lines in as few fields as they fit into."""
    found: list[tuple[str, str]] = []
    for line in lines:
        longer = f"{found[-1][1]}\n{line}" if found else line
        if found and length(longer) <= FIELD_LIMIT:
            found[-1] = (found[-1][0], longer)
        else:
            found.append((_CONTINUED if found else name, line))
    return found
