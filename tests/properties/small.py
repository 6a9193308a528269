"""Small histories of one member in one channel, for properties of a single thing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.properties.communities import GUILD
from tracker.clock import to_ms
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, EventId, Ms, UserId

__all__ = ["ANA", "HOUR", "ROOM", "event", "instant", "rules"]

HOUR = 3_600_000
ANA, ROOM = UserId(1100), ChannelId(201)


def event(at: int, data: Any, *, event_id: str = "") -> Event:
    """What Ana did in the room."""
    return Event(
        id=EventId(event_id or f"{data.TYPE}:{at}"),
        guild_id=GUILD,
        user_id=ANA,
        channel_id=ROOM,
        occurred_at=Ms(at),
        data=data,
    )


def rules(at: int, zone: str, **more: Any) -> Event:
    """The settings from now on."""
    return event(at, SettingsChanged(settings={"timezone": zone, **more}))


def instant(text: str, zone: str) -> int:
    """Unix ms of a local date and time."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))
