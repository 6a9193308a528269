"""When the ingest is full, nothing more is read; when there is room again, nothing was dropped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.discord.wire import Wire
from tracker.discord.gate import Gate


class Script:
    """A transport that gives numbered payloads without ever suspending, then fails."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.closed: list[int] = []

    async def receive_json(self) -> Any:
        if not self.left:
            raise ConnectionResetError
        self.left -= 1
        return {"op": 0}

    async def send_json(self, data: Any) -> None:
        pass

    async def send_close(self, *, code: int, message: bytes) -> None:
        self.closed.append(code)


async def test_a_full_ingest_stops_the_reader_and_nothing_is_dropped(wire: Wire) -> None:
    await wire.start()
    await wire.settle()
    wire.intake.shut()
    before = len(wire.intake.of("message.sent"))
    sent = [wire.world.send_message(wire.ana, wire.text, str(n)) for n in range(300)]
    await wire.intake.until(before + 1, "message.sent")  # the payload that was awaited already when the door closed
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(wire.intake.of("message.sent")) <= before + 2
    assert len([t for t in asyncio.all_tasks() if "handler" in t.get_name()]) == 0
    wire.intake.reopen()
    await wire.intake.until(before + 300, "message.sent")
    assert [e.id for e in wire.intake.of("message.sent")[before:]] == [f"message:{m.id}" for m in sent]


async def test_what_a_resume_replays_is_held_back_too(wire: Wire) -> None:
    await wire.start()
    await wire.settle()
    before = len(wire.intake.of("message.sent"))
    wire.intake.shut()
    wire.sandbox.faults.cut_sockets()
    for n in range(300):
        wire.world.send_message(wire.ana, wire.text, str(n))
    await wire.intake.until(before + 1, "message.sent")
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(wire.intake.of("message.sent")) <= before + 2
    wire.intake.reopen()
    await wire.intake.until(before + 300, "message.sent")
    assert wire.sandbox.counters.resumes == 1


async def test_a_wait_that_outlasts_the_connection_loses_nothing(wire: Wire) -> None:
    await wire.start()
    await wire.settle()
    before = len(wire.intake.of("message.sent"))
    wire.intake.shut()
    sent = [wire.world.send_message(wire.ana, wire.text, str(n)) for n in range(50)]
    await wire.intake.until(before + 1, "message.sent")
    wire.sandbox.faults.cut_sockets()
    wire.intake.reopen()
    await wire.intake.until(before + 50, "message.sent")
    assert [e.id for e in wire.intake.of("message.sent")[before:]] == [f"message:{m.id}" for m in sent]


async def test_a_burst_lets_other_tasks_have_their_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def room() -> None:
        return None

    task = asyncio.create_task(other())
    gate = Gate(Script(1000), room, lambda: None)
    for _ in range(1000):
        await gate.receive_json()
    task.cancel()
    assert turns >= 1000 // 32


async def test_the_end_of_reading_is_noticed_however_it_ends() -> None:
    silences: list[str] = []

    async def room() -> None:
        return None

    gate = Gate(Script(0), room, lambda: silences.append("read"))
    with pytest.raises(ConnectionResetError):
        await gate.receive_json()
    script = Script(1)
    await Gate(script, room, lambda: silences.append("closed")).send_close(code=3000, message=b"")
    assert silences == ["read", "closed"]
    assert script.closed == [3000]
