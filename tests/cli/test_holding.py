"""A command that writes holds the lease, keeps it alive, and gives it back whatever happens."""

from __future__ import annotations

import threading

import pytest

from store import lease as leases
from store.engine import Database
from tracker.cli import holding as module
from tracker.cli.holding import holding
from tracker.clock import SystemClock
from tracker.errors import DatabaseError, HeldByAnotherProcessError

ELSEWHERE = leases.Process(host="elsewhere", machine="another", pid=4321, start="")


def test_nobody_else_writes_meanwhile_and_anybody_may_afterwards(database: Database) -> None:
    with holding(database), pytest.raises(HeldByAnotherProcessError):
        leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)
    leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)


def test_the_lease_is_given_back_after_an_error(database: Database) -> None:
    with pytest.raises(RuntimeError, match="stop"), holding(database):
        raise RuntimeError("stop")
    leases.acquire(database, now=SystemClock().now(), holder=ELSEWHERE)


def test_it_goes_on_beating_though_the_database_is_away_for_a_beat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats, third = [0], threading.Event()

    def beat(*_: object, **__: object) -> None:
        beats[0] += 1
        if beats[0] == 3:
            third.set()
        raise DatabaseError("away")

    monkeypatch.setattr(module, "_BEAT_S", 0.001)
    monkeypatch.setattr(leases, "heartbeat", beat)
    with holding(database):
        assert third.wait(30)
