"""The sending half of a socket, without a socket."""

from __future__ import annotations

import asyncio

import pytest

from tracker.sandbox.gateway.transport import Wire


class Slow(asyncio.Transport):
    """A transport whose other end reads `step` bytes each time that somebody looks."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step
        self.queued = 0
        self.looks = 0
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.queued += len(data)

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        self.queued = max(0, self.queued - self.step)
        return self.queued

    def is_closing(self) -> bool:
        return False


async def test_draining_waits_until_the_other_end_has_read() -> None:
    transport = Slow(step=1_000)
    wire = Wire(transport, None)
    wire.write([b"x" * 4_996])
    await wire.drain(above=1_500)
    assert (transport.queued, transport.looks) == (1_000, 4)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_says_its_length_as_rfc_6455_wants(size: int) -> None:
    transport = Slow(step=0)
    Wire(transport, None).write([b"x" * size])
    (frame,) = transport.written
    assert frame[0] == 0x81
    extra = {126: 2, 127: 8}.get(frame[1], 0)
    length = int.from_bytes(frame[2 : 2 + extra], "big") if extra else frame[1]
    assert (length, len(frame)) == (size, 2 + extra + size)
    assert (extra == 0, extra == 2) == (size < 126, 126 <= size < 65_536)


def test_what_is_held_comes_out_in_order() -> None:
    transport = Slow(step=0)
    wire = Wire(transport, None)
    wire.hold()
    wire.write([b"a"])
    wire.write([b"b", b"c"])
    assert transport.written == []
    wire.release()
    wire.write([b"d"])
    assert transport.written == [b"\x81\x01a\x81\x01b\x81\x01c", b"\x81\x01d"]
