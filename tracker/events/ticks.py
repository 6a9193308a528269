"""Facts about time and about the tracker itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracker.events.envelope import NO_GUILD, Event
from tracker.ids import EventId, Ms, Partition

__all__ = ["TrackerLost", "TrackerReturned", "TrackerTicked", "tick", "tick_partition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerTicked:
    """Time has come to `as_of` for every guild of the partition that the tracker is not away from."""

    TYPE: ClassVar[str] = "tracker.ticked"
    VERSION: ClassVar[int] = 1
    as_of: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerLost:
    """The tracker stopped seeing the envelope's guild (crash, stop, lost gateway session, guild outage).

    Until `TrackerReturned`, ticks do not advance this guild: unseen time is never credited by the clock alone.
    """

    TYPE: ClassVar[str] = "tracker.lost"
    VERSION: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerReturned:
    """The guild's snapshot has arrived: the tracker sees it again. The time since `TrackerLost` was time away."""

    TYPE: ClassVar[str] = "tracker.returned"
    VERSION: ClassVar[int] = 1


def tick(partition: Partition, as_of: Ms) -> Event:
    """The tick of a partition at `as_of`."""
    return Event(
        id=EventId(f"tick:{partition}:{as_of}"),
        guild_id=NO_GUILD,
        occurred_at=as_of,
        data=TrackerTicked(as_of=as_of),
    )


def tick_partition(event_id: EventId) -> Partition:
    """The partition a tick belongs to. Raises ValueError if the id is not a tick's."""
    head, _, rest = event_id.partition(":")
    number, _, as_of = rest.partition(":")
    if head != "tick" or not (number.isascii() and number.isdigit() and as_of.removeprefix("-").isdigit()):
        raise ValueError(f"{event_id!r} is not `tick:<partition>:<as_of>`")
    return Partition(int(number))
