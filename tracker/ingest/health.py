"""Whether the tracker does its work, in words an operator can act on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tracker.ids import GuildId, Ms

__all__ = ["Health"]

_LOG = logging.getLogger("tracker.health")


@dataclass(slots=True)
class Health:
    """`trouble`: what is wrong now, by source; empty means well. Each change is one log line, not one per event.

    `outbox`: how many posts and members are pending, sent, failed and blocked, as last counted; empty before that.
    `caches`: by name, who says how often what is kept in memory was enough (`hits`) or not (`misses`), and its `bytes`.
    `recounts`: guilds to which history was added and whose figures lack it yet: `since` when, and how far that is.
    `verified`: when the figures were last compared with the log, and what was found; empty if never.
    """

    trouble: dict[str, str] = field(default_factory=dict)
    failures: int = 0
    committed_events: int = 0
    flushes: int = 0
    last_flush_at: Ms | None = None
    outbox: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    caches: dict[str, Callable[[], Mapping[str, int]]] = field(default_factory=dict)
    recounts: dict[GuildId, Mapping[str, object]] = field(default_factory=dict)
    verified: Mapping[str, object] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Nothing is wrong."""
        return not self.trouble

    def bad(self, source: str, reason: str) -> None:
        """Something of `source` failed."""
        self.failures += 1
        if self.trouble.get(source) != reason:
            self.trouble[source] = reason
            _LOG.error("%s: %s", source, reason)

    def good(self, source: str) -> None:
        """`source` works (again)."""
        if self.trouble.pop(source, None) is not None:
            _LOG.warning("%s: works again", source)

    def report(self, *, waiting: int) -> dict[str, object]:
        """The health check's answer. `waiting`: events that are only in memory yet."""
        return {
            "status": "ok" if self.well else "bad",
            "trouble": dict(self.trouble),
            "events_waiting": waiting,
            "events_committed": self.committed_events,
            "flushes": self.flushes,
            "failures": self.failures,
            "last_flush_at": self.last_flush_at,
            "outbox": {name: dict(states) for name, states in self.outbox.items()},
            "caches": {name: dict(figures()) for name, figures in self.caches.items()},
            "verified": dict(self.verified),
            "recounts": {str(guild): dict(about) for guild, about in self.recounts.items()},
        }
