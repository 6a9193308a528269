"""JSON files of any size, one element after the other: only the element at hand is in memory (ijson)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, BinaryIO, Final

import ijson

from tracker.errors import EventFormatError

__all__ = ["begins_with", "elements", "pairs", "parsed"]

_CHUNK: Final = 1 << 16
_SPACE: Final = b" \t\r\n"
_DEEPEST: Final = 5_000
_BRACKETS: Final = {91: 1, 123: 1, 93: -1, 125: -1}
_OTHERS: Final = bytes(set(range(256)) - {34, *_BRACKETS})


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
    """A file without its byte order mark, which is no JSON. One that is nested too deep is refused.

    For each level the parser keeps the whole path to it: the square of the depth.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begun = False
        self._rest = b""
        self._in_string = 0
        self._depth = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        if not self._begun and len(chunk) > 3:
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
        self._begun = True
        self._follow(chunk)
        return chunk

    def _follow(self, chunk: bytes) -> None:
        """Count the brackets that are in no string."""
        text = (self._rest + chunk).replace(b"\\\\", b"")
        self._rest = text[-1:] if text.endswith(b"\\") else b""
        parts = text.replace(b'\\"', b"").translate(None, _OTHERS).split(b'"')
        brackets = b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        opening = brackets.count(b"[") + brackets.count(b"{")
        if (
            self._depth + opening > _DEEPEST
            and self._depth + max(accumulate(map(_BRACKETS.__getitem__, brackets))) > _DEEPEST
        ):
            raise EventFormatError(f"not such a file: it is nested more than {_DEEPEST:,} deep")
        self._depth += 2 * opening - len(brackets)


def _told(found: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from found
    except (ijson.JSONError, UnicodeDecodeError) as error:
        first = str(error).strip().splitlines()[:1]
        raise EventFormatError(f"not JSON, or cut off ({first[0] if first else 'empty'})") from None
