"""Whether the archive's files are there and are what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store import archive_files
from store.archive import Segment
from store.archive_reading import current
from tracker.errors import LogCorruptError

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["check_file", "check_files"]


def check_files(db: Database, segments: Sequence[Segment]) -> None:
    """Compares every file's size and SHA-256 with what the database says; needs no pyarrow.

    Raises ArchiveAwayError for one that is not there, LogCorruptError for one that was changed.
    """
    for segment in segments:
        check_file(current(db, segment))


def check_file(segment: Segment) -> None:
    """`check_files`, of one."""
    try:
        size = segment.path.stat().st_size
        sha256 = archive_files.hash_of(segment.path) if size == segment.bytes else ""
    except FileNotFoundError:
        raise segment.away() from None
    except OSError as error:
        raise LogCorruptError(
            f"the log's archive: {segment.named} cannot be read ({error.strerror or error})"
        ) from None
    if sha256 != segment.sha256:
        what = f"{size:,} bytes instead of {segment.bytes:,}" if size != segment.bytes else "another SHA-256"
        raise LogCorruptError(
            f"the log's archive: {segment.named} is not as it was written (it has {what}); "
            "put a sound copy of the file in its place"
        )
