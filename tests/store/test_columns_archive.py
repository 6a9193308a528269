"""Columns of a log whose beginning is in files."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from store import archive_columns, archive_files, archive_moving, columns_chunk, columns_read, log
from store.archive_stored import stored
from store.columns import LogReader
from store.columns_ask import Ask, UnfitError
from store.columns_chunk import Chunk
from store.columns_down import Down
from store.engine import Database
from tests.store import old_segments
from tests.store.archives import archive_all, archive_until, segments
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_columns import check
from tracker.errors import LogCorruptError
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import Ms, RoleId, partition_of

MINUTE = 60_000


@pytest.fixture
def filled(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Half an hour of two guilds, counted, to be archived in files of a few events."""
    monkeypatch.setattr(archive_moving, "SEGMENT", 11)
    writer = Writer(database)
    for n in range(30):
        at, user = n * MINUTE, n % 7 + 1
        for guild in (GUILD, OTHER_GUILD):
            writer.write(
                [
                    fact(MemberJoined(name=f"m{n}", bot=n % 5 == 0), at=at, user=user, guild=guild, channel=None),
                    fact(MemberRolesChanged(role_ids=(RoleId(n % 4 + 1),)), at=at, user=user, guild=guild),
                ]
            )
        writer.write([fact(MessageSent(), at=at, user=user, event_id=message_sent_id((1 << 60) + n))])
    writer.flush(START + 40 * MINUTE)
    return database


def testsegments_and_table_read_as_one_log(filled: Database, place: Path | None) -> None:
    archive_until(filled, START + 17 * MINUTE, place)
    assert len(segments(filled)) > 2
    check(filled, "driver")
    check(filled, "driver", rows=5)


def test_what_is_archived_when_pages_turn_out_unfit_is_read_out_of_its_files(
    filled: Database, place: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, partition = columns_read._table, partition_of(GUILD, filled.partitions)

    def table(db: Database, ask: Ask, source: columns_read.Source, down: None, spare: None) -> Generator[object]:
        if source != "pages":
            yield from plain(db, ask, "driver", down, spare)
            return
        yield next(plain(db, replace(ask, rows=7), "driver", down, spare))
        archive_all(db, place)
        raise UnfitError

    monkeypatch.setattr(columns_read, "_table", table)
    head = log.head(filled)[partition]
    ask = Ask(partition=partition, after=0, upto=head, guilds=None, rows=50)
    assert positions(columns_read.chunks(filled, ask, "pages")) == list(range(1, head + 1))


def positions(chunks: Iterable[Chunk]) -> list[int]:
    return [position for chunk in chunks for position in chunk.position.tolist()]


def test_a_log_that_is_archived_whole_is_read_out_of_its_files(filled: Database, place: Path | None) -> None:
    archive_all(filled, place)
    check(filled, "driver", rows=50)


def test_a_part_of_the_log_begins_and_ends_withinsegments(filled: Database, place: Path | None) -> None:
    partition = partition_of(GUILD, filled.partitions)
    reader = LogReader(filled, source="driver")

    def positions(**bounds: int) -> list[int]:
        found = reader.batches(partition, guilds=[GUILD], **bounds)
        return [p for batch in found for p in batch.position.tolist()]

    bounds = [(0, 1), (3, 40), (10, 12), (50, 10_000), (0, 10_000)]
    before = [positions(after=after, upto=upto) for after, upto in bounds]
    archive_until(filled, START + 17 * MINUTE, place)
    assert [positions(after=after, upto=upto) for after, upto in bounds] == before


def test_what_is_archived_between_two_looks_is_not_missed(
    filled: Database, place: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is empty when it is looked at; then all is moved into it; then the table is read."""
    partition = partition_of(GUILD, filled.partitions)
    upto = log.head(filled)[partition]
    looked = columns_read.segments

    def look(db: Database, ask: Ask) -> object:
        found = looked(db, ask)
        monkeypatch.setattr(columns_read, "segments", looked)
        archive_until(db, Ms(START + 17 * MINUTE), place)
        return found

    monkeypatch.setattr(columns_read, "segments", look)
    batches = LogReader(filled, source="driver").batches(partition, upto=upto)
    assert [p for batch in batches for p in batch.position.tolist()] == list(range(1, upto + 1))
    assert segments(filled)


@pytest.mark.parametrize("otherwise", ["without columns", "with columns", "with columns of another tracker"])
def test_segments_of_older_trackers_are_read_as_before(
    filled: Database, place: Path | None, monkeypatch: pytest.MonkeyPatch, otherwise: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(archive_files, "write", old_segments.write)
        if otherwise == "without columns":
            patch.setattr(archive_files, "write", old_segments.write_plain)
        elif otherwise == "with columns of another tracker":
            patch.setattr(archive_columns, "_MADE_BY", b"0:")
            kinds_of = columns_chunk.chunk_of
            patch.setattr(
                old_segments, "chunk_of", lambda *args: replace(kinds_of(*args), kind=kinds_of(*args).kind * 0 + 77)
            )
        archive_all(filled, place)
    if otherwise == "with columns":
        monkeypatch.setattr(columns_read, "from_segment", None)
    check(filled, "driver")


def test_an_archived_event_that_cannot_be_read_is_named_when_it_is_read(filled: Database, place: Path | None) -> None:
    with filled.write() as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{\"name\":7}' WHERE position = 13")
    archive_all(filled, place)
    by_guild = [stored(segment, None, keep=False) is not None for segment in segments(filled)]
    assert not all(by_guild)
    assert any(by_guild)
    partition = partition_of(GUILD, filled.partitions)
    reader = LogReader(filled, source="driver")
    with pytest.raises(LogCorruptError, match=f"event 13 of partition {partition} cannot be read"):
        list(reader.put_down(partition, upto=10_000, down=never))


def never(_: int) -> Down:
    raise AssertionError
