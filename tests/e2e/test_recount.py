"""History that another process brings while the real bot runs: it is counted anew, and nobody waits for that."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

import store.log
import store.rebuild
from store.engine import Database, open_database
from tests.cli.support import tracker
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.test_crashes import sandbox
from tests.e2e.town import Town, check, folded, logged_messages, wait_until_gone
from tests.projections.history import GUILD as ELSEWHERE
from tests.projections.history import HOUR, History
from tracker.clock import SystemClock
from tracker.events.envelope import Event
from tracker.events.exchange import to_line
from tracker.ids import GuildId, Ms
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]

RUNNING = "connected: counting"
DAY = 24 * HOUR


def start(url: str, sandbox: SandboxThread, kill_at: str | None = None, **environ: str) -> BotProcess:
    found = sandbox.sandbox
    return BotProcess(url, token=found.token, rest_url=found.rest_url, kill_at=kill_at, environ=environ)


def past(guild: GuildId, *, days: int, part: int = 0) -> list[Event]:
    """An hour in voice of each of three members, so many days ago; one of them never leaves."""
    story = History(guild)
    story.now = Ms(SystemClock().now() - days * DAY)
    for member in (1, 2, 3):
        story.join(900 + member, 70).after(HOUR)
        if member < 3:
            story.leave(900 + member, 70)
    serial = iter(range(100))
    return [_called(event, f"past:{guild}:{part}:{next(serial)}") for event in story.events]


def _called(event: Event, name: str) -> Event:
    from dataclasses import replace

    from tracker.ids import EventId

    return replace(event, id=EventId(name))


def bring(url: str, events: list[Event]) -> None:
    """As another process does."""
    database = open_database(url, create=False)
    store.rebuild.append_history(database, events, recorded_at=SystemClock().now(), newest={})
    database.close()


def voice_ms(database: Database, guild: GuildId, user: int) -> int:
    with database.read() as connection:
        found = connection.exec_driver_sql(
            f"SELECT SUM(voice_ms) FROM daily WHERE guild_id = {guild} AND user_id = {user}"
        )
        return int(found.scalar_one() or 0)


def until(condition: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        meanwhile()
        time.sleep(0.02)  # a town, not a flood: the bot shares the machine with it


def finished(url: str, town: Town) -> None:
    """Nothing is lost, doubled or different; who is in voice is who is in voice."""
    database = open_database(url, create=False)
    assert store.rebuild.marked(database) == set()
    check(database)
    known = folded(database, town.guild_id).guild(town.guild_id).voice.open
    assert {user: session.channel.id for user, session in known.items()} == town.in_voice()
    assert set(logged_messages(database)) <= set(town.message_ids())
    assert voice_ms(database, town.guild_id, 901) == HOUR
    database.close()


def test_history_is_counted_while_the_town_goes_on(database_url: str, sandbox: SandboxThread) -> None:
    town = Town(sandbox, seed=11)
    with start(database_url, sandbox, TRACKER_HEALTH_PORT="0") as bot:
        address = bot.wait_for("health check at ").split()[-1]
        bot.wait_for(RUNNING)
        for _ in range(30):
            town.stir()
        database = open_database(database_url, create=False)
        for part in range(3):  # more of it comes while the last is being counted
            bring(database_url, past(town.guild_id, days=30 - part, part=part))
            bring(database_url, past(ELSEWHERE, days=20 - part, part=part))
            for _ in range(100):
                town.stir()
        until(lambda: town.guild_id not in store.rebuild.marked(database), town.stir)
        until(lambda: not store.rebuild.marked(database), town.stir)
        with urlopen(address) as answer:  # noqa: S310
            health = json.load(answer)
        assert health["status"] == "ok"
        assert health["recounts"] == {}
        database.close()
        assert bot.terminate() == 0, bot.log
    database = open_database(database_url, create=False)
    assert voice_ms(database, town.guild_id, 902) == 3 * HOUR
    assert voice_ms(database, ELSEWHERE, 902) == 3 * HOUR
    check(database)
    database.close()


def test_an_import_beside_the_bot_is_counted_by_it(database_url: str, sandbox: SandboxThread, tmp_path: Path) -> None:
    town, file = Town(sandbox, seed=12), tmp_path / "history.jsonl"
    file.write_text("".join(to_line(event) + "\n" for event in past(town.guild_id, days=10)), "utf-8")
    with start(database_url, sandbox) as bot:
        bot.wait_for(RUNNING)
        for _ in range(20):
            town.stir()
        said = tracker("import", file, "--database", database_url)
        assert said.code == 0, said.err
        database = open_database(database_url, create=False)
        until(lambda: not store.rebuild.marked(database), town.stir)
        database.close()
        assert bot.terminate() == 0, bot.log
    finished(database_url, town)


@pytest.mark.parametrize("point", ["clearing:1", "exchanging:1"])
def test_after_being_killed_in_an_exchange_the_old_rows_are_there_and_the_next_start_counts(
    database_url: str, sandbox: SandboxThread, point: str
) -> None:
    town = Town(sandbox, seed=13)
    with start(database_url, sandbox) as bot:
        bot.wait_for(RUNNING)
        for _ in range(30):
            town.stir()
        assert bot.terminate() == 0
    with start(database_url, sandbox, kill_at=point) as bot:
        bot.wait_for(RUNNING)
        bring(database_url, past(town.guild_id, days=10))
        until(lambda: wait_until_gone(bot.process, 0.01), town.stir)
        assert bot.process.returncode == -signal.SIGKILL, bot.log
    database = open_database(database_url)
    assert store.rebuild.marked(database) == {town.guild_id}
    assert voice_ms(database, town.guild_id, 901) == 0
    store.log.check_contiguity(database)
    database.close()
    with start(database_url, sandbox) as bot:
        bot.wait_for("counted anew in")
        for _ in range(20):
            town.stir()
        assert bot.terminate() == 0, bot.log
    finished(database_url, town)


def test_killed_while_a_process_folds_neither_is_left(database_url: str, sandbox: SandboxThread) -> None:
    town = Town(sandbox, seed=14)
    with start(database_url, sandbox) as bot:
        bot.wait_for(RUNNING)
        bring(database_url, past(town.guild_id, days=10))
        bot.wait_for("history was added to it")
        bot.kill()
    with start(database_url, sandbox) as bot:
        bot.wait_for("counted anew in")
        town.stir()
        assert bot.terminate() == 0, bot.log
    finished(database_url, town)
