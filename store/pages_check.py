"""Fingerprints of the shadow tables of a SQLite database, read out of its pages."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Collection

from store.engine import Database
from store.pages_worker import Asked
from store.schema import TEXT_COLUMNS
from store.shadow_hash import HALF, MODULI, SUFFIX, Fingerprint, weighed
from tracker.projections.rows import TABLES

__all__ = ["NUMERIC", "by_pages"]

NUMERIC = frozenset(name for name, table in TABLES.items() if TEXT_COLUMNS.isdisjoint(table.columns))
"""The read models without texts."""


def by_pages(db: Database, names: Collection[str]) -> dict[str, Fingerprint]:
    """The fingerprints of these shadow tables, which must be NUMERIC. Empty if they cannot be read in this way."""
    found = _apart(db.name, {name + SUFFIX: weighed(TABLES[name]) for name in names})
    return {
        name: Fingerprint(rows=rows, total=low + (high << HALF))
        for name in names
        for rows, low, high in ([found[name + SUFFIX]] if found else [])
    }


def _apart(path: str, asked: Asked) -> dict[str, tuple[int, int, int]] | None:
    command = [sys.executable, "-m", "store.pages_worker"]
    done = subprocess.run(command, input=pickle.dumps((path, asked, MODULI)), stdout=subprocess.PIPE, check=False)
    found: dict[str, tuple[int, int, int]] | None = None
    if done.returncode == 0:
        found = pickle.loads(done.stdout)  # noqa: S301 - our own process wrote it
    return found
