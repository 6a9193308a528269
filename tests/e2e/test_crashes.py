"""kill -9 of the real process, at random instants and at exact ones, and what is there afterwards."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import store.log
import store.queries
import store.rebuild
from store.engine import open_database
from tests.e2e.bot import PATIENCE_S, BotProcess, NewBotProcess
from tests.e2e.town import Town, check, folded, logged_messages, wait_until_gone
from tests.projections.history import GUILD, HOUR, History
from tracker.sandbox.gateway.connection import Op
from tracker.sandbox.thread import SandboxThread


@pytest.fixture
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


def start(url: str, sandbox: SandboxThread, kill_at: str | None = None) -> BotProcess:
    return BotProcess(url, token=sandbox.sandbox.token, rest_url=sandbox.sandbox.rest_url, kill_at=kill_at)


def finish(url: str, sandbox: SandboxThread, town: Town) -> None:
    """Start once more, leave it in peace, stop it cleanly; then everything must be right."""
    with start(url, sandbox) as bot:
        bot.wait_for("connected: counting")
        for _ in range(20):
            town.stir()
        assert bot.terminate() == 0, bot.log
        assert any("everything is written" in line for line in bot.log), bot.log
    database = open_database(url, create=False)
    check(database)
    state = folded(database, town.guild_id)
    known = state.guild(town.guild_id).voice.open
    assert {user: session.channel.id for user, session in known.items()} == town.in_voice()
    assert set(logged_messages(database)) <= set(town.message_ids())
    database.close()


def test_after_being_killed_at_random_instants_nothing_is_lost_doubled_or_different(
    database_url: str, sandbox: SandboxThread
) -> None:
    town, dice = Town(sandbox, seed=20260218), random.Random(7)
    for _ in range(3):
        with start(database_url, sandbox) as bot:
            bot.wait_for("connected: counting")
            stirs = dice.randrange(40, 300)  # at 1 to 3 ms each: before, in and after group commits and flushes
            for _ in range(stirs):
                town.stir()
            bot.kill()
        database = open_database(database_url, create=False)
        check(database)
        assert set(logged_messages(database)) <= set(town.message_ids())
        database.close()
        for _ in range(15):  # and life goes on while nobody counts
            town.stir()
    finish(database_url, sandbox, town)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(("statement:14", "executed:19", "statement:23", "executed:31"), id="early"),
        pytest.param(("commit:4", "committed:4", "commit:6", "committed:6"), id="around commits"),
        pytest.param(("statement:37", "executed:43", "commit:9", "committed:9"), id="later", marks=pytest.mark.slow),
    ],
)
def test_after_being_killed_at_an_exact_point_of_a_commit_or_flush_nothing_is_different(
    database_url: str, sandbox: SandboxThread, points: tuple[str, ...]
) -> None:
    town = Town(sandbox, seed=len(points[0]))
    for point in points:
        if "postgresql" in database_url:  # its appends and flushes are single statements that commit themselves
            point = point.replace("committed", "executed").replace("commit", "statement")
        with start(database_url, sandbox, kill_at=point) as bot:
            for _ in range(400):
                town.stir()
                if wait_until_gone(bot.process, 0.01):
                    break
            assert wait_until_gone(bot.process, PATIENCE_S), bot.log  # it flushes every second: every point comes
            assert bot.process.returncode == -signal.SIGKILL, bot.log
        database = open_database(database_url)
        check(database)
        database.close()
    finish(database_url, sandbox, town)


def test_a_checkpoint_outside_the_transaction_would_be_found_out(database_url: str, sandbox: SandboxThread) -> None:
    """The same check, on a bot with that bug planted: it can fail, so its passing says something."""
    town = Town(sandbox, seed=5)
    with start(database_url, sandbox, kill_at="flushing:3") as bot:
        for _ in range(1000):
            town.stir()
            if wait_until_gone(bot.process, 0.01):
                break
        assert bot.process.returncode == -signal.SIGKILL, bot.log
    database = open_database(database_url)
    assert store.rebuild.verify(database) != []
    database.close()


def have_all_read(sandbox: SandboxThread) -> None:
    """Wait until the bot has read what was sent to it: it answers a heartbeat that it is asked for in its turn.

    It is asked twice, because one of the answers may be the heartbeat that it sends anyhow.
    """
    gateway, end = sandbox.sandbox.hub, time.monotonic() + PATIENCE_S

    def ask() -> None:
        for connection in gateway.connections:
            connection.send(Op.HEARTBEAT)

    for _ in range(2):
        before = gateway.counters.heartbeats
        sandbox.call(ask)
        while gateway.counters.heartbeats == before:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_signal_drains_and_leaves(database_url: str, sandbox: SandboxThread, how: signal.Signals) -> None:
    town, found = Town(sandbox, seed=3), sandbox.sandbox
    late = {"TRACKER_COMMIT_MS": "60000"}  # what nobody asks for is only in memory when the signal comes
    with NewBotProcess(database_url, token=found.token, rest_url=found.rest_url, environ=late) as bot:
        bot.wait_for("connected: counting")
        for _ in range(50):
            town.stir()
        written = set(town.message_ids())
        have_all_read(sandbox)
        assert bot.terminate(how) == 0
    database = open_database(database_url, create=False)
    check(database)
    assert written <= set(logged_messages(database))
    database.close()


def test_a_stop_while_the_database_is_locked_says_how_many_events_are_lost(
    tmp_path: Path, sandbox: SandboxThread
) -> None:
    town, path = Town(sandbox, seed=3), tmp_path / "tracker.db"
    with start(f"sqlite:///{path}", sandbox) as bot:
        bot.wait_for("connected: counting")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        for _ in range(10):
            town.stir()
        bot.wait_for("is locked")
        assert bot.terminate() == 1
        assert "events could not be written and are lost" in bot.log[-1]
        holder.execute("ROLLBACK")
        holder.close()
    finish(f"sqlite:///{path}", sandbox, town)


def test_an_import_that_was_cut_off_before_counting_is_finished_after_the_next_start(
    database_url: str, sandbox: SandboxThread
) -> None:
    town, old = Town(sandbox, seed=3), History()
    old.join(1, 10).after(HOUR).leave(1, 10)
    database = open_database(database_url)
    store.log.append(database, old.events[1:], recorded_at=old.now)
    store.rebuild.rebuild(database)
    store.rebuild.append_history(database, old.events[:1], recorded_at=old.now, newest=store.log.newest(database))
    assert store.rebuild.marked(database)
    database.close()
    with start(database_url, sandbox) as bot:
        bot.wait_for("connected: counting")  # nobody waits for it
        bot.wait_for(f"guild {GUILD}: counted anew")
        assert bot.terminate() == 0
    database = open_database(database_url, create=False)
    assert not store.rebuild.marked(database)
    check(database)
    (row,) = store.queries.daily_rows(database, GUILD, 20260218, 20260218)
    assert row.voice_ms == HOUR
    database.close()
    assert town.guild_id != GUILD


def test_a_second_process_on_the_same_database_is_refused_and_told_by_whom(
    database_url: str, sandbox: SandboxThread
) -> None:
    Town(sandbox, seed=3)
    with start(database_url, sandbox) as first:
        first.wait_for("connected: counting")
        with start(database_url, sandbox) as second:
            assert second.wait() == 2
            assert len(second.log) == 1
            assert f"process {first.process.pid} on " in second.log[0]
        first.kill()
        with start(database_url, sandbox) as third:  # at once: the holder died on this host
            third.wait_for("connected: counting")
            assert third.terminate() == 0
