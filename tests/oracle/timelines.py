"""What was so when: one timeline per thing that the numbers depend on, each built by its own walk over the events.

"After step k" means: after the k-th event (0-based) in canonical order. An interval of time lies between two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle.rules import Rules
from tracker.events.envelope import Event

__all__ = ["UNKNOWN", "Described", "Stay", "Timelines"]


@dataclass(frozen=True)
class Described:
    """A channel's look for a while."""

    name: str
    parent: int | None
    afk: bool


UNKNOWN = Described("", None, False)


@dataclass(frozen=True)
class Stay:
    """A session: after step `first` the member is there, after step `last` no more (None: still there)."""

    user: int
    channel: int
    first: int
    last: int | None


class Timelines:
    """All timelines of one guild's events, which must be in canonical order."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.users: list[int] = sorted({e.user_id for e in events if e.user_id is not None})
        self._bots = {u: self._last(u, lambda e: e.data.bot if e.type == "member.joined" else None) for u in self.users}
        self._roles = {u: self._last(u, _roles) for u in self.users}
        self._flags = {u: self._last(u, lambda e: getattr(e.data, "flags", None)) for u in self.users}
        self._rules = [
            (step, Rules(e.data.settings))  # type: ignore[attr-defined]
            for step, e in enumerate(events)
            if e.type == "settings.changed"
        ]
        self.stays = [stay for u in self.users for stay in self._stays(u)]
        self._standard = Rules({})

    def _last(self, user: int, pick: Callable[[Any], Any]) -> list[tuple[int, Any]]:
        found = ((step, pick(e)) for step, e in enumerate(self.events) if e.user_id == user)
        return [(step, value) for step, value in found if value is not None]

    def rules(self, step: int) -> Rules:
        """The settings in force after a step."""
        found: Rules = _at(self._rules, step, self._standard)
        return found

    def season(self, step: int) -> int | None:
        """When the season began that runs after a step; None: no season runs."""
        began = [e.occurred_at for e in self.events[: step + 1] if e.type == "season.started"]
        return began[-1] if began else None

    def unseen(self, step: int) -> int | None:
        """Since when the tracker does not see the guild, after a step; None if it does."""
        since: int | None = None
        for e in self.events[: step + 1]:
            if e.type == "tracker.lost" and since is None:
                since = e.occurred_at
            elif e.type == "tracker.returned":
                since = None
        return since

    def bot(self, user: int, step: int) -> bool:
        """Is it known, after a step, that this is a bot?"""
        return bool(_at(self._bots.get(user, []), step, False))

    def roles(self, user: int, step: int) -> tuple[int, ...]:
        """The member's roles after a step."""
        return tuple(_at(self._roles.get(user, []), step, ()))

    def flags(self, user: int, step: int) -> int:
        """The member's voice flags after a step."""
        return int(_at(self._flags.get(user, []), step, 0))

    def described(self, channel: int, step: int) -> Described:
        """The channel after a step."""
        for e in reversed(self.events[: step + 1]):
            if e.type == "channel.described" and e.channel_id == channel:
                data: Any = e.data
                return Described(data.name, data.parent_id, data.afk)
        return UNKNOWN

    def counted(self, user: int, step: int) -> bool:
        """May events of this member count at this step: no bot, not opted out, not forgotten?"""
        for e in reversed(self.events[:step]):
            if e.user_id == user and e.type in ("member.opted_out", "member.forgotten"):
                return False
            if e.user_id == user and e.type == "member.opted_in":
                break
        return not self.bot(user, step)

    def occupants(self, channel: int, step: int) -> int:
        """How many members are in the channel after a step."""
        return sum(s.channel == channel and s.first <= step and (s.last is None or step < s.last) for s in self.stays)

    def _stays(self, user: int) -> list[Stay]:
        """Where the member was, step by step, then cut into sessions."""
        where: list[tuple[int, int | None]] = []
        now: int | None = None
        for step, e in enumerate(self.events):
            if e.user_id != user:
                continue
            if e.type in ("voice.joined", "voice.moved") and self.counted(user, step):
                now = e.channel_id
            elif e.type in ("voice.left", "member.left", "member.opted_out", "member.forgotten"):
                now = None
            where.append((step, now))
        changes = [pair for i, pair in enumerate(where) if pair[1] != (where[i - 1][1] if i else None)]
        return [
            Stay(user, channel, step, changes[i + 1][0] if i + 1 < len(changes) else None)
            for i, (step, channel) in enumerate(changes)
            if channel is not None
        ]


def _roles(event: Any) -> Any:
    if event.type == "member.left":
        return ()
    return event.data.role_ids if event.type == "member.roles_changed" else None


def _at(timeline: list[tuple[int, Any]], step: int, default: Any) -> Any:
    return next((value for at, value in reversed(timeline) if at <= step), default)
