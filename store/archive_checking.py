"""Whether the archive's files are there and are what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store import archive_files
from store.archive import Segment
from store.archive_reading import current

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["check_files"]


def check_files(db: Database, segments: Sequence[Segment]) -> None:
    """Compares every file's size and SHA-256 with what the database says; needs no pyarrow.

    Raises ArchiveAwayError for one that is not there, LogCorruptError for one that was changed.
    """
    for segment in segments:
        current(db, segment, archive_files.sound)
