"""What is found when a guild is seen (again), and whom it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tracker.events.envelope import Event
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import GuildId, Ms

__all__ = ["Arrivals", "FoundVoice", "found_in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVoice:
    """What became of a guild's voice sessions: those that went on, began with the snapshot, were closed by it.

    Who was found in another channel counts as one that was closed and one that began. `away_ms`: for how long the
    guild was not seen; None if it was never seen before, or not lost (sent again).
    """

    taken_over: int
    begun: int
    closed: int
    away_ms: Ms | None


def found_in(facts: Iterable[Event], *, open_before: int, away_ms: Ms | None) -> FoundVoice:
    """What the events that a snapshot led to say. `open_before`: how many sessions were open before them."""
    begun = closed = 0
    for fact in facts:
        begun += isinstance(fact.data, VoiceJoined)
        closed += isinstance(fact.data, VoiceLeft)
    return FoundVoice(taken_over=open_before - closed, begun=begun, closed=closed, away_ms=away_ms)


class Arrivals(Protocol):
    """Told on the event loop, in order, after the events were accepted. Nothing in it awaits."""

    def seen(self, guild: GuildId, voice: FoundVoice, facts: Iterable[Event]) -> None:
        """A guild's snapshot has come, and led to `facts`; its members are being asked for."""
        ...

    def answered(self, guild: GuildId, facts: Iterable[Event], *, complete: bool) -> None:
        """A part of its members have answered, which led to `facts`. `complete`: they all have."""
        ...

    def lost(self, guild: GuildId) -> None:
        """The guild is not seen any more."""
        ...
