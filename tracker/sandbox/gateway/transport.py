"""Compression and WebSocket frames of one gateway connection.

Frames are written by hand straight onto the transport: it is what lets dispatching be a plain call that never waits,
and one process push tens of thousands of events a second through one socket.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["COMPRESSIONS", "Wire", "packer_for"]

Packer = Callable[[bytes], bytes]

_TEXT, _BINARY = 0x81, 0x82
COMPRESSIONS = ("zlib-stream", "zstd-stream")
"""The transport compressions of https://discord.com/developers/docs/events/gateway#transport-compression."""


def packer_for(compression: str) -> Packer:
    """A function that compresses one payload after another as one stream, each flushed to a boundary."""
    if compression == "zlib-stream":
        deflate = zlib.compressobj(1)

        def pack_zlib(payload: bytes) -> bytes:
            return deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)

        return pack_zlib
    compressor = zstd.ZstdCompressor(level=1)

    def pack_zstd(payload: bytes) -> bytes:
        return compressor.compress(payload, zstd.ZstdCompressor.FLUSH_BLOCK)

    return pack_zstd


class Wire:
    """The sending half of one WebSocket. `held` collects payloads while the gateway is paused."""

    def __init__(self, transport: asyncio.Transport, pack: Packer | None) -> None:
        self.transport = transport
        self.pack = pack
        self.held: list[bytes] | None = None

    def hold(self) -> None:
        """Send nothing from now on, until `release`."""
        if self.held is None:
            self.held = []

    def release(self) -> None:
        """Send what was held, in order, and go on."""
        held, self.held = self.held, None
        self.write(held or [])

    def write(self, payloads: list[bytes]) -> None:
        """Queue payloads (whole JSON texts), a frame each, in one write. Never waits."""
        if self.held is not None:
            self.held.extend(payloads)
            return
        if not payloads or self.transport.is_closing():
            return
        pack, frames = self.pack, []
        opcode = _TEXT if pack is None else _BINARY
        for payload in payloads:
            data = payload if pack is None else pack(payload)
            frames.append(_header(opcode, len(data)))
            frames.append(data)
        self.transport.write(b"".join(frames))

    async def drain(self, *, above: int = 1 << 20) -> None:
        """Wait while more than `above` bytes are queued and the connection is there."""
        # aiohttp keeps the protocol's pause and resume callbacks to itself, so the buffer is looked at instead.
        while not self.transport.is_closing() and self.transport.get_write_buffer_size() > above:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def _header(opcode: int, size: int) -> bytes:
    """RFC 6455 §5.2, final fragment, unmasked."""
    if size < 126:
        return bytes((opcode, size))
    if size < 65_536:
        return bytes((opcode, 126, size >> 8, size & 0xFF))
    return bytes((opcode, 127)) + size.to_bytes(8, "big")
