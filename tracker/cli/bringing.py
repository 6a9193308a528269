"""Bringing events into the log, and the read models up to it: alone, or beside the running bot."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from store import log, rebuild
from store import state as states
from tracker.cli.appending import losses
from tracker.cli.progress import bar
from tracker.clock import SystemClock
from tracker.errors import DatabaseError
from tracker.events.envelope import Event
from tracker.events.ticks import TrackerTicked, tick
from tracker.ids import EventId, GuildId, Ms, partition_of

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["Brought", "append_beside", "bring_in"]

_MANY: Final = 100_000
_PART: Final = 8
"""After so many new events, if they are an eighth of the log and more, not their guilds alone are counted anew."""

_BESIDE: Final = 500
"""How many events are appended at once beside a running bot, which waits for the database meanwhile."""


@dataclass(slots=True)
class Brought:
    """How many events were new, how many were there already, and whose read models were (or will be) made anew.

    `ticks`: how many were passed over because the running bot keeps the time.
    """

    new: int = 0
    there: int = 0
    ticks: int = 0
    guilds: set[GuildId] = field(default_factory=set)

    def add(self, batch: list[Event], result: log.AppendResult) -> None:
        """A batch was appended."""
        there: set[EventId] = {duplicate.id for duplicate in result.duplicates}
        self.new += result.appended
        self.there += len(batch) - result.appended
        self.guilds |= {e.guild_id for e in batch if e.guild_id and e.id not in there}


def bring_in(db: Database, lease: Lease, batches: Iterable[list[Event]], named: Collection[GuildId]) -> Brought:
    """Append the batches; then rebuild the guilds that got any, or all after very many. `named`: of whom they speak.

    What it does can be done again after a crash at any point: ids that are there are passed over, and guilds whose
    history changed are marked along with it. Raises DatabaseError, LeaseLostError, LogCorruptError.
    """
    done, clock, seen_until = Brought(), SystemClock(), 0
    _note_unwatched(db, lease, named)
    with _saying_what_is_kept(done):
        for batch in batches:
            done.add(batch, rebuild.append_history(db, batch, recorded_at=clock.now(), newest={}, lease=lease))
            seen_until = max(seen_until, *(e.occurred_at for e in batch if isinstance(e.data, TrackerTicked)), 0)
    _tick(db, lease, done.guilds, Ms(seen_until))
    done.guilds |= rebuild.marked(db)
    if done.guilds:
        guilds = None if _is_most(db, done.new) else done.guilds
        with bar("Counting anew", None, rate="events") as counted:
            rebuild.rebuild(db, guilds=guilds, progress=counted, lease=lease)
    return done


def _is_most(db: Database, new: int) -> bool:
    """Whether to count everybody anew: compiled, that takes a small part of the time an event, and holds no rows."""
    return new >= _MANY and new * _PART >= sum(log.head(db).values())


def append_beside(
    db: Database, bots: Lease, batches: Iterable[list[Event]], *, rest: Callable[[float], None] = time.sleep
) -> Brought:
    """Append the batches beside the running bot, whose lease is `bots`, and leave the counting to it.

    The bot does not fold what another process appends, and its checkpoint passes over it; so each guild is marked in
    the very transaction that appends. Ticks are its own: those of the files are passed over. In between it `rest`s as
    long as the appending took: the bot gets at the database. Raises DatabaseError, LeaseLostError when that bot is no
    longer the writer.
    """
    done, clock = Brought(), SystemClock()
    with _saying_what_is_kept(done):
        for batch in batches:
            events = [event for event in batch if not isinstance(event.data, TrackerTicked)]
            done.ticks += len(batch) - len(events)
            for first in range(0, len(events), _BESIDE):
                part, begun = events[first : first + _BESIDE], time.monotonic()
                done.add(part, rebuild.append_history(db, part, recorded_at=clock.now(), newest={}, lease=bots))
                rest(min(time.monotonic() - begun, 1.0))
    return done


@contextmanager
def _saying_what_is_kept(done: Brought) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise DatabaseError(
            f"{error}; {done.new:,} events are in the log: import again once that is mended, nothing is counted twice"
        ) from None


def _note_unwatched(db: Database, lease: Lease, named: Collection[GuildId]) -> None:
    """Time goes on to the files' newest event; members in voice in *other* guilds, unwatched, must get none of it."""
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
