"""Fills an empty database with a made-up community's history: `python scripts/simulate.py sqlite:///big.db --days 10`.

Events are appended and folded as a live tracker would have done it, only faster: the read models are written every
`--flush-events` events instead of every minute (which gives the same rows), and the log ends where `--events` says.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

if not __package__:  # run as a file, Python looks beside it only
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import store.lease
import store.log
import store.state
from scripts.community import Plan, history
from store.engine import Database, open_database
from store.lease import Lease
from store.state import FlushBatch
from tracker.clock import SystemClock
from tracker.errors import ConfigError, TrackerError
from tracker.events.envelope import Event
from tracker.events.ticks import tick
from tracker.ids import Ms, Partition, Position
from tracker.projections.state import PartitionState

__all__ = ["Written", "fill", "main", "write"]

_APPEND = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many events were appended, how many of them are in the read models, and the seconds it took."""

    events: int
    folded: int
    seconds: float


def write(
    db: Database,
    plan: Plan,
    *,
    events: int | None = None,
    unfolded: int = 0,
    flush_events: int = 50_000,
    progress: Callable[[int], None] = lambda count: None,
) -> Written:
    """Append the plan's history and fold it: `fill` with the history's events."""
    source = history(replace(plan, partitions=db.partitions))
    return fill(db, source, events=events, unfolded=unfolded, flush_events=flush_events, progress=progress)


def fill(
    db: Database,
    source: Iterator[Event],
    *,
    events: int | None = None,
    unfolded: int = 0,
    flush_events: int = 50_000,
    progress: Callable[[int], None] = lambda count: None,
) -> Written:
    """Append the source's events, at most `events` of them (None: all), and fold them into the read models.

    `unfolded`: how many of the `events` stay in the log only, as if the process had been killed before a flush.
    Raises ConfigError if the database holds events already, DatabaseError, HeldByAnotherProcessError.
    """
    if any(store.log.head(db).values()):
        raise ConfigError(f"database {db.name} holds events already; give one that is not there yet")
    if unfolded and events is None:
        raise ConfigError("how many events stay unfolded can be said only if it is said how many there are")
    started = time.perf_counter()
    edge = None if events is None else max(events - unfolded, 0)
    lease = store.lease.acquire(db, now=SystemClock().now())
    try:
        filler, done = _Filler(db, lease), 0
        for batch in _batches(source, events, edge):
            if edge is None or done < edge:
                filler.fold(batch)
            filler.append(batch)
            done += len(batch)
            if filler.since_flush >= flush_events or done == edge:
                filler.flush()
            progress(done)
        if not unfolded:
            filler.flush()
    finally:
        store.lease.release(db, lease)
    return Written(events=filler.appended, folded=filler.folded, seconds=time.perf_counter() - started)


def _batches(source: Iterator[Event], goal: int | None, edge: int | None) -> Iterator[list[Event]]:
    """The first `goal` events in appends; one append ends exactly after `edge` events."""
    done = 0
    while goal is None or done < goal:
        sizes = [_APPEND] + [stop - done for stop in (goal, edge) if stop is not None and stop > done]
        batch = list(islice(source, min(sizes)))
        if not batch:
            return
        done += len(batch)
        yield batch


class _Filler:
    """One writer of every partition."""

    def __init__(self, db: Database, lease: Lease) -> None:
        self._db = db
        self._lease = lease
        self._states = {p: PartitionState(partition=p) for p in db.all_partitions}
        self._heads: dict[Partition, Position] = {}
        self.appended = self.folded = self.since_flush = 0

    def fold(self, events: Sequence[Event]) -> None:
        for event in events:
            self._states[store.log.partition_for(event, self._db.partitions)].apply(event)
        self.folded += len(events)
        self.since_flush += len(events)

    def append(self, events: Sequence[Event]) -> None:
        result = store.log.append(self._db, events, recorded_at=events[-1].occurred_at, lease=self._lease)
        self._heads.update(result.last)
        self.appended += result.appended

    def flush(self) -> None:
        """Write the read models of every partition that has guilds, as of a tick right after its newest event."""
        if not self.since_flush:
            return
        ticks = []
        for partition, state in self._states.items():
            if state.guilds:
                newest = max(guild.last_at for guild in state.guilds.values())
                ticks.append(tick(partition, Ms(max(newest, state.as_of + 1))))
        self.fold(ticks)
        self.append(ticks)
        batches = [
            FlushBatch(partition=p, position=self._heads[p], as_of=state.as_of, changes=state.drain())
            for p, state in self._states.items()
            if state.guilds
        ]
        store.state.flush(self._db, batches, self._lease)
        self.since_flush = 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", help="sqlite:///file.db, a path, or postgresql://…; made if it is not there")
    for name, default, text in (
        ("guilds", 10, "how many guilds"),
        ("members", 300, "members in each guild"),
        ("days", 10, "days of history"),
        ("seed", 1, "the same seed gives the same history"),
        ("tick-s", 60, "seconds between the history's ticks"),
        ("unfolded", 0, "events at the end that the read models lack, as after a kill"),
        ("flush-events", 50_000, "events between two writes of the read models"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default {default})")
    parser.add_argument("--events", type=int, metavar="N", help="stop after so many events (default: all of them)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    given = _arguments().parse_args(arguments)
    plan = Plan(guilds=given.guilds, members=given.members, days=given.days, seed=given.seed, tick_s=given.tick_s)

    def show(count: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{count:,} events", end="", file=sys.stderr)

    try:
        db = open_database(given.database)
        try:
            written = write(
                db, plan, events=given.events, unfolded=given.unfolded, flush_events=given.flush_events, progress=show
            )
        finally:
            db.close()
    except TrackerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    rate = written.events / written.seconds
    print(f"{written.events:,} events ({written.folded:,} folded) in {written.seconds:.1f} s, {rate:,.0f} a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
