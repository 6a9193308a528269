"""The read models with their checkpoint: written in one transaction, read back after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, update

from store import arrays, bulk, loading, log, schema, standings, subjects
from store.appending import Epochs
from store.deliveries import NewDelivery, enqueue_in
from store.engine import Database
from store.lease import Lease
from store.subjects import Member
from tracker.errors import LeaseLostError
from tracker.ids import GuildId, Ms, Partition, Position
from tracker.projections.load import LOADED_TABLES, load_rows
from tracker.projections.rows import TABLES, Changes, Row
from tracker.projections.state import PartitionState

__all__ = [
    "Checkpoint", "FlushBatch", "checkpoints", "checkpoints_in", "flush", "load", "move_checkpoints", "put_checkpoint",
    "recover", "recover_all", "write_changes",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The read models of a partition are true up to `position`, at the instant `as_of`."""

    position: Position
    as_of: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushBatch:
    """The deltas of one partition up to `position` (that of its tick) and the tick's `as_of`.

    `recounted`: guilds whose rows are replaced as a whole in the same transaction (`store.recounting`); no delta here
    is about them.
    """

    partition: Partition
    position: Position
    as_of: Ms
    changes: Changes
    recounted: frozenset[GuildId] = frozenset()


def flush(
    db: Database,
    batches: Sequence[FlushBatch],
    lease: Lease | None = None,
    *,
    owed: Sequence[NewDelivery] = (),
    also: Callable[[Connection], None] | None = None,
) -> bool:
    """Writes all batches, their checkpoints and the posts `owed`, in one transaction.

    `also` does more within it, after the batches are written, and while nobody else can append to their partitions. A
    batch whose position the checkpoint has reached already was committed by an earlier try whose answer was lost: it is
    passed over. False: all were. Raises DatabaseError, LeaseLostError.
    """
    epochs = None if lease is None else lease.epochs
    pending = list(batches)
    while pending and not _flushed(db, pending, epochs, owed, also):
        reached = checkpoints(db)
        late = [b for b in pending if b.position > reached[b.partition].position]
        if len(late) == len(pending):
            raise LeaseLostError("another process has taken over the writer's lease; this one must stop writing")
        pending = late
    return bool(pending)


def _flushed(
    db: Database,
    batches: list[FlushBatch],
    epochs: Epochs | None,
    owed: Sequence[NewDelivery],
    also: Callable[[Connection], None] | None,
) -> bool:
    """Writes the batches if every one of their checkpoints is behind them; nothing otherwise."""
    in_one = db.dialect == "postgresql" and not any(b.changes.forgotten for b in batches)
    if in_one and not owed and also is None and not any(b.changes.standing for b in batches):
        with db.autocommit() as connection:
            return _flushed_in_one_statement(connection, batches, epochs)
    changes = {b.partition: b.changes for b in batches}
    forgotten: list[Member] = []
    with db.write() as connection:
        before = standings.remember(connection, changes)
        if in_one:
            moved = _flushed_in_one_statement(connection, batches, epochs)
        else:
            moves = [(b.partition, b.position, b.as_of) for b in batches]
            moved = move_checkpoints(connection, moves, epochs) == len(batches)
            if moved:
                forgotten = write_changes(connection, changes)
        if not moved:
            connection.rollback()
            return False
        announcements = standings.derive(connection, changes, {b.partition: b.as_of for b in batches}, before)
        enqueue_in(connection, db.partitions, [*owed, *announcements])
        if also is not None:
            also(connection)
    db.subjects.drop(forgotten)
    return True


# `fit` holds those of the partitions that are still in our epoch and behind; unless all of them are, nothing is done.
_MOVE_IF_ALL_FIT: Final = """
held AS MATERIALIZED (SELECT partition, epoch FROM log_head ORDER BY partition FOR SHARE),
fit AS MATERIALIZED (
  SELECT m.*
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS m (partition, position, as_of, epoch)
  JOIN held USING (partition) JOIN checkpoints c USING (partition)
  WHERE c.position < m.position AND (m.epoch IS NULL OR m.epoch = held.epoch) FOR UPDATE OF c
), moved AS (
  UPDATE checkpoints c SET position = fit.position, as_of = fit.as_of FROM fit
  WHERE c.partition = fit.partition AND (SELECT count(*) FROM fit) = {0} RETURNING c.partition
)"""


def _flushed_in_one_statement(connection: Connection, batches: list[FlushBatch], epochs: Epochs | None) -> bool:
    """PostgreSQL: the whole flush in one round trip; each table is a part of the one statement."""
    changes = {b.partition: b.changes for b in batches}
    condition = f"(SELECT count(*) FROM fit) = {len(batches)}"  # noqa: S608
    moves = [(b.partition, b.position, b.as_of, None if epochs is None else epochs[b.partition]) for b in batches]
    texts = [_MOVE_IF_ALL_FIT.format(len(batches))]
    arguments: list[Any] = [arrays.whole(column) for column in zip(*moves, strict=True)]
    for name, table in TABLES.items():
        for kind, build, rows in (
            ("gone", bulk.delete_keys_as_part, [(p, *k) for p, c in changes.items() for k in c.expired.get(name, ())]),
            ("kept", bulk.upsert_as_part, [(p, *r) for p, c in changes.items() for r in c.rows.get(name, ())]),
        ):
            if rows:
                text, values = build(table, rows, condition)
                texts.append(f"{name}_{kind} AS ({text})")
                arguments += values
    statement = f"WITH {', '.join(texts)} SELECT count(*) FROM moved"  # noqa: S608
    return bool(connection.exec_driver_sql(statement, tuple(arguments)).scalar_one() == len(batches))


def move_checkpoints(connection: Connection, to: Sequence[tuple[int, int, int]], epochs: Epochs | None) -> int:
    """Moves checkpoints on to (partition, position, as_of); returns how many were behind that and in our epoch.

    Keeps others from taking over the lease until the transaction ends.
    """
    rows = [(*move, None if epochs is None else epochs[Partition(move[0])]) for move in to]
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(
            "UPDATE checkpoints SET position = ?2, as_of = ?3 WHERE partition = ?1 AND position < ?2 AND "
            "(?4 IS NULL OR EXISTS (SELECT 1 FROM log_head h WHERE h.partition = ?1 AND h.epoch = ?4))",
            rows,
        ).rowcount
    return connection.exec_driver_sql(
        "WITH held AS MATERIALIZED (SELECT partition, epoch FROM log_head ORDER BY partition FOR SHARE) "
        "UPDATE checkpoints c SET position = m.position, as_of = m.as_of "
        "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS m (partition, position, as_of, epoch) "
        "JOIN held USING (partition) WHERE c.partition = m.partition AND c.position < m.position "
        "AND (m.epoch IS NULL OR m.epoch = held.epoch)",
        tuple(map(arrays.whole, zip(*rows, strict=True))),
    ).rowcount


def write_changes(connection: Connection, changes: Mapping[Partition, Changes]) -> list[Member]:
    """Writes the deltas of all partitions, one statement a table; returns the members who were forgotten."""
    members: list[Member] = [(p, g, u) for p, c in changes.items() for g, u in c.forgotten]
    if members:
        bulk.delete_members(connection, members)
        subjects.forget(connection, members)
    for name, table in TABLES.items():
        bulk.delete_keys(connection, table, _gathered(changes, lambda c, name=name: c.expired.get(name, ())))  # type: ignore[misc]
    for name, table in TABLES.items():
        bulk.upsert(connection, table, _gathered(changes, lambda c, name=name: c.rows.get(name, ())))  # type: ignore[misc]
    return members


def _gathered(changes: Mapping[Partition, Changes], rows_of: Callable[[Changes], Iterable[Row]]) -> list[Row]:
    return [(partition, *row) for partition, change in changes.items() for row in rows_of(change)]


def checkpoints(db: Database) -> dict[Partition, Checkpoint]:
    """How far the read models of each partition have come; position 0: nothing was ever written."""
    with db.read() as connection:
        return checkpoints_in(connection)


def checkpoints_in(connection: Connection) -> dict[Partition, Checkpoint]:
    """`checkpoints`, within a transaction that reads more than them."""
    rows = connection.exec_driver_sql("SELECT partition, position, as_of FROM checkpoints").all()
    return {Partition(p): Checkpoint(position=Position(n), as_of=Ms(at)) for p, n, at in rows}


def put_checkpoint(connection: Connection, partition: Partition, checkpoint: Checkpoint) -> None:
    """Says that the partition's tables, as this transaction leaves them, are true at `checkpoint`."""
    moved = {"position": checkpoint.position, "as_of": checkpoint.as_of}
    connection.execute(update(schema.checkpoints).where(schema.checkpoints.c.partition == partition).values(moved))


def load(db: Database, partition: Partition) -> tuple[PartitionState, Position]:
    """The fold state as of the partition's checkpoint, out of the tables, and the checkpoint's position."""
    state = PartitionState(partition=partition)
    with db.read() as connection:
        checkpoint = checkpoints_in(connection)[partition]
        state.as_of = checkpoint.as_of
        if checkpoint.position:
            for name in LOADED_TABLES:
                load_rows(state, name, loading.rows_to_load(connection, partition, checkpoint.as_of, name))
    return state, checkpoint.position


def recover(db: Database, partition: Partition) -> tuple[PartitionState, Position]:
    """The fold state as of the log's end, and the last position: the checkpoint's state with the log's tail folded in.

    The tail's deltas are left in the state, for the next flush to write. Raises DatabaseError, LogCorruptError.
    """
    state, position = load(db, partition)
    for recorded in log.read(db, partition, position):
        state.apply(recorded.event)
        position = recorded.position
    return state, position


def recover_all(db: Database) -> dict[Partition, PartitionState]:
    """`recover` for every partition; one in which nothing ever happened costs nothing."""
    heads = log.head(db)
    return {
        partition: recover(db, partition)[0] if heads[partition] else PartitionState(partition=partition)
        for partition in db.all_partitions
    }
