"""Files of the archive on a disk and within PostgreSQL: whole or in part, checked as far as they are read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from store import archive, archive_place
from store.archive_files import opened_sound
from store.archive_shelves import FileInside, FileOnDisk, Folder, Inside, Place
from store.archive_stored import stored
from store.engine import Database
from tests.store.archives import archive_all, kept, segments, spoil
from tests.store.living import Writer
from tests.store.support import START, fact
from tracker.errors import ArchiveAwayError, LogCorruptError
from tracker.events.member import MemberJoined
from tracker.ids import Partition

MINUTE = 60_000
CONTENT = bytes(range(256)) * 40
NAME = archive_place.new_file(Partition(3), 1, 9)


@pytest.fixture
def shelf(database: Database, place: Path | None) -> Place:
    """As a reader sees it."""
    if place is not None:
        place.mkdir()
        return Folder(place)
    with database.read() as connection:
        return archive.place(connection)


@pytest.fixture
def writer(database: Database, place: Path | None) -> Writer:
    """All of some members' life in files."""
    writer = Writer(database)
    writer.write([fact(MemberJoined(name="민준"), at=0, channel=None)])
    writer.write(fact(at=n * MINUTE, user=n + 1) for n in range(1, 30))
    writer.flush(START + 40 * MINUTE)
    archive_all(database, place)
    return writer


def test_a_file_is_there_from_its_writing_to_its_removal(shelf: Place) -> None:
    file = shelf.file(Partition(3), NAME)
    assert (file.exists(), shelf.names(), file.name) == (False, [], NAME)
    file.write(CONTENT)
    assert (file.exists(), shelf.names(), file.read()) == (True, [NAME], CONTENT)
    assert not shelf.file(Partition(3), NAME.replace("-", "_")).exists()
    file.remove()
    file.remove()
    assert (file.exists(), shelf.names()) == (False, [])
    with pytest.raises(FileNotFoundError):
        file.read()


@pytest.mark.parametrize(("start", "size"), [(0, 1), (0, 10_240), (255, 3), (10_239, 1), (5_000, 2_500)])
def test_of_a_file_any_part_can_be_read(shelf: Place, start: int, size: int) -> None:
    file = shelf.file(Partition(3), NAME)
    file.write(CONTENT)
    assert file.part(start, size) == CONTENT[start : start + size]


@pytest.mark.parametrize("start", [0, 4_100, len(CONTENT)])
def test_the_end_of_a_file_is_where_it_is_in_the_whole_one_also_when_that_is_gone(shelf: Place, start: int) -> None:
    file = shelf.file(Partition(3), NAME)
    file.write(CONTENT)
    found, sha256, size = file.opened(start)
    with found:
        file.remove()
        assert os.pread(found.fileno(), 1 << 20, start) == CONTENT[start:]
        assert (sha256, size) == (hashlib.sha256(CONTENT[start:]).hexdigest(), len(CONTENT))


def test_of_a_file_within_the_database_nothing_is_read_but_the_end_that_is_asked_for(postgresql: Database) -> None:
    file = FileInside(postgresql.reader, Partition(0), NAME)
    file.write(CONTENT)
    with file.opened(4_100).file as found:
        assert os.pread(found.fileno(), 4_100, 0) == bytes(4_100)


def test_where_files_are_is_said_by_the_kind_of_database_and_by_name(database: Database, tmp_path: Path) -> None:
    with database.read() as connection:
        usual = archive.place(connection)
    inside, name = Inside(database.reader), str(database.engine.url.database)
    assert usual == (inside if database.dialect == "postgresql" else Folder(Path(f"{name}.archive")))
    assert str(inside.file(Partition(0), NAME)) == f"{NAME} within the database"
    assert str(FileOnDisk(tmp_path / NAME)) == str(tmp_path / NAME)


def test_no_bit_of_what_folds_read_can_turn_without_being_noticed(writer: Writer) -> None:
    segment = segments(writer.db)[0]
    content, start = segment.file.read(), segment.blocks_from
    assert 0 < start < len(content)
    for at in range(start, len(content), 101):
        spoil(segment, content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
        with pytest.raises(LogCorruptError, match="another SHA-256"):
            opened_sound(segment)
    spoil(segment, content + b"x")
    with pytest.raises(LogCorruptError, match="bytes instead of"):
        opened_sound(segment)
    spoil(segment, content[: start - 1])
    with pytest.raises(LogCorruptError, match="bytes instead of"):
        opened_sound(segment)


def test_a_bit_that_turned_in_what_folds_do_not_read_is_found_by_whoever_reads_it(writer: Writer) -> None:
    segment, good = segments(writer.db)[0], kept(writer.db)
    content, half = segment.file.read(), segment.blocks_from // 2
    spoil(segment, content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    opened_sound(segment).close()
    with pytest.raises(LogCorruptError, match="not as it was written"):
        kept(writer.db)
    spoil(segment, content)
    assert kept(writer.db) == good


def test_a_file_that_is_gone_is_named(writer: Writer) -> None:
    segment = segments(writer.db)[0]
    segment.file.remove()
    for reading in (lambda: opened_sound(segment), lambda: stored(segment, None, keep=True), lambda: kept(writer.db)):
        with pytest.raises(ArchiveAwayError, match=segment.file.name):
            reading()


def test_what_is_being_folded_goes_on_when_its_file_is_removed(writer: Writer) -> None:
    several = [one for one in (stored(s, None, keep=True) for s in segments(writer.db)) if one is not None]
    for one in several:
        one.segment.file.remove()
    assert sum(piece.end - piece.first for one in several for piece in one.pieces(None, None)) == 31
    for one in several:
        one.close()


def test_where_files_are_not_kept_open_one_that_went_meanwhile_is_named(writer: Writer) -> None:
    one = stored(segments(writer.db)[0], None, keep=False)
    assert one is not None
    one.segment.file.remove()
    with pytest.raises(ArchiveAwayError, match=rf"{one.segment.file.name}.* went while it was being read"):
        list(one.pieces(None, None))


def test_parts_are_read_where_files_are_not_kept_open(writer: Writer) -> None:
    several = [one for one in (stored(s, None, keep=False) for s in segments(writer.db)) if one is not None]
    assert sum(piece.end - piece.first for one in several for piece in one.pieces(None, None)) == 31
