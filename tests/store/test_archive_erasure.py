"""Who is forgotten is in no archived file by name, and the archive stays whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from store import archive_erasure, archive_files, archive_place, archive_reading, log, personal, rebuild
from store.archive_erasure import Written
from store.archive_stored import stored
from store.engine import Database
from store.personal import Traces
from tests.store.archives import archive_all, archive_until, files, kept, raw, segments, used
from tests.store.living import Writer, tables
from tests.store.support import GUILD, OTHER_GUILD, START
from tests.store.test_personal import ANN, BEN, HOUR, forget, lived
from tracker.errors import ArchiveAwayError, DatabaseError
from tracker.ids import partition_of

MINUTE = 60_000


@pytest.fixture(params=[100, 2 * HOUR], ids=["half", "whole"])
def writer(request: pytest.FixtureRequest, database: Database, place: Path | None) -> Writer:
    """Two members' life in two guilds, the first half or all of it archived."""
    writer = Writer(database)
    writer.write(sorted(lived() + lived(OTHER_GUILD), key=lambda event: event.occurred_at))
    writer.flush(START + HOUR)
    archive_until(database, START + request.param, place)
    return writer


def archived_texts(db: Database, guild: int) -> str:
    """All data of the guild's archived events."""
    found = []
    for segment in segments(db):
        for table in archive_files.batches(segment):
            found += [row[9] for row in archive_files.tuples(table) if row[4] == guild]
    return "\n".join(found)


def kept_for_folds(db: Database) -> str:
    """What the files hold beside the texts."""
    found = []
    for segment in segments(db):
        one = stored(segment, None, keep=False)
        assert one is not None
        found += [str(piece.said) for piece in one.pieces(None, None)]
        found.append(str(one.ahead))
    return "\n".join(found)


def test_names_of_the_forgotten_are_gone_from_what_folds_read(writer: Writer) -> None:
    assert f"name of {ANN}" in kept_for_folds(writer.db)
    for guild in (GUILD, OTHER_GUILD):
        forget(writer, ANN, guild)
    assert f"name of {ANN}" not in kept_for_folds(writer.db)
    assert f"name of {BEN}" in kept_for_folds(writer.db)


def test_names_and_acts_of_the_forgotten_are_gone_from_the_files(writer: Writer, place: Path | None) -> None:
    old = files(writer.db)
    assert f"name of {ANN}" in archived_texts(writer.db, GUILD)
    events = len(kept(writer.db))
    forget(writer, ANN)
    texts = archived_texts(writer.db, GUILD) + "\n".join(row[10] for row in raw(writer.db) if row[5] == GUILD)
    assert f"of {ANN}" not in texts
    assert f'"{ANN}"' not in texts
    assert f"name of {BEN}" in texts
    assert f"name of {ANN}" in archived_texts(writer.db, OTHER_GUILD)
    now = files(writer.db)
    assert now == used(writer.db)
    assert now != old
    if place is not None:
        manifest = json.loads((place / "manifest.json").read_text())
        assert {s["file"] for s in manifest["segments"]} == now
    assert log.check_contiguity(writer.db) >= events
    assert rebuild.verify(writer.db) == []
    before = tables(writer.db)
    rebuild.rebuild(writer.db)
    assert tables(writer.db) == before


def test_an_erasure_with_an_archive_leaves_the_log_that_it_leaves_without_one(
    database: Database, place: Path | None
) -> None:
    logs = []
    for guild in (GUILD, OTHER_GUILD):
        writer = Writer(database)
        writer.write(lived(guild))
        writer.flush(START + HOUR)
        if guild == OTHER_GUILD:
            archive_all(database, place)
        personal.erase(database, guild, ANN, personal.read_traces(database, guild, ANN))
        logs.append([r.event.data for r in kept(database) if r.event.guild_id == guild])
    assert logs[0] == logs[1]
    assert f"of {ANN}" not in repr(logs[0])


def test_an_export_of_a_member_holds_archived_events_too(writer: Writer) -> None:
    found = [json.loads(entry) for kind, entry in personal.read_export(writer.db, GUILD, ANN) if kind == "events"]
    assert len(found) == 7
    assert found[0]["data"]["name"] == f"name of {ANN}"
    acts = [json.loads(entry) for kind, entry in personal.read_export(writer.db, GUILD, ANN) if kind == "done_as_admin"]
    assert len(acts) == 3


def test_who_began_to_read_before_an_erasure_reads_what_it_left(
    writer: Writer, open_again: Callable[[], Database]
) -> None:
    """Also within one state of the database, in which the old file is still said to be in use."""
    elsewhere, before = open_again(), kept(writer.db)
    old = segments(elsewhere)
    with elsewhere.moment():
        assert segments(elsewhere) == old
        forget(writer, ANN)
        assert [s.file for s in segments(elsewhere)] == [s.file for s in old]
        read = kept(elsewhere)
    assert [r.position for r in read] == [r.position for r in before]
    archived = {(s.partition, position) for s in old for position in range(s.first, s.last + 1)}
    theirs = [r for r in read if r.event.guild_id == GUILD and (r.partition, r.position) in archived]
    assert f"name of {BEN}" in repr(theirs)
    assert f"name of {ANN}" not in repr(theirs)
    content = {archive_reading.current(elsewhere, s, archive_files.sound) for s in old}
    assert content == {archive_files.sound(s) for s in segments(writer.db)}


def test_while_the_files_are_away_nothing_is_half_erased(writer: Writer, folder: Path) -> None:
    traces = personal.read_traces(writer.db, GUILD, ANN)
    folder.rename(folder.with_name("unmounted"))
    before = raw(writer.db)
    with pytest.raises(ArchiveAwayError):
        personal.erase(writer.db, GUILD, ANN, traces)
    assert raw(writer.db) == before
    folder.with_name("unmounted").rename(folder)
    personal.erase(writer.db, GUILD, ANN, traces)
    assert f"of {ANN}" not in archived_texts(writer.db, GUILD)


def test_an_erasure_that_fails_at_the_end_leaves_the_files_as_they_were(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, before = files(writer.db), kept(writer.db)
    traces = personal.read_traces(writer.db, GUILD, ANN)

    def failing(*_: object) -> None:
        raise DatabaseError("the last statement failed")

    with monkeypatch.context() as patch:
        patch.setattr(personal, "_posts", failing)
        with pytest.raises(DatabaseError):
            personal.erase(writer.db, GUILD, ANN, traces)
    assert files(writer.db) == there
    assert kept(writer.db) == before


def test_a_reader_that_began_before_an_erasure_goes_on_with_the_new_file(
    writer: Writer, open_again: Callable[[], Database]
) -> None:
    home = partition_of(GUILD, writer.db.partitions)
    with open_again().read() as connection:
        connection.exec_driver_sql("SELECT COUNT(*) FROM archive_segments").scalar_one()
        traces = personal.read_traces(writer.db, GUILD, ANN)
        personal.erase(writer.db, GUILD, ANN, traces)
        read = list(archive_reading.rows(writer.db, connection, home))
    assert len(read) == sum(s.events for s in segments(writer.db) if s.partition == home)


def test_an_old_file_that_could_not_be_removed_goes_with_the_next_sweep(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(archive_place, "remove", lambda *_: None)
        forget(writer, ANN)
    assert files(writer.db) > used(writer.db)
    assert archive_place.sweep(writer.db) != []
    assert files(writer.db) == used(writer.db)


def written_before(db: Database, traces: Traces) -> list[Written]:
    """The files, written anew before anything is erased."""
    partition, data = partition_of(GUILD, db.partitions), dict(traces.data)
    return archive_erasure.written(db, archive_erasure.begin(db, partition, data), data)


def nobody_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise AssertionError("a file is written")

    monkeypatch.setattr(archive_files, "write", write)


def test_files_that_were_written_before_are_put_into_use_as_they_are(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = personal.read_traces(writer.db, GUILD, ANN)
    before, ready = kept(writer.db), written_before(writer.db, traces)
    assert ready
    assert kept(writer.db) == before
    with monkeypatch.context() as patch:
        nobody_writes(patch)
        personal.erase(writer.db, GUILD, ANN, traces, ready)
    assert f"of {ANN}" not in archived_texts(writer.db, GUILD)
    assert files(writer.db) == used(writer.db)
    assert len(kept(writer.db)) == len(before)


def test_what_was_written_of_a_file_that_is_not_in_use_any_more_is_written_again(writer: Writer) -> None:
    traces = personal.read_traces(writer.db, GUILD, ANN)
    ready = written_before(writer.db, traces)
    personal.erase(writer.db, GUILD, BEN, personal.read_traces(writer.db, GUILD, BEN))
    personal.erase(writer.db, GUILD, ANN, traces, ready)
    texts = archived_texts(writer.db, GUILD)
    assert f"of {ANN}" not in texts
    assert f"of {BEN}" not in texts
    assert files(writer.db) == used(writer.db)


def test_what_was_swept_away_before_it_was_put_into_use_is_written_again(writer: Writer) -> None:
    traces = personal.read_traces(writer.db, GUILD, ANN)
    ready = written_before(writer.db, traces)
    assert set(archive_place.sweep(writer.db)) == {one.new.file.name for one in ready}
    personal.erase(writer.db, GUILD, ANN, traces, ready)
    assert f"of {ANN}" not in archived_texts(writer.db, GUILD)
    assert files(writer.db) == used(writer.db)


def test_names_that_were_archived_since_they_were_found_are_erased_too(writer: Writer, place: Path | None) -> None:
    traces = personal.read_traces(writer.db, GUILD, ANN)
    ready = written_before(writer.db, traces)
    archive_all(writer.db, place)  # which sweeps, too
    personal.erase(writer.db, GUILD, ANN, traces, ready)
    assert f"of {ANN}" not in archived_texts(writer.db, GUILD)
    assert files(writer.db) == used(writer.db)
