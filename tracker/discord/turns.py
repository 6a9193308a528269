"""Which page a message was turned to last."""

from __future__ import annotations

from typing import Final

from cachetools import LRUCache

__all__ = ["Turns"]

_MESSAGES: Final = 1_024


class Turns:
    """Which page a message was turned to last: whoever is late with another one leaves it."""

    def __init__(self) -> None:
        self._last: LRUCache[int, object] = LRUCache(_MESSAGES)

    def turn(self, message: int) -> object:
        """Somebody wants another page there; gives what tells this one from others."""
        self._last[message] = turn = object()
        return turn

    def first(self, message: int) -> object | None:
        """As `turn`, for a message that is new; None if somebody has turned it already."""
        return None if message in self._last else self.turn(message)

    def is_last(self, message: int, turn: object) -> bool:
        """Whether nobody wanted another page since."""
        return self._last.get(message) is turn
