"""A member's export as JSON files of a size that Discord takes; never more of it in memory than one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

__all__ = ["MOST_BYTES", "MOST_FILES", "Export", "write_export"]

MOST_BYTES: Final = 8_000_000
"""How large a file may become. Discord takes 10 MiB."""

MOST_FILES: Final = 40
"""More than that is not for a chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The files, in order, and how many entries they hold of each kind. `complete`: False if there were too many."""

    files: tuple[Path, ...]
    counts: Mapping[str, int]
    complete: bool


@dataclass(slots=True)
class _Part:
    """A file that is being written: an object whose members are arrays of entries."""

    file: BinaryIO
    size: int = 0
    open: str | None = None
    seen: set[str] = field(default_factory=set)

    def write(self, text: str) -> None:
        raw = text.encode()
        self.file.write(raw)
        self.size += len(raw)

    def put(self, kind: str, entry: str) -> None:
        """Entries of one kind come together."""
        if self.open != kind:
            self.write(f"{']' if self.open else ''},\n{json.dumps(kind)}:[\n{entry}")
            self.open = kind
        else:
            self.write(f",\n{entry}")

    def end(self) -> None:
        self.write("]\n}\n" if self.open else "\n}\n")
        self.file.close()


def write_export(
    entries: Iterable[tuple[str, str]],
    folder: Path,
    about: Mapping[str, Any],
    *,
    most_bytes: int = MOST_BYTES,
    most_files: int = MOST_FILES,
) -> Export:
    """Writes (kind, JSON text) entries, those of one kind behind each other, into as few files as they fit into.

    Each file is valid JSON by itself: `about` with the file's number, and an array of each kind. Nothing to write gives
    no file. Raises OSError.
    """
    files: list[Path] = []
    counts: dict[str, int] = {}
    part: _Part | None = None
    complete = True
    try:
        for kind, entry in entries:
            if part is not None and part.size + len(entry.encode()) + len(kind) + 16 > most_bytes:
                part.end()
                part = None
            if part is None:
                if len(files) == most_files:
                    complete = False
                    break
                files.append(folder / f"my-data-{len(files) + 1}.json")
                part = _Part(files[-1].open("wb"))
                part.write("{" + json.dumps("about") + ":" + json.dumps({**about, "file": len(files)}))
            part.put(kind, entry)
            counts[kind] = counts.get(kind, 0) + 1
    finally:
        if part is not None:
            part.end()
    return Export(files=tuple(files), counts=counts, complete=complete)
