"""Making the read models anew from the log. (Whether they say what the log says: `store.comparing`.)

A rebuild folds each guild's events in canonical order, (occurred_at, position), so that history which was added later
counts as if it had come live. Ticks belong to no guild; time comes to the partition's `as_of` once, at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from store import appending, log, standings, state
from store.asof import Progress
from store.comparing import Difference, verify
from store.engine import Database
from store.lease import Lease
from store.planning import measure
from store.schema import READ_MODELS, rebuild_marks
from store.state import Checkpoint
from tracker.events.envelope import Event
from tracker.events.ticks import TrackerTicked
from tracker.ids import GuildId, Ms, Partition, Position, partition_of
from tracker.projections.state import PartitionState

__all__ = ["Difference", "Progress", "append_history", "mark_for_rebuild", "marked", "rebuild", "unmark", "verify"]

_STEP: Final = 1_000


def append_history(
    db: Database, events: Sequence[Event], *, recorded_at: Ms, newest: dict[GuildId, Ms], lease: Lease | None = None
) -> log.AppendResult:
    """Appends events that may be older than what is there, beside a running bot too.

    The guilds of those that are new are marked in the same transaction, also where they are newer than all that is
    there: a bot that runs beside it does not fold what another process appends, and moves its checkpoint past it. A
    mark and its events are never apart, so whoever holds the log's lock and has counted all that is in it may take the
    mark away (see `store.recounting`).

    `newest`: what `log.newest` said before the first append; kept up to date here. Raises DatabaseError,
    LeaseLostError.
    """
    for event in events:
        newest[event.guild_id] = max(newest.get(event.guild_id, event.occurred_at), event.occurred_at)
    newest.pop(GuildId(0), None)
    return log.append(db, events, recorded_at=recorded_at, lease=lease, mark=True)


def unmark(db: Database, guilds: set[GuildId]) -> None:
    """Nothing of these guilds is to be counted anew after all: their history was there already."""
    if guilds:
        with db.write() as connection:
            connection.execute(delete(rebuild_marks).where(rebuild_marks.c.guild_id.in_(guilds)))


def mark_for_rebuild(db: Database, guilds: Iterable[GuildId]) -> None:
    """Notes that the read models of these guilds are not true before a rebuild."""
    missing = set(guilds) - marked(db)
    if missing:
        rows = [{"partition": partition_of(g, db.partitions), "guild_id": g} for g in sorted(missing)]
        with db.write() as connection:
            connection.execute(insert(rebuild_marks), rows)


def marked(db: Database) -> set[GuildId]:
    """The guilds whose read models await a rebuild."""
    with db.read() as connection:
        return {GuildId(g) for g in connection.execute(select(rebuild_marks.c.guild_id)).scalars()}


def rebuild(
    db: Database,
    *,
    guilds: Collection[GuildId] | None = None,
    progress: Progress | None = None,
    lease: Lease | None = None,
) -> None:
    """Replaces the read models of `guilds` (None: all) by what the log says, one transaction a partition.

    The other guilds of those partitions are brought up to the log's end as well. Nobody may append meanwhile: hold the
    lease. `progress` is told of the events folded. Raises DatabaseError, LeaseLostError, LogCorruptError.
    """
    wanted = None if guilds is None else frozenset(guilds)
    if wanted is None:
        concerned = [p for p, position in log.head(db).items() if position]
    else:
        concerned = sorted({partition_of(g, db.partitions) for g in wanted})
    for partition in concerned:
        _rebuild_partition(db, partition, wanted, _Counter(progress), lease)
    if concerned:
        measure(db, [table.name for table in READ_MODELS.values()])


def _rebuild_partition(
    db: Database, partition: Partition, wanted: frozenset[GuildId] | None, counter: _Counter, lease: Lease | None
) -> None:
    head = log.head(db)[partition]
    before = state.checkpoints(db)[partition]
    others = PartitionState(partition=partition)
    if wanted is not None:
        others = _recovered_without(db, partition, wanted)
    fresh = _replayed(db, partition, head, wanted, counter)
    parts = (others, fresh)
    # The tables can hold one instant a partition, so it is the newest of all that its guilds have seen.
    newest = (guild.last_at for part in parts for guild in part.guilds.values())
    as_of = max(before.as_of, *(part.as_of for part in parts), *newest)
    changes = []
    for part in parts:
        _advance(part, as_of)
        changes.append(part.drain())
    with db.write() as connection:
        appending.lock(connection, [partition], None if lease is None else lease.epochs)
        _clear(connection, partition, wanted)
        for change in changes:
            state.write_changes(connection, {partition: change})
        for change in changes:
            standings.derive_all(connection, partition, change.standing, as_of)
        state.put_checkpoint(connection, partition, Checkpoint(position=head, as_of=Ms(as_of)))
    db.subjects.drop((partition, g, u) for change in changes for g, u in change.forgotten)


def _recovered_without(db: Database, partition: Partition, wanted: frozenset[GuildId]) -> PartitionState:
    """The partition's state at the end of the log as if it had no `wanted` guilds."""
    recovered, position = state.load(db, partition)
    for guild in wanted:
        recovered.guilds.pop(guild, None)
    for recorded in log.read(db, partition, position):
        if recorded.event.guild_id not in wanted:
            recovered.apply(recorded.event)
    return recovered


def _replayed(
    db: Database, partition: Partition, upto: Position, wanted: Collection[GuildId] | None, counter: _Counter
) -> PartitionState:
    """Guilds folded from the beginning; `as_of` is that of the last tick, to which nothing has been advanced yet."""
    fresh = PartitionState(partition=partition)
    for recorded in log.read_canonical(db, partition, upto=upto, guilds=wanted):
        event = recorded.event
        if isinstance(event.data, TrackerTicked):
            fresh.as_of = max(fresh.as_of, event.data.as_of)
        else:
            fresh.apply(event)
        counter.count()
    counter.done()
    return fresh


def _advance(part: PartitionState, as_of: int) -> None:
    for guild in part.guilds.values():
        guild.advance(as_of)
    part.as_of = Ms(as_of)


def _clear(connection: Connection, partition: Partition, wanted: frozenset[GuildId] | None) -> None:
    for table in (*READ_MODELS.values(), rebuild_marks):
        doomed = delete(table).where(table.c.partition == partition)
        connection.execute(doomed if wanted is None else doomed.where(table.c.guild_id.in_(sorted(wanted))))


class _Counter:
    """Tells `progress` of events in steps."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._pending = 0

    def count(self) -> None:
        self._pending += 1
        if self._pending >= _STEP:
            self.done()

    def done(self) -> None:
        if self._progress is not None and self._pending:
            self._progress(self._pending)
        self._pending = 0
