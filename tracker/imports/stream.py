"""JSON files of any size, one element after the other: only the element at hand is in memory (ijson)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import ijson

from tracker.errors import EventFormatError

__all__ = ["begins_with", "elements", "pairs", "parsed"]

_CHUNK: Final = 1 << 16
_SPACE: Final = b" \t\r\n"


def begins_with(file: BinaryIO) -> str:
    """The file's first character (`{` or `[`), empty for an empty file; it is read from its beginning afterwards."""
    start = ""
    while chunk := file.read(_CHUNK):
        chunk = chunk.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
        if chunk:
            start = chr(chunk[0])
            break
    file.seek(0)
    return start


def elements(file: BinaryIO, path: str) -> Iterator[Any]:
    """The elements at `path`, such as `messages.item`. Reads the file to its end.

    Raises EventFormatError if it is no JSON or cut off.
    """
    return _told(ijson.items(_Text(file), path, use_float=True, buf_size=_CHUNK))


def pairs(file: BinaryIO, path: str) -> Iterator[tuple[str, Any]]:
    """The keys and values of the object at `path`. Raises EventFormatError as `elements` does."""
    return _told(ijson.kvitems(_Text(file), path, use_float=True, buf_size=_CHUNK))


def parsed(file: BinaryIO) -> Iterator[tuple[str, str, Any]]:
    """The file's parts as (path, event, value). Raises EventFormatError as `elements` does."""
    return _told(ijson.parse(_Text(file), use_float=True, buf_size=_CHUNK))


class _Text:
    """A file without its byte order mark, which is no JSON."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begun = False

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        if not self._begun and len(chunk) > 3:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        self._begun = True
        return chunk


def _told(found: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from found
    except (ijson.JSONError, UnicodeDecodeError) as error:
        first = str(error).strip().splitlines()[:1]
        raise EventFormatError(f"not JSON, or cut off ({first[0] if first else 'empty'})") from None
