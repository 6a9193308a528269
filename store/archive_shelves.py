"""Where the archive's files are: in a directory, or within the database (PostgreSQL), in the table `archive_contents`.

A server has no place for files of ours that every process would see and every backup take along, but it keeps a file
as well as a row. Each file is written once, whole, and never changed; what it is called and whether it counts is said
elsewhere (`store.archive`, `store.archive_place`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Connection, Engine

from store.failures import as_ours, explained
from tracker.errors import ArchiveAwayError
from tracker.ids import Partition

__all__ = ["ArchiveFile", "FileInside", "FileOnDisk", "Folder", "Inside", "Place", "sync_directory", "writing"]

_PUT: Final = "INSERT INTO archive_contents (content, partition, file) VALUES (%s, %s, %s)"
_REMOVE: Final = "DELETE FROM archive_contents WHERE partition = %s AND file = %s"
_IS_HERE: Final = "SELECT true FROM archive_contents WHERE partition = %s AND file = %s"
_READ: Final = "SELECT content FROM archive_contents WHERE partition = %s AND file = %s"
_PART: Final = (
    "SELECT substring(content FROM %s::int FOR %s::int) FROM archive_contents WHERE partition = %s AND file = %s"
)
_FROM: Final = (
    "SELECT substring(content FROM %s::int), octet_length(content) FROM archive_contents "
    "WHERE partition = %s AND file = %s"
)
_TO_WRITE: Final[dict[str, Any]] = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}


class Opened(NamedTuple):
    """The end of a file, from some byte on, where it is in the whole one, which has so many `bytes`; `sha256`: of that
    end. `file` can be read also when the one on the shelf has been removed meanwhile. To be closed.
    """

    file: FileIO
    sha256: str
    bytes: int


# -- in a directory ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """A file in a directory. As text: as a sentence names it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """Within its place."""
        return self.path.name

    def exists(self) -> bool:
        """Whether it is there."""
        return self.path.exists()

    def read(self) -> bytes:
        """All of it. Raises OSError."""
        return self.path.read_bytes()

    def part(self, start: int, size: int) -> bytes:
        """So many bytes of it. Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def opened(self, start: int) -> Opened:
        """What is from the byte `start` on. Raises OSError."""
        file = self.path.open("rb", buffering=0)
        try:
            file.seek(start)
            return Opened(file=file, sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=file.tell())
        except BaseException:
            file.close()
            raise

    def write(self, content: bytes) -> None:
        """Makes it; it survives a power cut from then on. Raises ArchiveAwayError."""
        with writing(self.path):
            with self.path.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self.path.parent)

    def remove(self) -> None:
        """Removes it, if it is there. Raises OSError."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory. As text: as a sentence names it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def file(self, partition: Partition, name: str) -> FileOnDisk:  # as within the database
        """The file of that name."""
        return FileOnDisk(self.path / name)

    def names(self) -> list[str]:
        """What is there, in order. Raises OSError."""
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
    """A row of `archive_contents`; each call is a transaction of its own. A reader's engine can write it, too."""

    engine: Engine
    partition: Partition
    name: str

    def __str__(self) -> str:
        return f"{self.name} within the database"

    def exists(self) -> bool:
        """Whether it is there. Raises DatabaseError."""
        return self._asked(_IS_HERE) is not None

    def read(self) -> bytes:
        """All of it. Raises FileNotFoundError, DatabaseError."""
        return self._found(self._asked(_READ))

    def part(self, start: int, size: int) -> bytes:
        """So many bytes of it. Raises as `read`."""
        return self._found(self._asked(_PART, start + 1, size))

    def opened(self, start: int) -> Opened:
        """What is from the byte `start` on; before it there is nothing. Raises as `read`."""
        row = self._asked(_FROM, start + 1)
        if row is None:
            raise FileNotFoundError(str(self))
        content, size = row
        file = TemporaryFile(buffering=0)  # noqa: SIM115  (whoever asked closes it)
        try:
            file.seek(start)
            file.write(content)
        except BaseException:
            file.close()
            raise
        return Opened(file=file, sha256=hashlib.sha256(content).hexdigest(), bytes=size)

    def write(self, content: bytes) -> None:
        """Makes it. Raises DatabaseError."""
        self._do(_PUT, content)

    def remove(self) -> None:
        """Removes it, if it is there. Raises DatabaseError."""
        self._do(_REMOVE)

    def _asked(self, statement: str, *before: int) -> tuple[Any, ...] | None:
        with explained(self._database), self.engine.connect() as connection, as_ours():
            driver: Any = connection.connection.driver_connection
            with driver.cursor(binary=True) as cursor:  # as text it would be twice as long
                found = cursor.execute(statement, (*before, self.partition, self.name)).fetchone()
                return cast("tuple[Any, ...] | None", found)

    def _found(self, row: tuple[Any, ...] | None) -> bytes:
        if row is None:
            raise FileNotFoundError(str(self))
        return cast("bytes", row[0])

    def _do(self, statement: str, *before: bytes) -> None:
        with explained(self._database), self.engine.connect() as plain:
            connection: Connection = plain.execution_options(**_TO_WRITE)
            with connection.begin():
                connection.exec_driver_sql(statement, (*before, self.partition, self.name))

    @property
    def _database(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)


@dataclass(frozen=True, slots=True)
class Inside:
    """The database itself. As text: as a sentence names it."""

    engine: Engine

    def __str__(self) -> str:
        return "the database"

    def file(self, partition: Partition, name: str) -> FileInside:
        """The file of that name."""
        return FileInside(self.engine, partition, name)

    def names(self) -> list[str]:
        """What is there, in order. Raises DatabaseError."""
        with explained(self.engine.url.render_as_string(hide_password=True)), self.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT file FROM archive_contents ORDER BY file")
            return [str(name) for name in found.scalars()]


ArchiveFile = FileOnDisk | FileInside
Place = Folder | Inside
