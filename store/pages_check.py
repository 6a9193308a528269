"""Fingerprints of the shadow tables of a SQLite database, read out of its pages."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from store.engine import Database
from store.schema import TEXT_COLUMNS
from store.shadow_hash import HALF, MODULI, SUFFIX, Fingerprint, weighed
from tracker.projections.rows import TABLES

if TYPE_CHECKING:  # numpy is not for a bot that only asks which guilds are marked
    from store.pages_worker import Asked, Sums

__all__ = ["NUMERIC", "Reader", "by_pages", "end", "start"]

Reader = subprocess.Popen[bytes]

NUMERIC = frozenset(name for name, table in TABLES.items() if TEXT_COLUMNS.isdisjoint(table.columns))
"""The read models without texts."""


def start() -> Reader:
    """A process that will read, on its way: it takes half a second to come up."""
    command = [sys.executable, "-m", "store.pages_worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def end(reader: Reader) -> None:
    """Nothing is to be read."""
    reader.kill()
    reader.communicate()


def by_pages(db: Database, names: Collection[str], reader: Reader | None = None) -> dict[str, Fingerprint]:
    """The fingerprints of these shadow tables, which must be NUMERIC. Empty if they cannot be read in this way."""
    asked = {name + SUFFIX: weighed(TABLES[name]) for name in names}
    found = _apart(reader or start(), db.name, asked)
    return {
        name: Fingerprint(rows=rows, total=low + (high << HALF))
        for name in names
        for rows, low, high in ([found[name + SUFFIX]] if found else [])
    }


def _apart(reader: Reader, path: str, asked: Asked) -> dict[str, Sums] | None:
    try:
        answer, _ = reader.communicate(pickle.dumps((path, asked, MODULI)))
    except BaseException:
        end(reader)
        raise
    found: dict[str, Sums] | None = None
    if reader.returncode == 0:
        found = pickle.loads(answer)  # noqa: S301 - our own process wrote it
    return found
