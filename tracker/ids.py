"""Identifier types, and the two ways an event id is made."""

from __future__ import annotations

import os
from random import Random
from typing import Final, NewType

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

_RANDOM: Final = Random()
"""Seeded by the system, again in each process that is forked, and by nobody else. Asking the system for each id takes
longer than making the id."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RANDOM.seed)


def snowflake_ms(snowflake: int) -> Ms:
    """The instant that Discord wrote into one of its ids (https://discord.com/developers/docs/reference#snowflakes)."""
    return Ms((snowflake >> 22) + DISCORD_EPOCH_MS)


def partition_of(guild_id: int, partitions: int) -> Partition:
    """The one partition a guild lives in; `partitions` is fixed when a database is made."""
    return Partition((guild_id >> 22) % partitions)


def mint_event_id(now: int) -> EventId:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of `now` in ms, then random, so that ids made later sort later."""
    bits = _RANDOM.getrandbits(74)
    return EventId(
        f"{now >> 16 & 0xFFFF_FFFF:08x}-{now & 0xFFFF:04x}-{0x7000 | bits & 0xFFF:04x}"
        f"-{0x8000 | bits >> 12 & 0x3FFF:04x}-{bits >> 26:012x}"
    )
