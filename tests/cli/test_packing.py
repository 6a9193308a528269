"""A big import leaves the log as a running bot would: old events in full files, where that goes unasked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from store import archive, archive_place
from store import lease as leases
from store.engine import Database
from tests.cli.support import Result, community, tracker, written
from tests.databases import only_postgresql, only_sqlite
from tracker.cli.packing import pack
from tracker.clock import SystemClock

OTHER = leases.Process(host="elsewhere", machine="another", pid=4321, start="")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four events fill a file."""
    monkeypatch.setattr("tracker.cli.importing.pack", partial(pack, size=4))
    monkeypatch.delenv("TRACKER_ARCHIVE_AFTER_DAYS", raising=False)


def sizes(database: Database) -> list[int]:
    with database.read() as connection:
        return [segment.events for segment in archive.all_segments(connection)]


def brought(database: Database, folder: Path) -> Result:
    url = database.engine.url.render_as_string(hide_password=False)
    return tracker("import", written(folder / "e.jsonl", community()), "--database", url)


@only_postgresql
def test_within_postgresql_a_big_import_is_in_files_at_once(database: Database, tmp_path: Path) -> None:
    result = brought(database, tmp_path)
    assert result.out.startswith("13 new, 0 already there")
    assert result.err == "12 events are in 3 compressed files in the database (0.0 MB)\n"
    assert sizes(database) == [4, 4, 4]
    url = database.engine.url.render_as_string(hide_password=False)
    assert tracker("check", "--database", url).out == "13 events without a gap; live figures = replay\n"
    again = brought(database, tmp_path)
    assert (again.out[:22], again.err) == ("0 new, 13 already ther", "")


@only_postgresql
@pytest.mark.parametrize(("fills", "said"), [(14, "auto"), (4, "off")])
def test_of_an_import_that_fills_no_file_all_stays_in_the_table_and_so_it_does_where_the_bot_is_kept_from_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fills: int, said: str
) -> None:
    monkeypatch.setattr("tracker.cli.importing.pack", partial(pack, size=fills))
    monkeypatch.setenv("TRACKER_ARCHIVE_AFTER_DAYS", said)
    assert brought(database, tmp_path).err == ""
    assert sizes(database) == []


@only_sqlite
def test_next_to_sqlite_files_are_made_only_if_an_age_is_said(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert brought(database, tmp_path).err == ""
    assert sizes(database) == []
    monkeypatch.setenv("TRACKER_ARCHIVE_AFTER_DAYS", "7")
    url = f"sqlite:///{tmp_path / 'other.db'}"
    result = tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    assert result.err == f"12 events are in 3 compressed files in {tmp_path / 'other.db'}.archive (0.0 MB)\n"


def test_what_is_no_age_is_said_before_anything_is_imported(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_ARCHIVE_AFTER_DAYS", "soon")
    result = brought(database, tmp_path)
    assert (result.code, result.out) == (2, "")
    assert "TRACKER_ARCHIVE_AFTER_DAYS: 'soon'" in result.err
    monkeypatch.delenv("TRACKER_ARCHIVE_AFTER_DAYS")
    assert brought(database, tmp_path).out.startswith("13 new")


def test_what_cannot_be_archived_now_is_said_and_the_import_is_done(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "archive"
    archive_place.settle(database, place)
    place.rmdir()
    place.write_text("no directory")
    monkeypatch.setenv("TRACKER_ARCHIVE_AFTER_DAYS", "7")
    result = brought(database, tmp_path)
    assert (result.code, result.out[:6]) == (0, "13 new")
    assert result.err.startswith("old events are not archived now, the bot will try again: ")
    assert sizes(database) == []


@only_postgresql
def test_beside_a_running_bot_that_is_left_to_it(database: Database, tmp_path: Path) -> None:
    leases.acquire(database, now=SystemClock().now(), holder=OTHER)
    assert brought(database, tmp_path).out.startswith("13 new")
    assert sizes(database) == []
