"""`tracker check` and `tracker replay` find and mend what is not as the log says."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import rebuild
from store.engine import Database
from tests.cli.support import community, tracker, written
from tracker.ids import GuildId


@pytest.fixture
def url(database: Database, tmp_path: Path) -> str:
    url = database.engine.url.render_as_string(hide_password=False)
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    return url


def spoil(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(statement)


def test_a_sound_database_is_said_to_be_so_in_one_line(url: str) -> None:
    result = tracker("check", "--database", url)
    assert (result.code, result.out, result.err) == (0, "13 events without a gap; live figures = replay\n", "")


def test_a_figure_that_is_not_what_the_log_says_is_named_and_mended(database: Database, url: str) -> None:
    spoil(database, "UPDATE daily SET voice_ms = voice_ms + 1 WHERE day = 20260218 AND user_id = 20")
    found = tracker("check", "--database", url)
    assert (found.code, found.out) == (1, "")
    assert "daily (10, 20260218, 20, 30) voice_ms: live 31388001, the log says 31388000" in found.err
    mended = tracker("replay", "--database", url)
    assert (mended.code, mended.out) == (0, "13 events replayed\n")
    assert tracker("check", "--database", url).code == 0


@pytest.mark.parametrize("jobs", [1, 3])
def test_any_number_of_partitions_at_once_gives_the_same_figures(database: Database, url: str, jobs: int) -> None:
    spoil(database, "UPDATE daily SET voice_ms = voice_ms + 1 WHERE day = 20260218 AND user_id = 20")
    result = tracker("replay", "--jobs", jobs, "--database", url)
    assert (result.code, result.out) == (0, "13 events replayed\n")
    assert tracker("check", "--database", url).code == 0


def test_history_that_is_not_counted_yet_is_said_to_be(database: Database, url: str) -> None:
    rebuild.mark_for_rebuild(database, [GuildId(10)])
    result = tracker("check", "--database", url)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("tracker: history was added to 1 guilds and is not counted yet: a running bot")


def test_a_hole_in_the_log_is_an_alarm(database: Database, url: str) -> None:
    spoil(database, "DELETE FROM events WHERE position = 5")
    result = tracker("check", "--database", url)
    assert (result.code, result.out) == (1, "")
    assert "events are missing" in result.err
    assert result.err.startswith("tracker: ")
