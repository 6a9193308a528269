"""One writer to a database; a second one is told who it is, and a dead one is not waited for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from store import lease
from store.engine import Database
from store.lease import STALE_MS, Process
from tests.store.support import START
from tracker.errors import HeldByAnotherProcessError, LeaseLostError
from tracker.ids import Ms


@pytest.fixture
def neighbour() -> Process:
    """A process of another machine."""
    return Process(host="elsewhere", machine="other boot", pid=4242, start="1")


def later(ms: int) -> Ms:
    return Ms(START + ms)


def test_a_second_process_is_told_the_host_the_pid_and_since_when(
    database: Database, open_again: Callable[[], Database], neighbour: Process
) -> None:
    lease.acquire(database, now=START, holder=neighbour)
    with pytest.raises(HeldByAnotherProcessError) as refused:
        lease.acquire(open_again(), now=later(STALE_MS))
    assert "process 4242 on elsewhere since 2026-02-25T06:13:20Z" in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_holder_without_a_heartbeat_for_thirty_seconds_has_lost_the_lease(
    database: Database, neighbour: Process
) -> None:
    old = lease.acquire(database, now=START, holder=neighbour)
    new = lease.acquire(database, now=later(STALE_MS + 1))
    assert {p: e - old.epochs[p] for p, e in new.epochs.items()} == dict.fromkeys(database.all_partitions, 1)
    with pytest.raises(LeaseLostError):
        lease.heartbeat(database, old, now=later(STALE_MS + 2))


def test_heartbeats_keep_the_lease(database: Database, neighbour: Process) -> None:
    held = lease.acquire(database, now=START, holder=neighbour)
    for beat in range(1, 9):
        lease.heartbeat(database, held, now=later(beat * 10_000))
    with pytest.raises(HeldByAnotherProcessError, match="since 2026-02-25T06:13:20Z"):
        lease.acquire(database, now=later(80_000 + STALE_MS))


def test_a_lease_that_was_given_back_is_free(database: Database, neighbour: Process) -> None:
    held = lease.acquire(database, now=START, holder=neighbour)
    lease.release(database, held)
    again = lease.acquire(database, now=later(1))
    lease.release(database, held)
    with pytest.raises(HeldByAnotherProcessError):
        lease.acquire(database, now=later(2), holder=neighbour)
    lease.heartbeat(database, again, now=later(3))


def test_a_holder_that_died_on_this_machine_is_not_waited_for(database: Database) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = replace(lease.this_process(), pid=child.pid, start="")
    lease.acquire(database, now=START, holder=holder)
    with pytest.raises(HeldByAnotherProcessError, match=f"process {child.pid} "):
        lease.acquire(database, now=later(1))
    child.kill()
    child.communicate()
    lease.acquire(database, now=later(2))


def test_a_killed_holder_that_nobody_has_buried_yet_is_dead_too(database: Database) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lease.acquire(database, now=START, holder=replace(lease.this_process(), pid=child.pid, start=""))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is left as it is
    lease.acquire(database, now=later(2))
    child.communicate()


def test_a_later_process_of_the_same_pid_is_not_taken_for_the_holder(database: Database) -> None:
    us = lease.this_process()
    if not us.start:
        pytest.skip("this system does not say when a process started")
    lease.acquire(database, now=START, holder=replace(us, start="1"))
    lease.acquire(database, now=later(1))


def test_a_live_holder_on_this_machine_is_respected_even_if_it_is_us(database: Database) -> None:
    lease.acquire(database, now=START)
    with pytest.raises(HeldByAnotherProcessError):
        lease.acquire(database, now=later(1))


def test_the_pid_of_another_machine_is_not_looked_for_on_this_one(database: Database) -> None:
    dead = replace(lease.this_process(), machine="before the reboot", pid=2**22 + 1)
    lease.acquire(database, now=START, holder=dead)
    with pytest.raises(HeldByAnotherProcessError):
        lease.acquire(database, now=later(1))
