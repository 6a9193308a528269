"""Shadow tables: a rebuild fills copies of the read models beside the live ones, and then swaps them in at once.

    with Shadow.create(db, partitions) as shadow:
        shadow.add("daily", partition, columns, fresh=True)   # as often as needed, in any order
        shadow.settle()                                       # now and then: nothing more comes of these guilds
        shadow.finish()
        shadow.check()
        with db.write() as connection:
            shadow.swap(connection)                           # and the checkpoint, in the same transaction

Until the swap commits nobody sees anything of it: a process that is killed anywhere leaves the live tables as they
were, and shadow tables that `sweep` drops. What is handed in waits (`Spool`) until it is settled, and reaches the
database in the order of the keys, each row once: if guilds come in ascending order, SQLite then only ever appends to
its trees, and PostgreSQL has its rows side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from store import shadow_tables
from store.engine import Database
from store.failures import as_ours, explained
from store.own_process import Spare
from store.shadow_hash import Fingerprint, fingerprints
from store.shadow_places import hold_live_tables
from store.shadow_reading import ReadBack
from store.shadow_tables import SHADOWS, sweep
from tracker.errors import DatabaseError
from tracker.ids import GuildId, Partition
from tracker.projections.rows import TABLES

if TYPE_CHECKING:
    import numpy as np

    from store.shadow_rows import Sorted
    from store.shadow_spool import Spool
    from store.shadow_writers import Writer

__all__ = ["Fingerprint", "Shadow", "fingerprints", "sweep"]

_THREADS: Final = 2

_WORTH: Final = 12 << 20
"""PostgreSQL: so many bytes of rows are worth statements of their own, one a table: at the end of each we wait for the
server and it then for us, while both cores are busy with other things. (Half of what a spool takes into memory.)
"""


class Shadow:
    """The shadow tables of one rebuild. Only who holds the writer's lease may make one. Used by one thread at a time.

    `folder`: where there is room for what is put down meanwhile; None: the system's place.
    """

    def __init__(
        self,
        db: Database,
        partitions: Collection[Partition],
        spool: Spool,
        *,
        folder: Path | None,
        bulk: bool,
        spare: Spare | None,
    ) -> None:
        self.folder = folder
        self._db = db
        self._partitions = frozenset(partitions)
        self._spool = spool
        self._open = ExitStack()
        self._writer: Writer | None = None
        self._bulk = bulk
        self._replaced = False
        self._spare = spare
        self._reading: ReadBack | None = None
        self._finishing: ThreadPoolExecutor | None = None
        self._completed: list[Future[None]] = []

    @classmethod
    def create(
        cls, db: Database, partitions: Collection[Partition], *, bulk: bool = False, spare: Spare | None = None
    ) -> Shadow:
        """Makes the empty tables; what a killed rebuild left is dropped first. Raises DatabaseError.

        `bulk`: very many rows are to come, in the order of partitions and guilds; what numba compiles then writes and
        reads SQLite's pages, and makes what PostgreSQL is sent. `spare`: a process that may read them.
        """
        from store.shadow_spool import Spool

        sweep(db)
        with db.write() as connection:
            shadow_tables.make(connection)

        def native() -> bool:
            if not bulk or db.dialect == "sqlite":
                return False
            from store.shadow_native import makes_the_same

            return makes_the_same(db)

        folder = Path(db.name).absolute().parent if db.dialect == "sqlite" else None
        spool = Spool(folder, compiled=bulk, native=native)
        return cls(db, partitions, spool, folder=folder, bulk=bulk, spare=spare)

    def __enter__(self) -> Shadow:
        return self

    def __exit__(self, kind: type[BaseException] | None, failed: BaseException | None, trace: Any) -> None:
        if self._reading is not None:
            self._reading.close()
        try:
            self._open.__exit__(kind, failed, trace)
            self.drop()
        except DatabaseError:  # what went wrong before says more; the next sweep drops the rest
            if failed is None:
                raise
            self._spool.close()

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

    def add_sorted(self, partition: Partition, made: Sorted) -> None:
        """Takes rows that are matrices already, with `partition` in them; otherwise as `add`, of rows not fresh."""
        if partition not in self._partitions:
            raise ValueError(f"partition {partition} is none of the rebuild's ({sorted(self._partitions)})")
        self._spool.add_sorted(made)

    def settle(self) -> None:
        """Writes what was added: nothing more comes of the same keys. On PostgreSQL a little may wait for more of it.

        Raises DatabaseError; ValueError if a row that was said to be fresh was not.
        """
        self._settle(_WORTH if self._bulk and self._db.dialect == "postgresql" else 0)

    def _settle(self, worth: int, *, last: bool = False) -> None:
        with explained(self._db.name), as_ours():
            if self._writer is None:
                self._writer = self._open.enter_context(self._opened())
            self._write(self._writer, self._writer.flowing)
            if last:
                self._writer.end()
            if self._spool.waiting < worth:
                return
            self._write(self._writer, SHADOWS)
        self._spool.clear()

    def _write(self, writer: Writer, names: Iterable[str]) -> None:
        for name in names:
            if self._spool.has(name):
                writer.write(name, SHADOWS[name], self._spool)

    def _opened(self) -> AbstractContextManager[Writer]:
        from store import shadow_writers as ways

        if self._db.dialect == "postgresql":
            return ways.copying(self._db, self._committed, compiled=self._bulk)
        return ways.paging(self._db, self._in_the_file) if self._bulk else ways.inserting(self._db)

    def finish(self) -> None:
        """Writes the rest, and gives the tables keys, indexes and statistics. Raises as `settle`.

        Very many rows are read back meanwhile: of each table as soon as all of them are there. The statistics of their
        tables are made last of all (`drop`).
        """
        if self._bulk:
            self._reading = self._read_back()
        with ThreadPoolExecutor(_THREADS) as pool:
            self._finishing = pool
            try:
                self._settle(0, last=True)
                self._open.close()
            finally:
                self._finishing = None
            self._spool.close()
            for made in self._completed:
                made.result()

    def _committed(self, names: Collection[str]) -> None:
        """PostgreSQL: all rows of these tables are committed."""
        if self._finishing is not None:
            biggest_first = [name for name in self._biggest_first() if name in names]
            if self._reading is not None:
                self._reading.committed(biggest_first)
            self._completed += [self._finishing.submit(self._complete, name) for name in biggest_first]

    def _read_back(self) -> ReadBack:
        by_pages = self._bulk and self._db.dialect == "sqlite"
        return ReadBack(self._db, by_pages=by_pages, spare=self._spare, native=self._spool.native)

    def _in_the_file(self, name: str) -> None:
        if self._reading is not None:
            self._reading.in_the_file(name)

    def _complete(self, name: str) -> None:
        with self._db.write() as connection:
            shadow_tables.complete(connection, name, measured=not self._bulk)

    def _biggest_first(self) -> list[str]:
        sums = self.handed_in
        return sorted(TABLES, key=lambda name: -sums[name].rows)

    @property
    def handed_in(self) -> dict[str, Fingerprint]:
        """The fingerprint of what was added; after `finish`, that of the rows which upserts make of it.

        Of many rows, of the kind that this database is best at: to be compared with `fingerprints` only.
        """
        return self._spool.handed_in

    def fingerprints(self) -> dict[str, Fingerprint]:
        """What the shadow tables hold, read back by the database. Raises DatabaseError."""

        reading, self._reading = self._reading or self._read_back(), None
        with closing(reading):
            found = reading.fingerprints(self._biggest_first())
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

    def swap(self, connection: Connection) -> bool:
        """Within the caller's transaction: the live tables hold, of the rebuild's partitions, what was added.

        If those are all of the database's, the tables themselves change places, which takes an instant. On PostgreSQL
        that waits some seconds at most for those who use them just then: let it be the transaction's first statement,
        because a flush has its tables before it asks for `log_head`. Otherwise, and where somebody has made views of
        the live tables, their rows are replaced. Returns whether the tables changed places, and brought the planner's
        statistics along. Raises DatabaseError.
        """
        if self._partitions != set(self._db.all_partitions) or shadow_tables.others_build_on_them(connection):
            shadow_tables.replace_partitions(connection, self._partitions)
            return False
        if connection.dialect.name == "postgresql":
            hold_live_tables(connection, self._db.name)
        self._replaced = self._bulk and connection.dialect.name == "postgresql"
        shadow_tables.take_places(connection, big=self._replaced)
        return True

    def swap_guilds(self, connection: Connection, guilds: Collection[GuildId]) -> None:
        """Within the caller's transaction: the live tables hold, of these guilds only, what was added."""
        shadow_tables.replace_guilds(connection, guilds, self._db.partitions)

    def drop(self) -> None:
        """Drops what is left of the shadow tables, and what was added. Raises DatabaseError.

        Of very many rows, those that were there before are dropped by PostgreSQL while we go on; and before that, the
        new ones measured.
        """
        self._spool.close()
        if self._replaced:
            shadow_tables.drop_behind(self._db)
        sweep(self._db, but_old=self._replaced)
