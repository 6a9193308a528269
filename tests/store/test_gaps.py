"""Whoever reads the log's tail while others append misses nothing; without the row lock, this would show."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from store import appending, log
from store.appending import Appended, Entry, Epochs
from store.engine import Database
from tests.store.support import START, fact
from tracker.ids import Ms, Partition, Position

WRITERS, APPENDS = 8, 30


def home(db: Database) -> Partition:
    return log.partition_for(fact(), db.partitions)


class Tail:
    """A reader that goes on from the last position that it has seen."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.seen: list[int] = []

    def look(self) -> None:
        after = Position(self.seen[-1] if self.seen else 0)
        self.seen += [recorded.position for recorded in log.read(self.db, home(self.db), after)]

    def follow(self, done: threading.Event) -> None:
        while not done.is_set():
            self.look()
        self.look()


def test_eight_writers_leave_no_hole_and_a_tailing_reader_misses_nothing(database: Database) -> None:
    tail, done, start = Tail(database), threading.Event(), threading.Barrier(WRITERS + 1)

    def write(writer: int) -> int:
        start.wait()
        return sum(
            log.append(
                database, [fact(user=writer * 100 + n % 5) for _ in range(1 + n % 3)], recorded_at=START
            ).appended
            for n in range(APPENDS)
        )

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        following = pool.submit(tail.follow, done)
        writers = [pool.submit(write, n + 1) for n in range(WRITERS)]
        start.wait()
        appended = sum(w.result() for w in writers)
        done.set()
        following.result()
    assert tail.seen == list(range(1, appended + 1))
    assert log.check_contiguity(database) == appended


def test_writers_of_many_partitions_do_not_lock_each_other_out(database: Database) -> None:
    guilds = [n << 22 for n in range(16)]

    def write(writer: int) -> None:
        order = guilds if writer % 2 else guilds[::-1]
        for _ in range(10):
            log.append(database, [fact(guild=g, user=writer + 1) for g in order], recorded_at=START)

    with ThreadPoolExecutor(4) as pool:
        for writing in [pool.submit(write, n) for n in range(4)]:
            writing.result()
    assert log.check_contiguity(database) == 4 * 10 * 16


def test_two_appends_of_the_same_events_at_once_append_them_once(database: Database) -> None:
    start = threading.Barrier(4)
    batches = [[fact(event_id=f"same-{batch}-{n}") for n in range(5)] for batch in range(10)]

    def write() -> int:
        start.wait()
        return sum(log.append(database, batch, recorded_at=START).appended for batch in batches)

    with ThreadPoolExecutor(4) as pool:
        assert sum(w.result() for w in [pool.submit(write) for _ in range(4)]) == 50
    assert log.check_contiguity(database) == 50


class Sequence:
    """The planted bug: positions taken from a counter, as an identity column would give them, before the transaction.

    Whoever takes the first one waits until it is let go, so that the second one is committed first.
    """

    def __init__(self) -> None:
        self.taken = threading.Event()
        self.let_go = threading.Event()
        self._numbers = itertools.count(1)
        self._mine = threading.local()

    def append_new(self, db: Database, entries: list[Entry], recorded_at: Ms, epochs: Epochs | None) -> Appended:
        self._mine.number = next(self._numbers)
        if self._mine.number == 1:
            self.taken.set()
            assert self.let_go.wait(30)
        with db.write() as connection:
            return appending.in_transaction(connection, entries, recorded_at, epochs, db.subjects)

    def reserve(
        self, _connection: object, counts: Mapping[Partition, int], _epochs: object
    ) -> dict[Partition, Position]:
        return {partition: Position(self._mine.number - 1) for partition in counts}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Sequence:
    bug = Sequence()
    monkeypatch.setattr(log, "_append_new", bug.append_new)
    monkeypatch.setattr(appending, "reserve", bug.reserve)
    return bug


def test_the_planted_bug_is_found_without_the_row_lock_the_reader_misses_an_event(
    database: Database, planted: Sequence
) -> None:
    tail = Tail(database)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(log.append, database, [fact()], recorded_at=START)
        assert planted.taken.wait(30)
        log.append(database, [fact()], recorded_at=START)
        tail.look()
        planted.let_go.set()
        late.result()
    tail.look()
    assert tail.seen == [2], "position 1 was committed after 2 had been read: the reader never sees it"


def test_with_the_row_lock_the_second_writer_waits_for_the_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same order of things as in the planted bug, with the real reservation."""
    tail, order = Tail(database), list[str]()
    reserved, let_go = threading.Event(), threading.Event()
    real = appending.reserve

    def slow(connection: Any, counts: Mapping[Partition, int], epochs: Epochs | None) -> dict[Partition, Position]:
        before = real(connection, counts, epochs)
        reserved.set()
        assert let_go.wait(30)
        order.append(f"{before[home(database)]} goes on")
        return before

    monkeypatch.setattr(appending, "reserve", slow)
    monkeypatch.setattr(log, "_append_new", in_transaction)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(log.append, database, [fact()], recorded_at=START)
        assert reserved.wait(30)
        second = pool.submit(log.append, database, [fact()], recorded_at=START)
        tail.look()
        assert tail.seen == []
        let_go.set()
        assert [first.result().last, second.result().last] == [{home(database): 1}, {home(database): 2}]
    assert order == ["0 goes on", "1 goes on"]
    tail.look()
    assert tail.seen == [1, 2]


def in_transaction(db: Database, entries: list[Entry], recorded_at: Ms, epochs: Epochs | None) -> Appended:
    with db.write() as connection:
        return appending.in_transaction(connection, entries, recorded_at, epochs, db.subjects)
