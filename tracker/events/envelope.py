"""What every event carries, whatever happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from tracker.ids import ChannelId, EventId, GuildId, Ms, Partition, Position, UserId

__all__ = ["NO_GUILD", "Data", "Event", "RecordedEvent", "later"]

NO_GUILD = GuildId(0)
"""The guild of an event that belongs to a partition and to no guild (a tick)."""


class Data(Protocol):
    """The part of an event that differs by type: a frozen dataclass with its stable name and schema version."""

    TYPE: ClassVar[str]
    VERSION: ClassVar[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An immutable past-tense fact.

    `occurred_at` is Unix ms UTC. `user_id` / `channel_id` are None where the fact concerns no member / no channel.
    A negative `user_id` is the pseudonym of a member whose identity was erased: it takes part in folds (others' EXP
    may depend on who was in the channel) but no row is ever written for it.
    """

    id: EventId
    guild_id: GuildId
    user_id: UserId | None = None
    channel_id: ChannelId | None = None
    occurred_at: Ms
    data: Data

    @property
    def type(self) -> str:
        """The stable type name, such as `voice.joined`."""
        return self.data.TYPE


def later(event: Event, moment: Ms) -> Event:
    """The same, but at this instant. `dataclasses.replace` takes three times as long, and messages come late often."""
    return Event(
        id=event.id,
        guild_id=event.guild_id,
        user_id=event.user_id,
        channel_id=event.channel_id,
        occurred_at=moment,
        data=event.data,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event with its place in the log: `position` 1, 2, 3, … without holes in its `partition`."""

    partition: Partition
    position: Position
    recorded_at: Ms
    event: Event
