"""What is archived unasked: of which databases, and in full files only, while nobody else writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from store import archive_place, archive_unasked, rebuild
from store import lease as leases
from store.engine import Database
from tests.store.archives import files, kept, segments, used
from tests.store.living import Writer, tables
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.clock import SystemClock
from tracker.errors import ArchiveAwayError, LeaseLostError
from tracker.ids import Ms

MINUTE, DAY = 60_000, 86_400_000
FOR_EVER = Ms(1 << 53)


@pytest.fixture
def writer(database: Database, place: Path | None) -> Writer:
    """Thirty members of each of two guilds, one a minute, all of it counted; where archived files go is said."""
    writer = Writer(database)
    writer.write(fact(at=n * MINUTE, user=n + 1, guild=guild) for n in range(30) for guild in (GUILD, OTHER_GUILD))
    writer.flush(START + 40 * MINUTE)
    archive_place.settle(database, place)
    return writer


def test_only_within_the_database_does_anything_go_by_itself_and_only_if_it_can_be_written(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert archive_unasked.age(database, "auto") == (3_600_000 if database.dialect == "postgresql" else None)
    assert [archive_unasked.age(database, days) for days in (None, 1, 30)] == [None, DAY, 30 * DAY]
    with monkeypatch.context() as patched:
        patched.setattr("store.archive_unasked.find_spec", lambda _: None)
        assert archive_unasked.age(database, "auto") is None
    archive_place.settle(database, folder)
    assert archive_unasked.age(database, "auto") is None


def test_full_files_are_made_of_what_is_old_and_no_other(writer: Writer) -> None:
    log, figures, told = kept(writer.db), tables(writer.db), list[int]()
    done = archive_unasked.seal(writer.db, Ms(START + 20 * MINUTE), now=START, lease=None, size=7, progress=told.append)
    sizes = [segment.events for segment in segments(writer.db)]
    assert set(sizes) == {7}
    assert told == sizes
    assert (done.events, done.files) == (sum(sizes), len(sizes))
    assert all(segment.last_at < START + 20 * MINUTE for segment in segments(writer.db))
    assert archive_unasked.seal(writer.db, Ms(START + 20 * MINUTE), now=START, lease=None, size=7).files == 0
    assert (kept(writer.db), tables(writer.db), rebuild.verify(writer.db)) == (log, figures, [])
    assert files(writer.db) == used(writer.db)


def test_who_lost_the_lease_moves_nothing_more(writer: Writer) -> None:
    lease = leases.acquire(writer.db, now=SystemClock().now(), command=True)
    leases.release(writer.db, lease)
    elsewhere = leases.Process(host="elsewhere", machine="another", pid=4321, start="")
    leases.acquire(writer.db, now=SystemClock().now(), holder=elsewhere)
    log = kept(writer.db)
    with pytest.raises(LeaseLostError):
        archive_unasked.seal(writer.db, FOR_EVER, now=START, lease=lease, size=7)
    assert (segments(writer.db), kept(writer.db)) == ([], log)


def test_where_the_archives_directory_is_away_nothing_is_moved(writer: Writer, folder: Path) -> None:
    archive_unasked.seal(writer.db, Ms(START + 20 * MINUTE), now=START, lease=None, size=7)
    before = segments(writer.db)
    shutil.move(folder, folder.with_name("elsewhere"))
    with pytest.raises(ArchiveAwayError):
        archive_unasked.seal(writer.db, FOR_EVER, now=START, lease=None, size=7)
    shutil.move(folder.with_name("elsewhere"), folder)
    assert segments(writer.db) == before
