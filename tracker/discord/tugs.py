"""Nicknames of ours that somebody else, another bot for one, changes again and again."""

from __future__ import annotations

from typing import Final

from tracker.ids import GuildId, Ms, UserId

__all__ = ["TugsOfWar"]

_PULLS: Final = 5
_WITHIN_MS: Final = 3_600_000


class TugsOfWar:
    """Remembers how often a nickname was set again within an hour; after five times the other side has it its way."""

    def __init__(self) -> None:
        self._pulls: dict[tuple[GuildId, UserId], list[Ms]] = {}

    def is_lost(self, guild: GuildId, user: UserId, now: Ms) -> bool:
        """Whether to let go. If not, the nickname is about to be set again now."""
        pulls = [at for at in self._pulls.get((guild, user), ()) if now - at < _WITHIN_MS]
        lost = len(pulls) >= _PULLS
        self._pulls[guild, user] = pulls if lost else [*pulls, now]
        return lost
