"""The real bot archives what it is asked to, and is killed while it does: each event is in one place."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import store.log
import store.rebuild
from store import archive, archive_place, archive_wishes
from store.engine import Database, open_database
from tests.e2e.bot import PATIENCE_S
from tests.e2e.test_crashes import sandbox
from tests.e2e.test_recount import DAY, RUNNING, past, start, until
from tests.e2e.town import Town, check, folded, logged_messages, wait_until_gone
from tests.projections.history import GUILD as ELSEWHERE
from tracker.clock import SystemClock
from tracker.events.envelope import RecordedEvent
from tracker.ids import EventId, Ms
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]

DEATHS = {
    "sqlite": ("noted:1", "noted:2", "putting:1", "emptying:1", "granting:1", "granting:3"),
    "postgresql": ("noted:1", "putting:1", "emptying:1", "granting:1", "granting:2"),  # no directory is to be noted
}
"""While the directory is claimed; before the file is there; when it is; in the middle of putting it into use; while
the directory is looked at again; and as the file comes into use."""


def lived(url: str, folder: Path) -> list[RecordedEvent]:
    """A log of some days a month ago, counted; what is in it."""
    database = open_database(url, create=False)
    story = [replace(e, id=EventId(f"{e.id}:{n}")) for n in range(3) for e in past(ELSEWHERE, days=40 - n)]
    store.log.append(database, story, recorded_at=SystemClock().now())
    store.rebuild.rebuild(database)
    if database.dialect == "sqlite":  # else the files are within the database
        with database.write() as connection:
            archive.put_directory(connection, folder)
    before = logged(database)
    database.close()
    return before


def logged(database: Database) -> list[RecordedEvent]:
    """What was in the log when it began. (At a start the bot says since when it did not see that guild.)"""
    everything = [r for p in database.all_partitions for r in store.log.read(database, p)]
    return [r for r in everything if r.event.id.startswith("past:")]


def long_ago() -> Ms:
    return Ms(SystemClock().now() - 20 * DAY)


def test_killed_anywhere_while_it_archives_the_bot_loses_and_doubles_nothing(
    database_url: str, sandbox: SandboxThread, tmp_path: Path
) -> None:
    folder, town = tmp_path / "archive", Town(sandbox, seed=11)
    before, wanted = lived(database_url, folder), long_ago()
    for point in DEATHS[database_url.partition(":")[0]]:
        database = open_database(database_url, create=False)
        archive_wishes.ask(database, wanted)
        database.close()
        with start(database_url, sandbox, kill_at=point) as bot:
            for _ in range(1000):
                town.stir()
                if wait_until_gone(bot.process, 0.01):
                    break
            assert wait_until_gone(bot.process, PATIENCE_S), (point, bot.log)
            assert bot.process.returncode == -signal.SIGKILL, (point, bot.log)
        database = open_database(database_url, create=False)
        store.log.check_contiguity(database)
        assert logged(database) == before, point
        check(database)
        database.close()
    with start(database_url, sandbox) as bot:
        bot.wait_for(RUNNING)
        database = open_database(database_url, create=False)
        until(lambda: archive_wishes.wish(database) is None, meanwhile=town.stir)
        assert bot.terminate() == 0, bot.log
    archive_place.sweep(database)
    with database.read() as connection:
        segments = archive.all_segments(connection)
        there = archive.place(connection).names()
    assert sum(segment.events for segment in segments) >= len(before)
    assert {name for name in there if name.endswith(".parquet")} == {segment.file.name for segment in segments}
    assert (database.dialect == "sqlite") == folder.exists()
    assert logged(database) == before
    check(database)
    known = folded(database, town.guild_id).guild(town.guild_id).voice.open
    assert {user: session.channel.id for user, session in known.items()} == town.in_voice()
    assert set(logged_messages(database)) <= set(town.message_ids())
    database.close()
