"""A gateway session: what it asked for, what it was sent, and what it can still be sent again."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracker.sandbox.gateway.transport import Wire
from tracker.sandbox.intents import Intent, needed_for

__all__ = ["STAMP", "Dispatch", "Session"]

STAMP = b"<monotonic-nanosec>"
"""Nineteen bytes in a prepared body that become the sender's `time.monotonic_ns()` (zero-padded) when it goes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """An event that is already encoded."""

    name: str
    data: bytes
    """The body in JSON. `STAMP` in it is replaced at sending."""

    guild_id: int | None = None
    """None goes to shard 0."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One identify's worth of gateway. It outlives its connection, and is fed while it has none."""

    intents: Intent
    shard: tuple[int, int]
    large_threshold: int
    buffer: deque[bytes]
    """The last payloads, whole; the newest has number `seq`."""

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    seq: int = 0
    wire: Wire | None = None
    """The connection's sending half; None while there is no connection."""

    expiry: asyncio.TimerHandle | None = None

    def wants(self, name: str, guild_id: int | None, *, about_bot: bool = False) -> bool:
        """Whether this session is told an event of that name about that guild."""
        index, count = self.shard
        if (0 if guild_id is None else (guild_id >> 22) % count) != index:
            return False
        needed = needed_for(name, in_guild=guild_id is not None)
        return needed in self.intents or (about_bot and Intent.GUILDS in self.intents)

    def dispatch(self, name: str, data: bytes) -> None:
        """Send one event, and keep it for a resume."""
        self.seq += 1
        payload = b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name.encode(), self.seq, data)
        self.buffer.append(payload)
        if self.wire is not None:
            self.wire.write([payload])

    def dispatch_many(self, dispatches: Sequence[Dispatch]) -> None:
        """Send many events in one write. The caller has checked that the session wants them."""
        stamp, seq = b"%019d" % time.monotonic_ns(), self.seq
        payloads = []
        for dispatch in dispatches:
            seq += 1
            data = dispatch.data.replace(STAMP, stamp)
            payloads.append(b'{"t":"%b","s":%d,"op":0,"d":%b}' % (dispatch.name.encode(), seq, data))
        self.seq = seq
        self.buffer.extend(payloads)
        if self.wire is not None:
            self.wire.write(payloads)

    def missed(self, seq: int) -> list[bytes] | None:
        """What was dispatched after number `seq`; None if some of it is no longer kept."""
        count = self.seq - seq
        if count > len(self.buffer):
            return None
        return list(self.buffer)[len(self.buffer) - count :]
