"""The archive is part of the log: with it or without it, everything that reads or appends gives the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from store import archive_moving, archive_place, examination, log, rebuild
from store.engine import Database
from tests.examples import examples
from tests.properties.communities import Community, communities
from tests.store.archives import archive_all, archive_until, files, fresh, kept, raw, segments
from tests.store.living import Writer, tables
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_rebuild import live
from tracker.errors import ConfigError
from tracker.events.message import MessageSent
from tracker.ids import Ms, partition_of

MINUTE = 60_000


@pytest.fixture
def writer(database: Database) -> Writer:
    """Thirty members of two guilds, one a minute; all of it counted."""
    writer = Writer(database)
    writer.write(
        fact(at=n * MINUTE, user=n + 1, guild=guild, channel=900) for n in range(30) for guild in (GUILD, OTHER_GUILD)
    )
    writer.flush(START + 40 * MINUTE)
    return writer


@pytest.mark.parametrize("files_of", [5, 500_000])
@settings(
    max_examples=examples(5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[p for p in Phase if p is not Phase.explain],
)
@given(
    community=communities(moves=25),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    parts=st.lists(st.integers(0, 60), min_size=1, max_size=3).map(sorted),
)
def test_with_an_archive_of_any_size_everything_is_as_without_it(
    database: Database, place: Path | None, community: Community, cuts: list[int], parts: list[int], files_of: int
) -> None:
    fresh(database, place)
    live(database, community, cuts)
    log_before, rows, figures = kept(database), raw(database), tables(database)
    newest = log.newest(database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive_moving, "SEGMENT", files_of)
        for part in parts:
            archive_until(database, community.events[min(part, len(community.events) - 1)].occurred_at, place)
    assert kept(database) == log_before
    assert log.check_contiguity(database) == len(rows)
    assert log.newest(database) == newest
    assert rebuild.verify(database) == []
    rebuild.rebuild(database)
    assert tables(database) == figures
    again = [r.event for r in log_before if r.event.user_id is None or r.event.user_id > 0]
    assert log.append(database, again, recorded_at=START).appended == 0
    assert rebuild.append_history(database, again, recorded_at=START, newest=newest).appended == 0
    archive_moving.restore(database, lease=None)
    assert raw(database) == rows
    assert files(database) == set()
    assert place is None or list(place.glob("*")) == []


def test_an_event_is_in_a_file_or_in_the_table_and_never_in_both(writer: Writer, place: Path | None) -> None:
    before = kept(writer.db)
    assert archive_until(writer.db, START + 10 * MINUTE, place) == 20
    assert sum(s.events for s in segments(writer.db)) + len(raw(writer.db)) == len(before)
    assert kept(writer.db) == before
    assert archive_until(writer.db, START + 10 * MINUTE, place) == 0
    assert archive_until(writer.db, START + 20 * MINUTE, place) == 20
    assert kept(writer.db) == before
    assert rebuild.verify(writer.db) == []


def test_what_is_not_counted_yet_stays_in_the_table(writer: Writer, place: Path | None) -> None:
    log.append(writer.db, [fact(at=41 * MINUTE)], recorded_at=START)
    archive_all(writer.db, place)
    assert [row[7 + 1] for row in raw(writer.db)] == [START + 41 * MINUTE]
    assert [b.is_broken for b in examination.backlogs(writer.db)] == [False] * len(examination.backlogs(writer.db))


def test_a_guild_that_awaits_a_rebuild_stays_in_the_table(writer: Writer, place: Path | None) -> None:
    rebuild.mark_for_rebuild(writer.db, [GUILD])
    archive_all(writer.db, place)
    staying = {row[5] for row in raw(writer.db)}
    assert GUILD in staying
    rebuild.unmark(writer.db, {GUILD})
    archive_all(writer.db, place)
    assert raw(writer.db) == []
    assert [b.is_broken for b in examination.backlogs(writer.db)] == [False] * len(examination.backlogs(writer.db))


def test_a_bot_goes_on_behind_an_archive_of_all_it_has(writer: Writer, place: Path | None) -> None:
    archive_all(writer.db, place)
    other = Writer(writer.db)
    other.write([fact(at=50 * MINUTE, user=3), fact(MessageSent(), at=51 * MINUTE, event_id=f"message:{1 << 60}")])
    other.flush(START + 60 * MINUTE)
    assert rebuild.verify(writer.db) == []
    assert log.check_contiguity(writer.db) == len(kept(writer.db))


def test_the_manifest_says_which_files_there_are(writer: Writer, folder: Path) -> None:
    archive_until(writer.db, START + 10 * MINUTE, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {s["file"] for s in manifest["segments"]} == files(writer.db)
    assert [(s["sha256"], s["events"]) for s in manifest["segments"]] == [
        (s.sha256, s.events) for s in segments(writer.db)
    ]


def test_the_place_is_next_to_the_file_of_sqlite_and_within_postgresql_or_said_once(
    writer: Writer, tmp_path: Path
) -> None:
    def archiving(before: int, where: Path | None) -> str:
        moved = archive_moving.archive_before(writer.db, Ms(START + before), now=START, folder=where, lease=None)
        assert moved.events == 20
        return str(moved.place)

    usual = f"{writer.db.name}.archive" if writer.db.dialect == "sqlite" else "the database"
    assert archiving(10 * MINUTE, None) == usual
    archive_moving.restore(writer.db, lease=None)
    assert archiving(10 * MINUTE, tmp_path / "said") == str(tmp_path / "said")
    assert archiving(20 * MINUTE, None) == str(tmp_path / "said")


def test_an_archive_within_the_database_does_not_move_into_a_directory_by_being_said_to(
    postgresql: Database, writer: Writer, tmp_path: Path
) -> None:
    archive_until(writer.db, START + 10 * MINUTE, None)
    before, there = kept(postgresql), segments(postgresql)
    for moving in (lambda: archive_place.move(writer.db, tmp_path), lambda: archive_all(writer.db, tmp_path)):
        with pytest.raises(ConfigError, match=r"is in the database already .* --restore"):
            moving()
    assert (kept(postgresql), segments(postgresql), list(tmp_path.iterdir())) == (before, there, [])
    archive_moving.restore(postgresql, lease=None)
    assert (kept(postgresql), files(postgresql)) == (before, set())
    archive_all(postgresql, tmp_path / "said")
    assert kept(postgresql) == before


def test_files_within_the_database_are_kept_as_they_are(postgresql: Database, writer: Writer) -> None:
    """Not compressed once more: parts of one are read without the rest."""
    archive_until(writer.db, START + 10 * MINUTE, None)
    with postgresql.read() as connection:
        found = connection.exec_driver_sql("SELECT file, pg_column_compression(content) FROM archive_contents").all()
        kind = connection.exec_driver_sql(
            "SELECT attstorage FROM pg_attribute WHERE attrelid = 'archive_contents'::regclass AND attname = 'content'"
        ).scalar_one()
    assert (found, kind) == ([(segment.file.name, None) for segment in segments(postgresql)], "e")


def test_an_archive_can_be_carried_elsewhere_but_not_be_in_two_places(writer: Writer, folder: Path) -> None:
    archive_until(writer.db, START + 10 * MINUTE, folder)
    elsewhere = folder.with_name("elsewhere")
    with pytest.raises(ConfigError, match="move them"):
        archive_until(writer.db, START + 20 * MINUTE, elsewhere)
    before = kept(writer.db)
    folder.rename(elsewhere)
    archive_place.move(writer.db, elsewhere)
    assert kept(writer.db) == before
    archive_until(writer.db, START + 20 * MINUTE, elsewhere)
    assert kept(writer.db) == before


def test_a_directory_of_another_database_is_refused(writer: Writer, folder: Path) -> None:
    folder.mkdir()
    (folder / "manifest.json").write_text('{"database": "another"}')
    with pytest.raises(ConfigError, match="another database"):
        archive_all(writer.db, folder)
    assert segments(writer.db) == []


def test_files_that_nobody_noted_are_left_alone_and_named(writer: Writer, folder: Path) -> None:
    archive_until(writer.db, START + 10 * MINUTE, folder)
    stranger = folder / "p0000-000000000001-000000000009-00000000.parquet"
    stranger.touch()
    archive_until(writer.db, START + 20 * MINUTE, folder)
    assert stranger.exists()
    assert [str(file) for file in archive_place.strangers(writer.db)] == [str(stranger)]


def test_without_pyarrow_it_is_said_what_to_install(
    writer: Writer, place: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive_until(writer.db, START + 10 * MINUTE, place)
    for name in ("pyarrow", "pyarrow.parquet", "pyarrow.compute"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ConfigError, match="pip install pyarrow"):
        archive_all(writer.db, place)
    with pytest.raises(ConfigError, match="pip install pyarrow"):
        kept(writer.db)
    Writer(writer.db).write([fact(at=50 * MINUTE)])
    log.check_contiguity(writer.db)


def test_a_reader_that_began_before_a_restore_or_an_archiving_reads_one_consistent_log(
    writer: Writer, place: Path | None, open_again: Callable[[], Database]
) -> None:
    before = [r for r in kept(writer.db) if r.partition == partition_of(GUILD, writer.db.partitions)]
    reading = log.read(open_again(), partition_of(GUILD, writer.db.partitions))
    first = next(reading)
    archive_all(writer.db, place)
    assert [first, *reading] == before
