"""Archived events by guild: a fold gets of them what it would get of the table, and reads no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store import archive_blocks, archive_files, archive_moving, columns_everywhere, log
from store.archive import Segment
from store.archive_stored import Stored, stored
from store.columns import Archived, EventColumns, LogReader, PutDown
from store.columns_down import Down
from store.engine import Database
from store.rebuild import rebuild
from store.replay_groups import Groups
from tests.store import old_segments
from tests.store.archives import archive_until, segments, spoil
from tests.store.living import Writer, tables
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_personal import forget
from tracker.errors import LogCorruptError
from tracker.events import kinds
from tracker.events.channel import ChannelDescribed
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.rule import SettingsChanged
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import DISCORD_EPOCH_MS, Ms, Partition, RoleId, UserId, partition_of

MINUTE = 60_000
MINUTES = 30
HALF = START + 17 * MINUTE
WHOLE = START + 90 * MINUTE

pytest.importorskip("pyarrow")


@pytest.fixture
def lived(database: Database, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Half an hour of two guilds, to be archived in small files of even smaller blocks."""
    monkeypatch.setattr(archive_moving, "SEGMENT", 37)
    monkeypatch.setattr(archive_blocks, "BLOCK", 7)
    writer = Writer(database)
    for n in range(MINUTES):
        at, user = n * MINUTE, n % 7 + 1
        for guild in (OTHER_GUILD, GUILD):
            number = (START + at - DISCORD_EPOCH_MS << 22) + n if n % 5 else (1 << 60) + n  # of an id, or of nothing
            writer.write(
                [
                    fact(MemberJoined(name=f"m{n}", bot=n % 5 == 0), at=at, user=user, guild=guild, channel=None),
                    fact(MemberRolesChanged(role_ids=(RoleId(n % 4 + 1),)), at=at, user=user, guild=guild),
                    fact(MessageSent(), at=at, user=user, guild=guild, event_id=message_sent_id(number + guild % 7)),
                    fact(VoiceJoined() if n % 3 else VoiceLeft(), at=at - 7 * (n % 2), user=user, guild=guild),
                ]
            )
        if n % 10 == 3:
            writer.write(
                [
                    fact(ChannelDescribed(name=f"c{n}"), at=at, guild=GUILD, user=None),
                    fact(SettingsChanged(settings={"locale": "ko"}), at=at, guild=OTHER_GUILD, user=None, channel=None),
                ]
            )
    writer.flush(START + MINUTES * MINUTE)
    return writer


def partitions(db: Database) -> set[Partition]:
    return {partition_of(guild, db.partitions) for guild in (GUILD, OTHER_GUILD)}


def never(_: int) -> Down:
    raise AssertionError


BOUNDS = np.array([max(GUILD, OTHER_GUILD)], np.int64)


def by_group(
    db: Database, *, fast: bool, guilds: Collection[int] | None = None, until: int | None = None
) -> tuple[list[Any], int]:
    """What a fold gets: by partition and group all that its columns say; and how much of it was stored by guild."""
    found, archived = [], 0
    for partition in sorted(partitions(db)):
        reader = LogReader(db, source="driver")
        with Groups(BOUNDS, fast=fast, role_sets=reader.role_sets) as groups:
            upto = log.head(db)[partition]
            for part in reader.put_down(partition, upto=upto, guilds=guilds, down=never):
                assert not isinstance(part, PutDown)
                if isinstance(part, Archived):
                    groups.store(part.stored, part.ahead, until)
                    archived += part.stored.events
                else:
                    groups.add(part, until)
            for group in groups.groups():
                columns = groups.columns(group)
                if len(columns):
                    found.append((partition, group, said(reader, columns)))
    return found, archived


def said(reader: LogReader, columns: EventColumns) -> list[tuple[Any, ...]]:
    names = ("kind", "guild", "subject", "channel", "at", "arg")
    rows = list(zip(*(getattr(columns, name).tolist() for name in names), strict=True))
    rest = columns.rest
    numbers = (rest.versions.tolist(), rest.recorded_at.tolist())
    told = {
        row: (int(columns.position[row]), *more)
        for row, *more in zip(rest.rows.tolist(), rest.ids, *numbers, rest.texts, strict=True)
    }
    return [
        (*row[:5], reader.role_sets[row[5]] if row[0] == kinds.ROLES_CHANGED else row[5], told.get(i))
        for i, row in enumerate(rows)
    ]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("before", [HALF, WHOLE], ids=["half", "whole"])
@pytest.mark.parametrize("bounds", [{}, {"guilds": [GUILD]}, {"until": HALF - 5}, {"until": START + 3, "guilds": [7]}])
def test_a_fold_gets_of_archived_events_what_it_got_of_the_table(
    lived: Writer, place: Path | None, before: int, bounds: dict[str, Any], fast: bool
) -> None:
    wanted, archived = by_group(lived.db, fast=fast, **bounds)
    assert not archived
    assert archive_until(lived.db, before, place)
    found, archived = by_group(lived.db, fast=fast, **bounds)
    assert found == wanted
    assert archived or not wanted


@pytest.mark.parametrize("fast", [True, False])
def test_files_of_older_trackers_may_stand_between_new_ones(
    lived: Writer, place: Path | None, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    wanted, _ = by_group(lived.db, fast=fast)
    archive_until(lived.db, START + 6 * MINUTE, place)
    with monkeypatch.context() as patch:
        patch.setattr(archive_files, "write", old_segments.write)
        archive_until(lived.db, START + 12 * MINUTE, place)
    archive_until(lived.db, HALF, place)
    assert {one is None for one in map(opened, segments(lived.db))} == {True, False}
    found, _ = by_group(lived.db, fast=fast)
    assert found == wanted


def test_a_rebuild_out_of_files_writes_the_rows_of_one_out_of_the_table(lived: Writer, place: Path | None) -> None:
    rebuild(lived.db)
    wanted = tables(lived.db)
    archive_until(lived.db, WHOLE, place)
    rebuild(lived.db)
    assert tables(lived.db) == wanted


def opened(segment: Segment, guilds: Collection[int] | None = None) -> Stored | None:
    return stored(segment, guilds, keep=True)


def test_of_a_file_only_the_blocks_of_the_guilds_that_are_wanted_are_read(lived: Writer, place: Path | None) -> None:
    archive_until(lived.db, WHOLE, place)
    both = [opened(s) for s in segments(lived.db) if s.partition == partition_of(GUILD, lived.db.partitions)]
    for one in both:
        assert one is not None
        pieces = list(one.pieces(GUILD, GUILD + 1))
        assert sum(piece.end - piece.first for piece in pieces) <= one.events
        assert all(piece.events <= 7 for piece in pieces)
        assert len(pieces) <= 2 + one.events // 7
        assert not list(one.pieces(1, 2))
        one.close()


def test_a_file_that_was_changed_is_refused_before_anything_of_it_is_folded(lived: Writer, place: Path | None) -> None:
    archive_until(lived.db, WHOLE, place)
    segment = segments(lived.db)[0]
    content = bytearray(segment.file.read())
    content[len(content) // 2] ^= 1
    spoil(segment, bytes(content))
    with pytest.raises(LogCorruptError, match="is not as it was written"):
        opened(segment)


def test_a_file_that_is_changed_while_it_is_folded_is_named(lived: Writer, folder: Path) -> None:
    archive_until(lived.db, WHOLE, folder)
    segment = segments(lived.db)[0]
    one = opened(segment)
    assert one is not None
    with (folder / segment.file.name).open("r+b") as file:
        file.truncate(10)
    with pytest.raises(LogCorruptError, match="was changed while it was being read"):
        list(one.pieces(None, None))
    one.close()


def test_a_file_that_an_erasure_writes_anew_is_read_to_its_end(lived: Writer, place: Path | None) -> None:
    """Whoever was forgotten since is nobody in what is then folded, as the table of subjects no longer knows them."""
    archive_until(lived.db, WHOLE, place)
    several = [one for one in map(opened, segments(lived.db)) if one is not None]
    before = [sum(piece.end - piece.first for piece in one.pieces(None, None)) for one in several]
    forget(lived, UserId(1))
    assert not all(one.segment.file.exists() for one in several)
    assert [sum(piece.end - piece.first for piece in one.pieces(None, None)) for one in several] == before
    for one in several:
        one.close()


def test_up_to_an_instant_the_newest_of_archived_events_is_not_beyond_it(lived: Writer, place: Path | None) -> None:
    archive_until(lived.db, WHOLE, place)
    several = [one for one in map(opened, segments(lived.db)) if one is not None]
    assert max(one.newest for one in several) == Ms(START + MINUTES * MINUTE)  # the tick's
    assert {one.events for one in (opened(s, [7]) for s in segments(lived.db)) if one is not None} == {0}


def test_partitions_whose_logs_are_read_in_one_go_are_taken_by_guild_too(
    lived: Writer, place: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns_everywhere, "_MANY", 1)
    rebuild(lived.db)
    wanted = tables(lived.db)
    archive_until(lived.db, HALF, place)
    heads = {partition: head for partition, head in log.head(lived.db).items() if head}
    if columns_everywhere.can_read_everywhere(lived.db, heads):
        with LogReader(lived.db).everywhere(heads) as reading:
            told = [part for _, part in reading]
        assert {type(part) for part in told} == {Archived, EventColumns}
    rebuild(lived.db)
    assert tables(lived.db) == wanted


@pytest.mark.parametrize("before_the_look", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_archived_while_the_table_is_read_is_read_once(
    lived: Writer, place: Path | None, monkeypatch: pytest.MonkeyPatch, before_the_look: bool, compiled: bool
) -> None:
    monkeypatch.setattr(columns_everywhere, "_MANY", 1)
    if not compiled:
        monkeypatch.setattr(columns_everywhere, "can_copy", lambda: False)
    archive_until(lived.db, HALF - 8 * MINUTE, place)
    heads, look = {p: head for p, head in log.head(lived.db).items() if head}, columns_everywhere._segments
    if not columns_everywhere.can_read_everywhere(lived.db, heads):
        pytest.skip("SQLite reads each partition by itself")

    def slow(db: Database, upto: Mapping[Partition, int]) -> dict[Partition, list[Segment]]:
        seen = look(db, upto)
        archive_until(lived.db, HALF, place)
        return look(db, upto) if before_the_look else seen

    monkeypatch.setattr(columns_everywhere, "_segments", slow)
    found: dict[Partition, list[int]] = {partition: [] for partition in heads}
    with LogReader(lived.db).everywhere(heads) as reading:
        for partition, part in reading:
            if isinstance(part, Archived):
                found[partition].extend([0] * part.stored.events)
            else:
                found[partition].extend(part.position.tolist())
    for partition, head in heads.items():
        table = sorted(position for position in found[partition] if position)
        assert table == list(range(head - len(table) + 1, head + 1))
        assert len(found[partition]) == head
