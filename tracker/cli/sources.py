"""The files that a command was given to read: plain or gzip, one or many, folders, or what comes in on stdin."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO, Final, cast

from tracker.errors import ConfigError, EventFormatError

__all__ = ["STDIN", "Source", "sources"]

STDIN: Final = Path("-")
_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read again and again. `size`: its bytes as they are stored. `label`: before what is said of
    it, empty if there is only one.
    """

    path: Path
    size: int
    label: str
    _copy: IO[bytes] | None = None

    @contextmanager
    def opened(self, moved: Callable[[int], None]) -> Iterator[BinaryIO]:
        """What is in it, unpacked; `moved` is told of the stored bytes that were read. Raises ConfigError."""
        with ExitStack() as closing:
            if self._copy is None:
                stored: IO[bytes] = closing.enter_context(_open(self.path))
            else:
                stored = self._copy
                stored.seek(0)
            packed = stored.read(2) == _GZIP
            stored.seek(0)
            counted = _buffered(_Counted(stored, moved))
            yield _buffered(_Unpacked(gzip.GzipFile(fileobj=counted))) if packed else counted

    def named(self, error: EventFormatError) -> EventFormatError:
        """The error with the file's name, if there are others."""
        return EventFormatError(f"{self.label}{error}") if self.label else error


class _Through(io.RawIOBase):
    """Reads what another file holds; what comes of that is up to `readinto`."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any, /) -> int:
        return int(self._file.readinto(buffer))


class _Unpacked(_Through):
    """What is in a gzip file. One that is cut off or damaged is an EventFormatError."""

    def readinto(self, buffer: Any, /) -> int:
        try:
            return super().readinto(buffer)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise EventFormatError(f"the gzip file is damaged or cut off ({error})") from None


class _Counted(_Through):
    """Tells of the bytes read; what is read again after going back is told of again."""

    def __init__(self, file: IO[bytes], moved: Callable[[int], None]) -> None:
        super().__init__(file)
        self._moved = moved

    def readinto(self, buffer: Any, /) -> int:
        got = super().readinto(buffer)
        self._moved(got)
        return got


def _buffered(file: _Through) -> BinaryIO:
    return io.BufferedReader(cast("Any", file), _CHUNK)


@contextmanager
def sources(paths: Sequence[Path], *, suffixes: Sequence[str]) -> Iterator[list[Source]]:
    """The files at `paths`; of a folder those whose names end in one of `suffixes` (`.gz` apart), by name, deep down.

    What cannot be read twice (stdin, a pipe) is copied first. Raises ConfigError.
    """
    found = [file for path in paths for file in _files(path, suffixes)]
    with ExitStack() as closing:
        yield [_source(path, f"{path}: " if len(found) > 1 else "", closing) for path in found]


def _source(path: Path, label: str, closing: ExitStack) -> Source:
    if path != STDIN and path.is_file():
        with _open(path):
            return Source(path, path.stat().st_size, label)
    copy = closing.enter_context(TemporaryFile())  # noqa: SIM115
    if path == STDIN:
        copyfileobj(sys.stdin.buffer, copy)
    else:
        with _open(path) as pipe:
            copyfileobj(pipe, copy)
    return Source(path, copy.tell(), label, copy)


def _files(path: Path, suffixes: Sequence[str]) -> list[Path]:
    if path == STDIN or not path.is_dir():
        return [path]
    endings = tuple(e for s in suffixes for e in (s, f"{s}.gz"))
    inside = sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(endings))
    if not inside:
        raise ConfigError(f"{path}: no file in this folder ends in {' or '.join(suffixes)} (or with .gz after it)")
    return inside


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
