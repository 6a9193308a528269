"""Facts about who is in which voice channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NewType

from tracker.ids import ChannelId

__all__ = [
    "DEAF", "FLAG_NAMES", "MUTE", "SELF_DEAF", "SELF_MUTE", "STREAM", "SUPPRESS", "VIDEO", "Flags", "VoiceFlagsChanged",
    "VoiceJoined", "VoiceLeft", "VoiceMoved", "flag_names", "flags_of",
]  # fmt: skip

Flags = NewType("Flags", int)
"""A set of the seven voice flags as bits; written as a sorted list of names."""

FLAG_NAMES = ("self_mute", "self_deaf", "mute", "deaf", "stream", "video", "suppress")
SELF_MUTE, SELF_DEAF, MUTE, DEAF, STREAM, VIDEO, SUPPRESS = (1 << bit for bit in range(7))

_BITS = {name: 1 << bit for bit, name in enumerate(FLAG_NAMES)}
_NAMES = tuple(sorted(name for name, bit in _BITS.items() if value & bit) for value in range(1 << 7))


def flag_names(flags: Flags) -> list[str]:
    """The names of the flags that are set, sorted."""
    return list(_NAMES[flags])


def flags_of(names: list[str]) -> Flags:
    """The flags of these names. Raises KeyError for a name that is none."""
    value = 0
    for name in names:
        value |= _BITS[name]
    return Flags(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceJoined:
    """A member entered a channel. `reason` is `observed` if found in a snapshot instead of seen to happen."""

    TYPE: ClassVar[str] = "voice.joined"
    VERSION: ClassVar[int] = 1
    flags: Flags = Flags(0)
    reason: Literal["gateway", "observed"] = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMoved:
    """A member went from one channel straight into another (the envelope's `channel_id` is the new one)."""

    TYPE: ClassVar[str] = "voice.moved"
    VERSION: ClassVar[int] = 1
    from_channel_id: ChannelId
    flags: Flags = Flags(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceLeft:
    """A member left voice (the envelope's `channel_id` is the one left).

    `outage`: found gone after the tracker was away.
    """

    TYPE: ClassVar[str] = "voice.left"
    VERSION: ClassVar[int] = 1
    reason: Literal["gateway", "outage"] = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFlagsChanged:
    """A member muted, deafened, streamed… or stopped to. `flags` is the whole new set."""

    TYPE: ClassVar[str] = "voice.flags_changed"
    VERSION: ClassVar[int] = 1
    flags: Flags = Flags(0)
