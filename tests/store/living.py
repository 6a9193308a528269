"""A tracker's writer in a few lines: fold, append, flush; what the ingest does, without its buffer and its threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from store import log, state
from store.engine import Database
from store.lease import Lease
from store.state import FlushBatch
from tracker.events.envelope import Event
from tracker.events.ticks import tick
from tracker.ids import Ms, Partition, Position
from tracker.projections.rows import TABLES, Row
from tracker.projections.state import PartitionState

__all__ = ["Writer", "tables"]


@dataclass(slots=True)
class Writer:
    """Writes to `db` as a running tracker does. A new one of the same database is a restart."""

    db: Database
    lease: Lease | None = None
    states: dict[Partition, PartitionState] = field(default_factory=dict)
    heads: dict[Partition, Position] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = state.recover_all(self.db)
        self.heads = log.head(self.db)

    def write(self, events: Iterable[Event]) -> None:
        """Fold and append."""
        told = list(events)
        for event in told:
            self.states[log.partition_for(event, self.db.partitions)].apply(event)
        self.heads.update(log.append(self.db, told, recorded_at=Ms(1), lease=self.lease).last)

    def batches(self, as_of: int) -> list[FlushBatch]:
        """Tick every partition that has guilds, and take the deltas."""
        made = []
        for partition, folded in self.states.items():
            if folded.guilds:
                self.write([tick(partition, Ms(as_of))])
                changes = folded.drain()
                made.append(
                    FlushBatch(partition=partition, position=self.heads[partition], as_of=folded.as_of, changes=changes)
                )
        return made

    def flush(self, as_of: int) -> bool:
        """Tick, and write the read models."""
        return state.flush(self.db, self.batches(as_of), self.lease)


def tables(db: Database) -> dict[str, list[Row]]:
    """Every row of every read model (by key, plain tuples)."""
    with db.read() as connection:
        return {
            name: sorted(
                tuple(row)
                for row in connection.exec_driver_sql(f"SELECT {', '.join(table.columns)} FROM {name}")  # key first
            )
            for name, table in TABLES.items()
        }
