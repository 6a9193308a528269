"""The write-ahead log goes into the database beside the flushes, not within them."""

from __future__ import annotations

import threading

import pytest

from store.engine import Database
from tests.ingest.support import make_desk
from tracker.errors import DatabaseError
from tracker.ingest.tidying import Tidying


class Slow:
    """A database whose tidying lasts until it is let go."""

    def __init__(self) -> None:
        self.began, self.go, self.count = threading.Semaphore(0), threading.Semaphore(0), 0

    def tidy(self) -> None:
        self.count += 1
        self.began.release()
        assert self.go.acquire(timeout=300)


def test_one_goes_on_at_a_time_and_the_next_begins_after_a_pause() -> None:
    database, time = Slow(), [100.0]
    tidying = Tidying(database, pause_s=1.0, timer=lambda: time[0])  # type: ignore[arg-type]
    tidying.flushed([])
    assert database.began.acquire(timeout=300)
    time[0] = 200.0
    tidying.flushed([])  # the first one is not done
    database.go.release()
    tidying.close()
    assert database.count == 1
    database.go.release(5)
    tidying = Tidying(database, pause_s=1.0, timer=lambda: time[0])  # type: ignore[arg-type]
    for moment in (300.0, 300.5, 300.9, 301.0):
        time[0] = moment
        tidying.flushed([])
        if tidying._running is not None:
            tidying._running.result(10)
    tidying.close()
    assert database.count == 3, "at 300 and at 301"


def test_a_database_that_cannot_be_tidied_is_used_as_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def away(db: Database) -> None:
        tried.append(db.name)
        raise DatabaseError("full")

    monkeypatch.setattr(Database, "tidy", away)
    tidying = Tidying(database, pause_s=0.0)
    for _ in range(2):
        tidying.flushed([])
        assert tidying._running is not None
        assert tidying._running.exception(10) is None
    tidying.close()
    assert tried == [database.name] * 2


async def test_what_flushes_wrote_is_in_the_database_itself(database: Database) -> None:
    tidying = Tidying(database, pause_s=0.0)
    desk = make_desk(database, commit_ms=0)
    desk.ingest.flushed.add(tidying.flushed)
    desk.ingest.start()
    desk.message(1 << 22)
    assert await desk.ingest.flush()
    assert await desk.ingest.close(10)
    tidying.close()
    desk.check()
