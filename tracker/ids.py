"""Identifier types, and the two ways an event id is made."""

from __future__ import annotations

import os
from typing import NewType

__all__ = [
    "DISCORD_EPOCH_MS",
    "ChannelId",
    "EventId",
    "GuildId",
    "MessageId",
    "Ms",
    "Partition",
    "Position",
    "RoleId",
    "UserId",
    "mint_event_id",
    "partition_of",
    "snowflake_ms",
]

GuildId = NewType("GuildId", int)
UserId = NewType("UserId", int)
ChannelId = NewType("ChannelId", int)
RoleId = NewType("RoleId", int)
MessageId = NewType("MessageId", int)
EventId = NewType("EventId", str)
Partition = NewType("Partition", int)
Position = NewType("Position", int)
Ms = NewType("Ms", int)
"""An instant as Unix milliseconds UTC, or a duration in milliseconds."""

DISCORD_EPOCH_MS = 1_420_070_400_000


def snowflake_ms(snowflake: int) -> Ms:
    """The instant that Discord wrote into one of its ids (https://discord.com/developers/docs/reference#snowflakes)."""
    return Ms((snowflake >> 22) + DISCORD_EPOCH_MS)


def partition_of(guild_id: int, partitions: int) -> Partition:
    """The one partition a guild lives in; `partitions` is fixed when a database is made."""
    return Partition((guild_id >> 22) % partitions)


def mint_event_id(now: int) -> EventId:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of `now` in ms, then random, so that ids made later sort later."""
    value = (now & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return EventId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
