"""Reading shadow tables back: what they hold, for the comparison with what was handed in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from store import pages_check
from store.engine import Database
from store.own_process import Spare
from store.planning import READ_ALONE
from store.shadow_hash import Fingerprint, fingerprints

__all__ = ["ReadBack"]

_THREADS: Final = 2


class ReadBack:
    """Reads tables as soon as it is told that all their rows are there, while others are still written.

    `by_pages`: SQLite's, out of the file's pages; by a `spare` process if there is one. `native`: PostgreSQL adds up
    its own hashes (`store.shadow_native`). Close it.
    """

    def __init__(self, db: Database, *, by_pages: bool, spare: Spare | None = None, native: bool = False) -> None:
        self._db = db
        self._native = native
        self._checker = pages_check.Checker(db, spare) if by_pages else None
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="check")
        self._asked: dict[str, Future[Fingerprint]] = {}

    def close(self) -> None:
        """Nothing more is to be read."""
        self._pool.shutdown(cancel_futures=True)
        if self._checker is not None:
            self._checker.close()

    def committed(self, names: Collection[str]) -> None:
        """All rows of these tables are committed: let the database sum them up, where it is not done by pages."""
        for name in names:
            if name not in self._asked and self._checker is None:
                self._asked[name] = self._pool.submit(self._by_the_database, name)

    def in_the_file(self, name: str) -> None:
        """All rows of this table are in the database's own file, too."""
        if self._checker is not None:
            self._checker.read(name)

    def fingerprints(self, names: Sequence[str]) -> dict[str, Fingerprint]:
        """What these tables hold, of which all rows are committed. To be asked once. Raises DatabaseError."""
        self.committed(names)
        found: dict[str, Fingerprint] = {}
        if self._checker is not None:
            found = pages_check.by_pages(self._db, names, self._checker)
            self._checker = None
        self.committed([name for name in names if name not in found])
        return found | {name: asked.result() for name, asked in self._asked.items()}

    def _by_the_database(self, name: str) -> Fingerprint:
        with self._db.read() as connection:
            if self._db.dialect == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL {READ_ALONE}")
            if self._native:
                from store.shadow_native import native_fingerprint

                return native_fingerprint(connection, name)
            return fingerprints(connection, live=False, names=[name])[name]
