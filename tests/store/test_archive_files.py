"""Files that are not there, or not as they were written: said by name, and in nobody's way who does not need them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from store import log, personal, rebuild
from store.archive import Segment
from store.engine import Database
from tests.store.archives import archive_all, archive_until, files, kept, segments, spoil, used
from tests.store.living import Writer
from tests.store.support import GUILD, START, fact
from tracker.errors import ArchiveAwayError, LogCorruptError, TrackerError
from tracker.events.member import MemberJoined
from tracker.ids import UserId, mint_event_id

MINUTE = 60_000


@pytest.fixture
def writer(database: Database, place: Path | None) -> Writer:
    """An archive of two files."""
    writer = Writer(database)
    writer.write([fact(MemberJoined(name="민준🎙️\\'\""), at=0, channel=None)])
    writer.write(fact(at=n * MINUTE, user=n + 1) for n in range(1, 30))
    writer.flush(START + 40 * MINUTE)
    archive_until(database, START + 10 * MINUTE, place)
    archive_until(database, START + 20 * MINUTE, place)
    return writer


def needing(db: Database) -> list[Callable[[], object]]:
    """All that cannot be done without old events."""
    return [
        lambda: kept(db),
        lambda: rebuild.verify(db),
        lambda: rebuild.rebuild(db),
        lambda: log.check_contiguity(db),
        lambda: list(personal.read_export(db, GUILD, UserId(5))),
        lambda: personal.read_traces(db, GUILD, UserId(5)),
    ]


def spoil_all(segment: Segment, how: Callable[[bytes], bytes | None]) -> None:
    spoil(segment, how(segment.file.read()))


def test_a_bot_starts_and_counts_while_the_directory_is_away(writer: Writer, folder: Path) -> None:
    folder.rename(folder.with_name("unmounted"))
    restarted = Writer(writer.db)
    restarted.write([fact(at=50 * MINUTE, user=2, event_id=mint_event_id(START + 50 * MINUTE))])
    restarted.flush(START + 60 * MINUTE)
    assert log.append(writer.db, [fact(at=0, event_id=mint_event_id(START))], recorded_at=START).appended == 1


def test_whoever_needs_a_file_that_is_not_there_is_told_which_and_what_to_do(
    writer: Writer, place: Path | None
) -> None:
    missing = segments(writer.db)[1]
    spoil(missing, None)
    for need in needing(writer.db):
        with pytest.raises(ArchiveAwayError) as told:
            need()
        assert str(missing.file) in str(told.value)
        assert f"positions {missing.first} to {missing.last}" in str(told.value)
        assert ("restore the database" if place is None else "tracker archive --dir") in str(told.value)
    if place is not None:  # it may not be mounted
        with pytest.raises(ArchiveAwayError):
            archive_all(writer.db, place)


@pytest.mark.parametrize(
    "how",
    [
        lambda data: data[:-100],
        lambda data: b"",
        lambda data: b"not a file of ours at all" * 40,
        lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
        lambda data: data + b"x",
    ],
    ids=["cut off", "empty", "something else", "a bit turned", "longer"],
)
def test_a_damaged_file_is_named(writer: Writer, how: Callable[[bytes], bytes]) -> None:
    damaged = segments(writer.db)[0]
    spoil_all(damaged, how)
    with pytest.raises(LogCorruptError, match=r"not as it was written.*sound copy") as told:
        log.check_contiguity(writer.db)
    assert str(damaged.file) in str(told.value)


def test_no_bit_can_turn_without_being_noticed_by_a_reader(writer: Writer) -> None:
    damaged, good = segments(writer.db)[0], kept(writer.db)
    sound = damaged.file.read()
    unnoticed = []
    for place in range(4, len(sound), 61):
        spoil(damaged, sound[:place] + bytes([sound[place] ^ 0x10]) + sound[place + 1 :])
        try:
            if kept(writer.db) != good:
                unnoticed.append(place)
        except TrackerError:
            pass
    assert unnoticed == []


def test_a_file_that_was_written_wrongly_is_never_put_into_use(
    writer: Writer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, there = kept(writer.db), segments(writer.db)
    plain, damaged = os.fsync, set(folder.glob("*.parquet"))

    def damaging(handle: int) -> None:
        plain(handle)
        for path in set(folder.glob("*.parquet")) - damaged:
            damaged.add(path)
            data = path.read_bytes()
            path.write_bytes(data[:150] + bytes(200) + data[350:])

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", damaging)
        with pytest.raises(LogCorruptError, match="is the disk damaged"):
            archive_all(writer.db, folder)
    assert (kept(writer.db), segments(writer.db)) == (before, there)
    archive_all(writer.db, folder)
    assert kept(writer.db) == before
    assert files(writer.db) == used(writer.db)


def test_a_full_disk_is_said_and_nothing_is_moved(
    writer: Writer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, there = kept(writer.db), segments(writer.db)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ArchiveAwayError, match="No space left"):
            archive_all(writer.db, folder)
    assert (kept(writer.db), segments(writer.db)) == (before, there)
