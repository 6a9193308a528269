"""Where the archive's files are: in a directory, or within the database (PostgreSQL), in the table `archive_contents`.

A server has no place for files of ours that every process would see and every backup take along, but it keeps a file
as well as a row. Each file is written once, whole, and never changed; what it is called and whether it counts is said
elsewhere (`store.archive`, `store.archive_place`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, Protocol, cast

from sqlalchemy import Connection, Engine

from store.failures import as_ours, explained
from tracker.errors import ArchiveAwayError
from tracker.ids import Partition

__all__ = ["ArchiveFile", "FileInside", "FileOnDisk", "Folder", "Inside", "Place", "sync_directory", "writing"]

_PUT: Final = "INSERT INTO archive_contents (partition, file, content) VALUES (%s, %s, %s)"
_REMOVE: Final = "DELETE FROM archive_contents WHERE partition = %s AND file = %s"
_IS_HERE: Final = "SELECT true FROM archive_contents WHERE partition = %s AND file = %s"
_READ: Final = "SELECT content FROM archive_contents WHERE partition = %s AND file = %s"
_PART: Final = (
    "SELECT substring(content FROM %s::int FOR %s::int) FROM archive_contents WHERE partition = %s AND file = %s"
)
_TO_WRITE: Final[dict[str, Any]] = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}


class ArchiveFile(Protocol):
    """One file. `name`: within its place. As text: as a sentence names it."""

    @property
    def name(self) -> str: ...

    def exists(self) -> bool:
        """Whether it is there."""

    def read(self) -> bytes:
        """All of it. Raises FileNotFoundError, OSError, DatabaseError."""

    def part(self, start: int, size: int) -> bytes:
        """So many bytes of it. Raises as `read`."""

    def open(self) -> FileIO:
        """To be read; stays readable if the file is removed meanwhile. To be closed. Raises as `read`."""

    def write(self, content: bytes) -> None:
        """Makes it; it survives a power cut from then on. Raises ArchiveAwayError, DatabaseError."""

    def remove(self) -> None:
        """Removes it, if it is there. Raises OSError, DatabaseError."""


class Place(Protocol):
    """Where files are. As text: as a sentence names it."""

    def file(self, partition: Partition, name: str) -> ArchiveFile:
        """The file of that name."""

    def names(self) -> list[str]:
        """What is there, in order."""


# -- in a directory ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """A file in a directory."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        return self.path.name

    def exists(self) -> bool:
        return self.path.exists()

    def read(self) -> bytes:
        return self.path.read_bytes()

    def part(self, start: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def open(self) -> FileIO:
        return self.path.open("rb", buffering=0)

    def write(self, content: bytes) -> None:
        with writing(self.path):
            with self.path.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self.path.parent)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def file(self, partition: Partition, name: str) -> FileOnDisk:
        return FileOnDisk(self.path / name)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises ArchiveAwayError, naming `path`, for what the system refuses within."""
    try:
        yield
    except OSError as error:
        raise ArchiveAwayError(f"the log's archive: {path} cannot be written ({error.strerror or error})") from None


def sync_directory(path: Path) -> None:
    """Forces the directory's entries onto the disk, where the system can do that."""
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# -- within the database -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileInside:
    """A row of `archive_contents`; each call is a transaction of its own. Written by whatever kind of connection."""

    engine: Engine
    partition: Partition
    name: str

    def __str__(self) -> str:
        return f"{self.name} within the database"

    def exists(self) -> bool:
        return self._asked(_IS_HERE) is not None

    def read(self) -> bytes:
        return self._found(self._asked(_READ))

    def part(self, start: int, size: int) -> bytes:
        return self._found(self._asked(_PART, start + 1, size))

    def open(self) -> FileIO:
        file = TemporaryFile(buffering=0)  # noqa: SIM115  (whoever asked closes it)
        try:
            file.write(self.read())
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def write(self, content: bytes) -> None:
        self._do(_PUT, content)

    def remove(self) -> None:
        self._do(_REMOVE)

    def _asked(self, statement: str, *before: int) -> tuple[Any] | None:
        with explained(self._database), self.engine.connect() as connection, as_ours():
            driver: Any = connection.connection.driver_connection
            with driver.cursor(binary=True) as cursor:  # as text it would be twice as long
                found = cursor.execute(statement, (*before, self.partition, self.name)).fetchone()
                return cast("tuple[Any] | None", found)

    def _found(self, row: tuple[Any] | None) -> bytes:
        if row is None:
            raise FileNotFoundError(str(self))
        return cast("bytes", row[0])

    def _do(self, statement: str, *more: bytes) -> None:
        with explained(self._database), self.engine.connect() as plain:
            connection: Connection = plain.execution_options(**_TO_WRITE)
            with connection.begin():
                connection.exec_driver_sql(statement, (self.partition, self.name, *more))

    @property
    def _database(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)


@dataclass(frozen=True, slots=True)
class Inside:
    """The database itself."""

    engine: Engine

    def __str__(self) -> str:
        return "the database"

    def file(self, partition: Partition, name: str) -> FileInside:
        return FileInside(self.engine, partition, name)

    def names(self) -> list[str]:
        with explained(self.engine.url.render_as_string(hide_password=True)), self.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT file FROM archive_contents ORDER BY file")
            return [str(name) for name in found.scalars()]
