"""Opening a database: SQLite (a file) or PostgreSQL, with one way to write and one way to read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from store import migrate
from store.archive_ids import ArchivedIds
from store.failures import explained
from store.subjects import Subjects
from tracker.errors import ConfigError, DatabaseError
from tracker.ids import Partition

__all__ = ["BUSY_MS", "Database", "open_database"]

BUSY_MS: Final = 5_000
"""How long a SQLite connection waits for another one's lock before it says that the database is locked."""

_MOST_WAL_PAGES: Final = 16_384
"""64 MiB of SQLite's write-ahead log: a commit that makes it longer takes it into the database itself."""

_DEFAULT_PARTITIONS: Final = {"sqlite": 1, "postgresql": 16}
_MAX_PARTITIONS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database. `name` is the address without a password; `partitions` was fixed when it was made.

    `engine` writes (each transaction takes SQLite's write lock at once), `reader` reads beside it without waiting.
    """

    name: str
    dialect: Literal["sqlite", "postgresql"]
    partitions: int
    engine: Engine
    reader: Engine
    subjects: Subjects = field(default_factory=Subjects)
    archived: ArchivedIds = field(default_factory=ArchivedIds)
    _reading: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    @property
    def all_partitions(self) -> tuple[Partition, ...]:
        """0 to P - 1."""
        return tuple(Partition(p) for p in range(self.partitions))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed at the end, rolled back on an error. Raises DatabaseError."""
        with explained(self.name), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A PostgreSQL connection on which each statement is a transaction, in one round trip. Raises DatabaseError."""
        with explained(self.name), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads one consistent state and never waits for the writer. Raises DatabaseError.

        Within a `moment` of this thread, it is that one's.
        """
        known: Connection | None = getattr(self._reading, "connection", None)
        if known is not None:
            yield known
            return
        with explained(self.name), self.reader.connect() as connection:
            yield connection

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Everything that this thread reads within is of one state, whatever is written meanwhile."""
        before: Connection | None = getattr(self._reading, "connection", None)
        with self.read() as connection:
            self._reading.connection = connection
            try:
                yield
            finally:
                self._reading.connection = before

    def tidy(self) -> bool:
        """Take SQLite's write-ahead log into the database, as far as nobody reads behind it. Waits for no writer.

        Returns whether all that was committed before is in the database's own file then. Commits leave that to whoever
        has time: a flush changes thousands of pages here and there, and writing them to their places takes longer than
        the flush itself. Raises DatabaseError.
        """
        if self.dialect != "sqlite":
            return True
        with explained(self.name):
            connection = self.engine.raw_connection()  # within a transaction it would be refused
            try:
                cursor = connection.cursor()
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
                busy, pages, taken = cursor.fetchall()[0]
                cursor.close()
            except sqlite3.Error as error:
                raise DatabaseError(f"database {self.name} could not be tidied: {error}") from error
            finally:
                connection.close()
        return not busy and pages == taken

    def close(self) -> None:
        """Closes every connection; the database can be opened again."""
        self.engine.dispose()
        self.reader.dispose()


def open_database(url: str, *, partitions: int | None = None, create: bool = True, busy_ms: int = BUSY_MS) -> Database:
    """Opens the database at `url` and brings its schema up to date.

    `url`: `sqlite:///file.db`, a bare path (SQLite) or `postgresql://…`. `partitions`: how many to make a new database
    with (None: 1 on SQLite, 16 on PostgreSQL); an existing one keeps what it has. `create`: False refuses a database
    that is not there yet. Raises ConfigError, DatabaseNotOursError, DatabaseTooNewError, DatabaseError.
    """
    address = _address(url)
    dialect: Literal["sqlite", "postgresql"] = "sqlite" if address.drivername == "sqlite" else "postgresql"
    wanted = _DEFAULT_PARTITIONS[dialect] if partitions is None else partitions
    if not 1 <= wanted <= _MAX_PARTITIONS:
        raise ConfigError(f"partitions must be 1 to {_MAX_PARTITIONS}, not {wanted}")
    name = address.render_as_string(hide_password=True)
    if dialect == "sqlite":
        name = str(address.database)
        _check_path(Path(name), create=create)
        engine, reader = _sqlite(address, busy_ms, writes=True), _sqlite(address, busy_ms, writes=False)
    else:
        engine, reader = _postgresql(address)
    try:
        with explained(name):
            found = migrate.up(engine, reader, name, partitions=wanted, create=create)
    except BaseException:
        engine.dispose()
        reader.dispose()
        raise
    return Database(name=name, dialect=dialect, partitions=found, engine=engine, reader=reader)


def _address(url: str) -> URL:
    if not url.strip():
        raise ConfigError("the database's address is empty; give sqlite:///tracker.db or postgresql://user@host/name")
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "the database's address cannot be read; give sqlite:///tracker.db or postgresql://…"
        ) from None
    if address.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    if address.drivername != "sqlite":
        raise ConfigError(f"{address.drivername}: is no database the tracker can use; it knows sqlite and postgresql")
    if not address.database or address.database == ":memory:" or address.database.startswith("file:"):
        raise ConfigError("sqlite: give a file (sqlite:///tracker.db); a database in memory would keep nothing")
    return address


def _check_path(path: Path, *, create: bool) -> None:
    if path.is_dir():
        raise ConfigError(f"database {path} is a directory; give the path of a file")
    if not path.exists() and not create:
        raise DatabaseError(f"database {path} is not there")
    if not path.parent.is_dir():
        raise ConfigError(f"database {path}: the directory {path.parent} is not there")


def _sqlite(address: URL, busy_ms: int, *, writes: bool) -> Engine:
    engine = create_engine(
        address, connect_args={"timeout": busy_ms / 1000}, pool_size=2, max_overflow=14, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver must not guess where transactions begin: `begin` below says so.
        connection.isolation_level = None
        for pragma in (
            "synchronous = FULL",
            "temp_store = MEMORY",
            "cache_size = -16000",
            f"wal_autocheckpoint = {_MOST_WAL_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not writes:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(address: URL) -> tuple[Engine, Engine]:
    options = {
        "application_name": "tracker",
        "connect_timeout": 10,
        # A server that vanished without a word is noticed within half a minute instead of after the kernel's hours.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    for given in address.query:
        options.pop(given, None)
    engine = create_engine(
        address,
        connect_args=options,
        isolation_level="READ COMMITTED",
        pool_size=2,
        max_overflow=14,
        hide_parameters=True,
    )
    return engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
