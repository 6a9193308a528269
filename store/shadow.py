"""Shadow tables: a rebuild fills copies of the read models beside the live ones, and then swaps them in at once.

    with Shadow.create(db, partitions) as shadow:
        shadow.add("daily", partition, columns, fresh=True)   # as often as needed, in any order
        shadow.finish()
        shadow.check()
        with db.write() as connection:
            shadow.swap(connection)                           # and the checkpoint, in the same transaction

Until the swap commits nobody sees anything of it: a process that is killed anywhere leaves the live tables as they
were, and shadow tables that `sweep` drops. What is handed in waits in sorted runs on disk (`Spool`) and reaches the
database in the order of the keys, each row once: SQLite then only ever appends to its trees, PostgreSQL has its rows
side by side.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from store import shadow_tables
from store.engine import Database
from store.failures import explained
from store.planning import measure
from store.shadow_hash import Fingerprint, fingerprints
from store.shadow_places import hold_live_tables
from store.shadow_tables import SHADOWS, sweep
from tracker.errors import DatabaseError
from tracker.ids import GuildId, Partition
from tracker.projections.rows import TABLES

if TYPE_CHECKING:
    import numpy as np

    from store.shadow_spool import Spool

__all__ = ["Fingerprint", "Shadow", "fingerprints", "sweep"]

_THREADS: Final = 2


class Shadow:
    """The shadow tables of one rebuild. Only who holds the writer's lease may make one. Used from one thread."""

    def __init__(self, db: Database, partitions: Collection[Partition], spool: Spool) -> None:
        self._db = db
        self._partitions = frozenset(partitions)
        self._spool = spool

    @classmethod
    def create(cls, db: Database, partitions: Collection[Partition]) -> Shadow:
        """Makes the empty tables; what a killed rebuild left is dropped first. Raises DatabaseError."""
        from store.shadow_spool import Spool

        sweep(db)
        with db.write() as connection:
            shadow_tables.make(connection)
        return cls(db, partitions, Spool(Path(db.name).absolute().parent if db.dialect == "sqlite" else None))

    def __enter__(self) -> Shadow:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        try:
            self.drop()
        except DatabaseError:  # what went wrong before says more; the next sweep drops the rest
            if failed is None:
                raise

    def add(
        self,
        name: str,
        partition: Partition,
        columns: Sequence[np.ndarray | Sequence[Any]],
        nulls: Mapping[str, np.ndarray] | None = None,
        *,
        fresh: bool,
    ) -> None:
        """Takes rows of table `name` as columns, in the order of TABLES[name].columns and any order of rows.

        A column is an array of int64, or a list in which None is null; text columns are lists. `nulls`: by column,
        where it is null. `fresh`: no row of these keys was added before; otherwise rows are added, enlarged, set or
        filled in as their Table says. Raises ValueError for columns that do not fit, or of another partition.
        """
        if partition not in self._partitions:
            raise ValueError(f"partition {partition} is none of the rebuild's ({sorted(self._partitions)})")
        self._spool.add(name, partition, columns, nulls or {}, fresh=fresh)

    def restart(self, partition: Partition, guilds: Collection[int]) -> None:
        """What was added of these guilds so far counts for nothing. Once a partition at most: raises ValueError."""
        self._spool.restart(partition, guilds)

    def finish(self) -> None:
        """Writes all that was added, with keys, indexes and statistics.

        Raises DatabaseError; ValueError if a row that was said to be fresh was not.
        """
        if self._db.dialect == "sqlite":
            self._insert()
        else:
            self._copy()
        self._spool.close()

    def _insert(self) -> None:
        from store.shadow_copy import insert_sorted

        with _own_connection(self._db) as driver:
            for name, shadow in SHADOWS.items():
                insert_sorted(driver, name, shadow, self._spool)

    def _copy(self) -> None:
        """A table's key is made on a connection of its own, while the next table's rows are on their way."""
        from store.shadow_copy import copy_binary

        def complete(name: str) -> None:
            with self._db.write() as connection:
                shadow_tables.complete(connection, name)

        with ThreadPoolExecutor(1) as beside:
            completed = []
            for name in self._biggest_first():
                with self._db.write() as connection, _as_ours():
                    connection.exec_driver_sql(f"TRUNCATE {SHADOWS[name]}")
                    cursor: Any = connection.connection.cursor()
                    copy_binary(cursor, name, SHADOWS[name], self._spool)
                completed.append(beside.submit(complete, name))
            for one in completed:
                one.result()
        measure(self._db, SHADOWS.values())

    def _biggest_first(self) -> list[str]:
        sums = self.handed_in
        return sorted(TABLES, key=lambda name: -sums[name].rows)

    @property
    def handed_in(self) -> dict[str, Fingerprint]:
        """The fingerprint of what was added; after `finish`, that of the rows which upserts make of it."""
        return self._spool.handed_in

    def fingerprints(self) -> dict[str, Fingerprint]:
        """What the shadow tables hold, read back by the database. Raises DatabaseError."""

        def one(name: str) -> Fingerprint:
            with self._db.read() as connection:
                return fingerprints(connection, live=False, names=[name])[name]

        names = self._biggest_first()
        with ThreadPoolExecutor(_THREADS) as pool:
            found = dict(zip(names, pool.map(one, names), strict=True))
        return {name: found[name] for name in TABLES}

    def check(self) -> None:
        """Raises DatabaseError if the shadow tables do not hold what was handed in."""
        found, wanted = self.fingerprints(), self.handed_in
        for name in TABLES:
            if found[name] != wanted[name]:
                raise DatabaseError(
                    f"database {self._db.name}: table {name} was rebuilt with {wanted[name].rows:,} rows and holds "
                    f"{found[name].rows:,} rows that are not the same; the old tables are as they were: check the disk "
                    "and the memory of this machine, then try again"
                )

    def swap(self, connection: Connection) -> None:
        """Within the caller's transaction: the live tables hold, of the rebuild's partitions, what was added.

        If those are all of the database's, the tables themselves change places, which takes an instant. On PostgreSQL
        that waits some seconds at most for those who use them just then: let it be the transaction's first statement,
        because a flush has its tables before it asks for `log_head`. Otherwise, and where somebody has made views of
        the live tables, their rows are replaced. Raises DatabaseError.
        """
        if self._partitions != set(self._db.all_partitions) or shadow_tables.others_build_on_them(connection):
            shadow_tables.replace_partitions(connection, self._partitions)
            return
        if connection.dialect.name == "postgresql":
            hold_live_tables(connection, self._db.name)
        shadow_tables.take_places(connection)

    def swap_guilds(self, connection: Connection, guilds: Collection[GuildId]) -> None:
        """Within the caller's transaction: the live tables hold, of these guilds only, what was added."""
        shadow_tables.replace_guilds(connection, guilds, self._db.partitions)

    def drop(self) -> None:
        """Drops what is left of the shadow tables, and what was added. Raises DatabaseError."""
        self._spool.close()
        sweep(self._db)


@contextmanager
def _own_connection(db: Database) -> Iterator[sqlite3.Connection]:
    """A connection of the driver's that does not wait for the disk at each commit: the swap's commit does, for all.

    The write-ahead log is still made durable before it is taken into the database, so that nobody else's commit is at
    risk. Raises DatabaseError.
    """
    with explained(db.name), _as_ours():
        kept = db.engine.raw_connection()
        driver: Any = kept.driver_connection
        kept.detach()
        try:
            driver.execute("PRAGMA synchronous = NORMAL")
            yield driver
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            kept.close()


@contextmanager
def _as_ours() -> Iterator[None]:
    """What the driver itself raises within, raised as SQLAlchemy would."""
    import psycopg

    try:
        yield
    except (sqlite3.Error, psycopg.Error) as error:
        raise DBAPIError(None, None, error) from error
