"""The archive's place: settled once, swept of what a killed process left; in a directory with a manifest for people.

The database alone says which files count. Before a file is written, and in the transaction that takes one out of use,
its name is noted as a leftover (`tracker_info`), so that it can be removed after whatever happens in between. A file
that is neither in use nor noted is never touched: it may be all that an older copy of the database has.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, delete, insert, select

from store import archive, archive_files, archive_shelves
from store.archive import Segment
from store.archive_shelves import ArchiveFile, Folder, Inside, Place
from store.schema import tracker_info
from tracker.clock import from_ms
from tracker.errors import ConfigError, DatabaseError
from tracker.ids import Partition

if TYPE_CHECKING:
    from store.engine import Database

__all__ = [
    "forget", "is_away", "is_inside", "is_noted", "move", "new_file", "note", "remove", "settle", "strangers", "sweep",
    "text_version", "texts_changed", "unnote", "write_manifest",
]  # fmt: skip

MANIFEST: Final = "manifest.json"
_NOTE: Final = "archive_leftover:"
_ID: Final = "archive_id"
_TEXTS: Final = "log_texts"
_FILE: Final = re.compile(r"p\d{4,}-\d{12,}-\d{12,}-[0-9a-f]{8}\.parquet")


def settle(db: Database, folder: Path | None) -> Place:
    """Where to archive into: `folder`, or None for the place that is known; a directory is made if it is not there.

    Raises ConfigError if it is another one than before, or another database's; ArchiveAwayError if a file is missing
    in the directory (it may not be mounted).
    """
    with db.read() as connection:
        there, known = archive.all_segments(connection), archive.place(connection)
    place = known if folder is None else Folder(folder.absolute())
    if there and place != known:
        raise ConfigError(
            f"{_already(known, there)}: move them to {place}, then say so with `tracker archive --dir {place}`"
            if isinstance(known, Folder)
            else f"{_already(known, there)}: put them back with `tracker archive --restore`, then archive them anew"
        )
    if isinstance(place, Folder):
        for segment in there:
            if not segment.file.exists():
                raise segment.away()
        try:
            place.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--dir {place}: {error.strerror or error}") from None
        _claim(db, place.path)
    return place


def _already(known: Place, there: Sequence[Segment]) -> str:
    return f"the archive is in {known} already ({len(there)} files)"


def is_inside(db: Database) -> bool:
    """Whether the archive is, or would be, within the database. Raises DatabaseError."""
    with db.read() as connection:
        return isinstance(archive.place(connection), Inside)


def _claim(db: Database, place: Path) -> None:
    """Makes the directory this database's. Raises ConfigError if it is another one's."""
    with db.write() as connection:
        archive.put_directory(connection, place)
        known = connection.execute(select(tracker_info.c.value).where(tracker_info.c.name == _ID)).scalar()
        if known is None:
            known = secrets.token_hex(8)
            connection.execute(insert(tracker_info), [{"name": _ID, "value": known}])
        owner = _owner(place)
        if owner not in (None, known):
            raise ConfigError(f"{place} holds another database's archive; choose a directory of its own with --dir")


def _owner(place: Path) -> str | None:
    try:
        return str(json.loads((place / MANIFEST).read_text(encoding="utf-8"))["database"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def move(db: Database, folder: Path) -> list[Segment]:
    """Remembers that the files are in `folder` now, where every one of them must be as it was written.

    Returns them. Raises ConfigError if they are within the database, ArchiveAwayError, LogCorruptError.
    """
    with db.write() as connection:
        known, there = archive.place(connection), archive.all_segments(connection)
        if there and isinstance(known, Inside):
            raise ConfigError(
                f"{_already(known, there)}, not in a directory: put them back with `tracker archive --restore`, then "
                f"archive them with --before and --dir {folder}"
            )
        archive.put_directory(connection, folder)
        moved = archive.all_segments(connection)  # raising below leaves the database as it was
        for segment in moved:
            archive_files.sound(segment)
    return moved


def forget(db: Database) -> None:
    """Forgets which directory was said, if nothing of ours is there any more. Raises DatabaseError."""
    with db.write() as connection:
        noted = select(tracker_info.c.name).where(tracker_info.c.name.startswith(_NOTE, autoescape=True))
        if not archive.all_segments(connection) and connection.execute(noted).first() is None:
            archive.put_directory(connection, None)


def new_file(partition: Partition, first: int, last: int) -> str:
    """A name that no file has."""
    return f"p{partition:04}-{first:012}-{last:012}-{secrets.token_hex(4)}.parquet"


def note(connection: Connection, file: str) -> None:
    """The file is to be removed, unless a later transaction puts it to use."""
    connection.execute(insert(tracker_info), [{"name": _NOTE + file, "value": ""}])


def unnote(connection: Connection, file: str) -> None:
    """The file is in use, or gone."""
    connection.execute(delete(tracker_info).where(tracker_info.c.name == _NOTE + file))


def is_noted(connection: Connection, file: str) -> bool:
    """Whether the file is to be removed, as nobody has put it to use yet."""
    here = select(tracker_info.c.name).where(tracker_info.c.name == _NOTE + file)
    return connection.execute(here).first() is not None


def text_version(connection: Connection) -> str:
    """What changes whenever something is erased from the texts of the log; "": nothing ever was."""
    here = select(tracker_info.c.value).where(tracker_info.c.name == _TEXTS)
    return str(connection.execute(here).scalar() or "")


def texts_changed(connection: Connection) -> None:
    """Something is being erased from the log in this transaction, which must have locked the partition.

    A file into which it was copied before must not be put into use after it.
    """
    connection.execute(delete(tracker_info).where(tracker_info.c.name == _TEXTS))
    connection.execute(insert(tracker_info), [{"name": _TEXTS, "value": secrets.token_hex(8)}])


def sweep(db: Database) -> list[str]:
    """Removes what is noted as a leftover; returns the names. Does nothing about a directory that is away.

    Not to be called while another process may be writing files: hold the lease, or be the only one who could.
    """
    with db.read() as connection:
        noted = tracker_info.c.name.startswith(_NOTE, autoescape=True)
        files = [
            str(n).removeprefix(_NOTE) for n in connection.execute(select(tracker_info.c.name).where(noted)).scalars()
        ]
        place = archive.place(connection)
    if not files or is_away(place):
        return []
    remove(db, [place.file(_partition(file), file) for file in files])
    return files


def _partition(file: str) -> Partition:
    """Whose events are in the file of that name (`new_file`)."""
    return Partition(int(file[1:].partition("-")[0]))


def is_away(place: Place) -> bool:
    """Whether it is a directory that is not there (not mounted, maybe)."""
    return isinstance(place, Folder) and not place.path.is_dir()


def remove(db: Database, files: Sequence[ArchiveFile]) -> None:
    """Removes noted files, and their notes. What cannot be removed now stays noted."""
    gone = []
    for file in files:
        try:
            file.remove()
        except (OSError, DatabaseError):
            continue
        gone.append(file.name)
    if gone:
        with db.write() as connection:
            for name in gone:
                unnote(connection, name)


def strangers(db: Database) -> list[ArchiveFile]:
    """What looks like the archive's files and is not in use: another copy of the database's, maybe."""
    with db.read() as connection:
        place, used = archive.place(connection), {s.file.name for s in archive.all_segments(connection)}
        noted = {name for name in _names(place) if name not in used and is_noted(connection, name)}
    return [place.file(_partition(name), name) for name in _names(place) if name not in used | noted]


def _names(place: Place) -> list[str]:
    return [] if is_away(place) else [name for name in place.names() if _FILE.fullmatch(name)]


def write_manifest(db: Database) -> None:
    """Writes what the database says of the files beside them, for people; takes it away when there are none.

    Within the database there is nothing beside them.
    """
    with db.read() as connection:
        place, segments = archive.place(connection), archive.all_segments(connection)
        owner = connection.execute(select(tracker_info.c.value).where(tracker_info.c.name == _ID)).scalar()
    if not isinstance(place, Folder) or is_away(place):
        return
    manifest = place.path / MANIFEST
    if not segments:
        manifest.unlink(missing_ok=True)
        return
    told = {"database": owner, "partitions": db.partitions, "segments": [_told(s) for s in segments]}
    part = manifest.with_suffix(f".{os.getpid()}.part")
    with archive_shelves.writing(manifest):
        with part.open("w", encoding="utf-8") as file:
            json.dump(told, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(manifest)
        archive_shelves.sync_directory(place.path)


def _told(segment: Segment) -> dict[str, Any]:
    return {
        "partition": segment.partition,
        "first_position": segment.first,
        "last_position": segment.last,
        "events": segment.events,
        "file": segment.file.name,
        "bytes": segment.bytes,
        "sha256": segment.sha256,
        "first_at": f"{from_ms(segment.first_at):%Y-%m-%dT%H:%M:%S.%fZ}",
        "last_at": f"{from_ms(segment.last_at):%Y-%m-%dT%H:%M:%S.%fZ}",
        "created_at": f"{from_ms(segment.created_at):%Y-%m-%dT%H:%M:%SZ}",
    }
