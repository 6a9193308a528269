"""Who keeps time from advancing: a gateway session that is down, and might be resumed."""

from __future__ import annotations

from typing import Final

from tracker.clock import Clock, from_ms
from tracker.ids import Ms
from tracker.ingest.health import Health

__all__ = ["Holds"]

_PATIENCE_MS: Final = 60_000


class Holds:
    """Truthy while somebody holds: then there is no tick, and so no flush."""

    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock = clock
        self._health = health
        self._since: dict[object, Ms] = {}

    def __bool__(self) -> bool:
        return bool(self._since)

    def hold(self, key: object) -> None:
        """From now on until `key` is released."""
        self._since.setdefault(key, self._clock.now())

    def release(self, key: object) -> None:
        """Undo `hold`; harmless if there was none."""
        self._since.pop(key, None)
        if not self._since:
            self._health.good("gateway")

    def complain(self) -> None:
        """Say so in the health report if it has lasted for long."""
        since = min(self._since.values())
        if self._clock.now() - since > _PATIENCE_MS:
            self._health.bad("gateway", f"no connection to Discord since {from_ms(since):%Y-%m-%d %H:%M:%S} UTC")
