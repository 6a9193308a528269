"""Holding the writer's lease for as long as a command writes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tracker.clock import SystemClock
from tracker.errors import TrackerError

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["holding"]

_BEAT_S: Final = 8.0


@contextmanager
def holding(database: Database) -> Iterator[Lease]:
    """The writer's lease, kept alive by a heartbeat on a thread of its own and given back at the end.

    Raises HeldByAnotherProcessError if a live process (a running bot, mostly) holds it.
    """
    from store import lease as leases

    clock = SystemClock()
    lease = leases.acquire(database, now=clock.now())
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_S):
            # A beat that fails is not the end: every append checks by itself that the lease is still ours.
            with contextlib.suppress(TrackerError):
                leases.heartbeat(database, lease, now=clock.now())

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        done.set()
        thread.join()
        leases.release(database, lease)
