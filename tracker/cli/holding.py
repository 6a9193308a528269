"""Holding the writer's lease for as long as a command writes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tracker.clock import SystemClock
from tracker.errors import HeldByAnotherProcessError, TrackerError

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["Hold", "beside_a_bot", "holding", "is_still_held"]

_BEAT_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Hold:
    """The writer's lease; or, beside a running bot, that bot's own. `bot`: its pid and host, else empty."""

    lease: Lease
    bot: str = ""


@contextmanager
def beside_a_bot(database: Database) -> Iterator[Hold]:
    """The writer's lease; beside a running bot, what it takes to append history, which the bot counts anew.

    Raises HeldByAnotherProcessError if it is a command that holds it.
    """
    from store import lease as leases

    with ExitStack() as stack:
        try:
            hold = Hold(stack.enter_context(holding(database)))
        except HeldByAnotherProcessError as error:
            theirs = leases.beside(database, now=SystemClock().now()) if error.is_bot else None
            if theirs is None:
                raise
            hold = Hold(theirs, error.who)
        yield hold


def is_still_held(database: Database, hold: Hold) -> bool:
    """Whether the bot that we are beside still runs. Raises DatabaseError."""
    from store import lease as leases

    now = leases.beside(database, now=SystemClock().now())
    return now is not None and now.token == hold.lease.token


@contextmanager
def holding(database: Database) -> Iterator[Lease]:
    """The writer's lease, kept alive by a heartbeat on a thread of its own and given back at the end.

    What writers that were killed left is removed first. Raises HeldByAnotherProcessError if a live process (a running
    bot, mostly) holds it.
    """
    from store import lease as leases
    from store import leftovers

    clock = SystemClock()
    lease = leases.acquire(database, now=clock.now(), command=True)
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_S):
            # A beat that fails is not the end: every append checks by itself that the lease is still ours.
            with contextlib.suppress(TrackerError):
                leases.heartbeat(database, lease, now=clock.now())

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        leftovers.sweep(database)
        yield lease
    finally:
        done.set()
        thread.join()
        leases.release(database, lease)
