"""What really happened in the sandbox, counted apart from the tracker, to compare with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracker.ids import Ms

__all__ = ["Truth"]


@dataclass(slots=True, kw_only=True)
class Truth:
    """When each member was in a tracked room, and how many messages each wrote."""

    stays: dict[int, list[tuple[Ms, Ms]]] = field(default_factory=dict)
    """By user id: from when to when in a tracked room, played instants."""

    messages: dict[int, int] = field(default_factory=dict)
    _since: dict[int, Ms] = field(default_factory=dict)

    def moved(self, user: int, tracked: bool, now: Ms) -> None:
        """The member is in a tracked room from now on, or in none."""
        since = self._since.pop(user, None)
        if since is not None:
            self.stays.setdefault(user, []).append((since, now))
        if tracked:
            self._since[user] = now

    def said(self, user: int) -> None:
        """The member wrote a message."""
        self.messages[user] = self.messages.get(user, 0) + 1

    def voice_ms(self, user: int, start: Ms, end: Ms) -> int:
        """Time in tracked rooms within [start, end), milliseconds; a stay that has not ended goes on."""
        stays = list(self.stays.get(user, ()))
        if user in self._since:
            stays.append((self._since[user], end))
        return sum(max(0, min(to, end) - max(since, start)) for since, to in stays)
