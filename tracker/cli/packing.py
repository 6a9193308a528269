"""After a big import: old events into full files at once, as a running bot would by and by."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from store import archive_unasked
from store.archive_segment import STEP
from store.shrinking import shrink
from tracker.cli.frame import say
from tracker.cli.progress import bar
from tracker.clock import SystemClock
from tracker.errors import DatabaseError, TrackerError
from tracker.ids import Ms

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["pack"]


def pack(db: Database, lease: Lease, new: int, after_days: int | Literal["auto"] | None, *, size: int = STEP) -> None:
    """Archive what goes unasked, if so many `new` events are worth it: as many as a file holds, that is `size`.

    `after_days`: as of the configuration. What cannot be archived is said and left to the bot: the import is done.
    """
    if new < size:
        return
    now = SystemClock().now()
    try:
        age = archive_unasked.age(db, after_days)
        if age is None:
            return
        with bar("Archiving", new) as moved:
            done = archive_unasked.seal(db, Ms(now - age), now=now, lease=lease, size=size, progress=moved)
        if done.files:
            say(f"{done.events:,} events are in {done.files:,} compressed files in {done.place} ({_mb(done.bytes)})")
            with suppress(DatabaseError):  # somebody reads: the server uses the room for new events
                shrink(db)
    except TrackerError as error:
        say(f"old events are not archived now, the bot will try again: {error}")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
