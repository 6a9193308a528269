"""Fingerprints of the shadow tables of a SQLite database, read out of its pages by another process."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from store.engine import Database
from store.own_process import Spare, command, ended
from store.shadow_hash import HALF, MODULI, SUFFIX, Fingerprint, text_cells, weighed
from store.wal import taken_in
from tracker.projections.rows import TABLES

if TYPE_CHECKING:  # numpy is not for a bot that only asks which guilds are marked
    from store.pages_worker import Asked, Sums

__all__ = ["Checker", "by_pages"]

_ROOT: Final = "SELECT rootpage, sql FROM sqlite_schema WHERE type = 'table' AND name = ?"


class Checker:
    """A process that reads shadow tables, each from the moment on when it is told that it may.

    It takes no lock: nobody but the rebuild that asks writes these tables, so that once all of a table's pages are in
    the database's own file, and nothing more is added, they stay as they are there. It takes half a second to come up,
    unless there is a `spare` one.
    """

    def __init__(self, db: Database, spare: Spare | None = None) -> None:
        self._db = db
        self._names: list[str] = []
        self._process = (None if spare is None else spare.take()) or subprocess.Popen(
            command("store.pages_worker"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, name: str) -> None:
        """All rows of this table's shadow are in the database's own file: let them be summed up."""
        with self._db.read() as connection:
            root, definition = connection.exec_driver_sql(_ROOT, (name + SUFFIX,)).one()
        if str(definition).rstrip().upper().endswith("WITHOUT ROWID"):
            table = TABLES[name]
            self._ask((name, (self._db.name, int(root), *weighed(table), text_cells(table), MODULI)))
        self._names.append(name)

    def _ask(self, asked: Asked) -> None:
        assert self._process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError):  # its end tells
            pickle.dump(asked, self._process.stdin)
            self._process.stdin.flush()

    @property
    def told(self) -> frozenset[str]:
        """The tables that it was told of."""
        return frozenset(self._names)

    def results(self) -> dict[str, Fingerprint]:
        """What was found in those tables; without those that cannot be read in this way. The process ends."""
        try:
            answer, _ = self._process.communicate()
        except BaseException:
            self.close()
            raise
        found: dict[str, Sums | None] = {}
        if self._process.returncode == 0:
            found = pickle.loads(answer)  # noqa: S301 - our own process wrote it
        return {
            name: Fingerprint(rows=sums[0], total=sums[1] + (sums[2] << HALF))
            for name, sums in found.items()
            if sums is not None
        }

    def close(self) -> None:
        """Nothing more is to be read."""
        ended(self._process)


def by_pages(db: Database, names: Collection[str], checker: Checker | None = None) -> dict[str, Fingerprint]:
    """The fingerprints of these shadow tables; without those that cannot be read in this way.

    `checker`: one that may have been told of some of them already; it ends.
    """
    reading = checker or Checker(db)
    try:
        left = [name for name in names if name not in reading.told]
        if left and taken_in(db):
            for name in left:
                reading.read(name)
        return reading.results()
    finally:
        reading.close()
