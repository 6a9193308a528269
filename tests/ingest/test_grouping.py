"""How events are grouped into commits: what is being written already counts for no other group."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

import store.log
from store.engine import Database
from tests.ingest.support import make_desk
from tracker.events.envelope import Event


async def test_events_that_come_during_a_commit_wait_until_they_are_a_group_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, sizes = store.log.append, []
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: Database, events: Sequence[Event], **options: Any) -> Any:
        sizes.append(len(events))
        begun.set()
        assert go_on.wait(20)
        return plain(db, events, **options)

    monkeypatch.setattr(store.log, "append", slow)
    desk = make_desk(database, commit_ms=60_000, commit_events=4)
    desk.ingest.start()
    for message in range(1, 5):
        desk.message(message)
    assert await asyncio.to_thread(begun.wait, 20)
    for message in range(5, 8):
        desk.message(message)
    go_on.set()
    async with asyncio.timeout(300):
        while desk.ingest.waiting > 3:
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        await desk.ingest.write(lambda: None)  # whatever was handed to the writer before this is done now
        assert sizes == [4]
        desk.message(8)
        while desk.ingest.waiting:
            await asyncio.sleep(0)
    assert sizes == [4, 4]
    await desk.ingest.close(10)


async def test_a_commit_by_size_leaves_no_earlier_deadline_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines = []
    loop = asyncio.get_running_loop()
    plain = loop.call_later

    def noted(delay: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        handle = plain(delay, *arguments, **options)
        if delay == 60:
            deadlines.append(handle)
        return handle

    monkeypatch.setattr(loop, "call_later", noted)
    desk = make_desk(database, commit_ms=60_000, commit_events=2)
    desk.ingest.start()
    for message in (1, 2):
        desk.message(message)
    async with asyncio.timeout(300):
        while desk.ingest.waiting:
            await asyncio.sleep(0)
    desk.message(3)
    assert [handle.cancelled() for handle in deadlines] == [True, False]
    await desk.ingest.close(10)
