"""Which guilds wait to be counted anew: since when, what is in the way, and when each is tried next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from tracker.clock import Clock
from tracker.ids import GuildId, Ms
from tracker.ingest.health import Health

__all__ = ["Waiting"]

_LOG = logging.getLogger("tracker.ingest")

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
_AFTER_FAILURE_S: Final = 60.0
_LONGEST_AFTER_FAILURE_S: Final = 3600.0
_SHARE: Final = 10
"""A guild that is marked anew (a long import goes on) rests for so many times what its last recount took."""


@dataclass(slots=True, kw_only=True)
class _Guild:
    since: Ms
    state: str = "waiting"
    due: float = 0.0
    pause: float = 0.0
    failed: bool = False


class Waiting:
    """Keeps the health check told. `timer`: seconds that never go back."""

    def __init__(self, health: Health, clock: Clock, timer: Callable[[], float]) -> None:
        self._health = health
        self._clock = clock
        self._timer = timer
        self._guilds: dict[GuildId, _Guild] = {}
        self._rest: dict[GuildId, float] = {}

    def __contains__(self, guild: object) -> bool:
        return guild in self._guilds

    def note(self, marked: Iterable[GuildId]) -> None:
        """These are marked now, and no others."""
        now = set(marked)
        for guild in now - self._guilds.keys():
            _LOG.info("guild %d: history was added to it: counting it anew while all else goes on", guild)
            self._guilds[guild] = _Guild(since=self._clock.now(), due=self._rest.get(guild, 0.0))
        for guild in self._guilds.keys() - now:
            del self._guilds[guild]
        self._rest = {guild: until for guild, until in self._rest.items() if until > self._timer()}
        self._tell()

    def due(self, guilds: Iterable[GuildId]) -> list[GuildId]:
        """Those of them that are to be tried now."""
        return sorted(guild for guild in guilds if self._guilds[guild].due <= self._timer())

    @property
    def next_s(self) -> float | None:
        """In how many seconds somebody is to be tried; None: nobody waits."""
        return min((max(0.0, known.due - self._timer()) for known in self._guilds.values()), default=None)

    def since(self, guild: GuildId) -> Ms | None:
        """Since when the guild's figures lack what was added; None: they do not."""
        known = self._guilds.get(guild)
        return None if known is None else known.since

    def counting(self, guilds: Collection[GuildId]) -> None:
        """Their history is being folded."""
        for guild in guilds:
            self._guilds[guild].state = "counting"
        self._tell()

    def done(self, guild: GuildId, took_s: float) -> None:
        """It is counted. If it is marked again, somebody goes on adding: do not do it all day."""
        self._guilds.pop(guild, None)
        self._rest[guild] = self._timer() + took_s * _SHARE
        self._tell()

    def later(self, guilds: Collection[GuildId], why: str) -> None:
        """Something is in the way that passes by itself."""
        self._postpone(guilds, why, _FIRST_PAUSE_S, _LONGEST_PAUSE_S, failed=False)
        for guild in guilds:
            _LOG.info("guild %d: not counted anew yet: %s", guild, why)

    def failed(self, guild: GuildId, why: str) -> None:
        """Something is wrong, and a person should know."""
        self._postpone([guild], f"failed: {why}", _AFTER_FAILURE_S, _LONGEST_AFTER_FAILURE_S, failed=True)

    def _postpone(self, guilds: Collection[GuildId], why: str, first: float, longest: float, *, failed: bool) -> None:
        for guild in guilds:
            known = self._guilds[guild]
            known.pause = min(max(first, known.pause * 2), longest)
            known.due = self._timer() + known.pause
            known.state, known.failed = why, failed
        self._tell()

    def _tell(self) -> None:
        self._health.recounts = {g: {"since": k.since, "state": k.state} for g, k in self._guilds.items()}
        wrong = [f"guild {g} cannot be counted anew: {k.state}" for g, k in self._guilds.items() if k.failed]
        if wrong:
            more = f" (and {len(wrong) - 1} other guilds)" if len(wrong) > 1 else ""
            self._health.bad("recount", f"{wrong[0]}{more}; what was added to its history is not in its figures")
        else:
            self._health.good("recount")
