"""Bringing a file of events into the log, and the read models up to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final

from store import log, rebuild
from store import state as states
from tracker.cli.appending import losses
from tracker.cli.intake import events_in
from tracker.cli.progress import bar
from tracker.clock import SystemClock
from tracker.errors import DatabaseError, EventFormatError
from tracker.events.envelope import Event
from tracker.events.ticks import TrackerTicked, tick
from tracker.ids import GuildId, Ms, partition_of

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["Brought", "bring_in"]

_BATCH: Final = 2_000


@dataclass(slots=True)
class Brought:
    """How many events were new, how many were there already, and whose read models were made anew."""

    new: int = 0
    there: int = 0
    guilds: set[GuildId] = field(default_factory=set)


def bring_in(
    db: Database,
    lease: Lease,
    file: BinaryIO,
    size: int,
    named: Collection[GuildId],
    refused: Callable[[EventFormatError], None],
) -> Brought:
    """Append the file's good lines; then rebuild the guilds that got any. `named`: the guilds that the file speaks of.

    What it does can be done again after a crash at any point: ids that are there are passed over, and guilds whose
    history changed are marked before it does. Raises DatabaseError, LeaseLostError, LogCorruptError.
    """
    done = Brought()
    clock = SystemClock()
    _note_unwatched(db, lease, named)
    waiting = rebuild.marked(db)
    rebuild.mark_for_rebuild(db, named)  # before the first event: cut off anywhere, it is known what to count anew
    newest = log.newest(db)
    seen_until = 0
    with bar("Importing", size, size=True) as moved, _saying_what_is_kept(done):
        for batch in _batches(events_in(file, moved, refused)):
            result = rebuild.append_history(db, batch, recorded_at=clock.now(), newest=newest, lease=lease)
            there = {duplicate.id for duplicate in result.duplicates}
            done.new += result.appended
            done.there += len(batch) - result.appended
            done.guilds |= {e.guild_id for e in batch if e.guild_id and e.id not in there}
            seen_until = max(seen_until, *(e.occurred_at for e in batch if isinstance(e.data, TrackerTicked)), 0)
    _tick(db, lease, done.guilds, Ms(seen_until))
    rebuild.unmark(db, set(named) - done.guilds - waiting)
    done.guilds |= rebuild.marked(db)
    if done.guilds:
        with bar("Counting anew", None) as counted:
            rebuild.rebuild(db, guilds=done.guilds, progress=counted, lease=lease)
    return done


@contextmanager
def _saying_what_is_kept(done: Brought) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise DatabaseError(
            f"{error}; {done.new:,} events of the file are in the log: import it again once that is mended, "
            "nothing is counted twice"
        ) from None


def _note_unwatched(db: Database, lease: Lease, named: Collection[GuildId]) -> None:
    """Time goes on to the file's newest event; members in voice in *other* guilds, unwatched, must get none of it."""
    for partition in db.all_partitions:
        state, _ = states.recover(db, partition)
        unwatched = [
            event for event in losses(state) if event.guild_id not in named and state.guilds[event.guild_id].voice.open
        ]
        if unwatched:
            log.append(db, unwatched, recorded_at=SystemClock().now(), lease=lease)


def _tick(db: Database, lease: Lease, guilds: Collection[GuildId], seen_until: Ms) -> None:
    """Where the file comes from may have had other partitions: its last tick (0: it has none) is for all its guilds."""
    if seen_until:
        ticks = [tick(p, seen_until) for p in sorted({partition_of(guild, db.partitions) for guild in guilds})]
        log.append(db, ticks, recorded_at=SystemClock().now(), lease=lease)


def _batches(events: Iterable[Event]) -> Iterator[list[Event]]:
    rest = iter(events)
    while batch := list(islice(rest, _BATCH)):
        yield batch
