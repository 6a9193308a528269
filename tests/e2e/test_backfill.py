"""The past, read by real processes: the command line's and the bot's, killed on the way and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

import store.backfills
import store.rebuild
from store.engine import Database, open_database
from tests.cli.support import tracker_process
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.town import Town, check, logged_messages
from tracker.ids import Ms
from tracker.sandbox import Channel
from tracker.sandbox.model import Overwrite
from tracker.sandbox.permissions import Permission
from tracker.sandbox.thread import SandboxThread

DAY = 86_400_000


@pytest.fixture
def sandbox() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


class OldTown(Town):
    """A town in which people had written for a month before anybody counted: three channels and two threads."""

    def __init__(self, thread: SandboxThread) -> None:
        super().__init__(thread, seed=7, members=4)
        call, world = thread.call, self.world
        self.second = call(world.add_channel, self.guild, "자랑")
        self.staff = call(world.add_channel, self.guild, "운영")
        self.thread_open = call(world.add_thread, self.chat, "열린")
        self.thread_closed = call(world.add_thread, self.second, "닫힌")
        self.past: set[int] = set()
        places = (self.chat, 420), (self.second, 260), (self.thread_open, 30), (self.thread_closed, 110)
        for where, count in places:
            self.past |= call(self.write, where, count)
        call(self.write, self.staff, 50)
        call(world.archive_thread, self.thread_closed)
        deny = Overwrite(id=self.guild.id, deny=int(Permission.READ_MESSAGE_HISTORY))
        call(world.set_overwrite, self.staff, deny)

    def write(self, where: Channel, count: int) -> set[int]:
        now = self.world.now()
        return {
            self.world.write_history(self.members[n % 4], where, Ms(now - 20 * DAY + n * 3_600_000)).id
            for n in range(count)
        }


def environ(url: str, sandbox: SandboxThread) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": sandbox.sandbox.token,
        "TRACKER_REST_URL": sandbox.sandbox.rest_url,
        "TRACKER_DATABASE_URL": url,
    }


def backfill(env: Mapping[str, str], *more: object) -> tuple[int, str, str]:
    process = tracker_process("backfill", "--days", 30, *more, env=env)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def totals(database: Database) -> list[tuple[int, ...]]:
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT user_id, messages, exp FROM totals ORDER BY user_id")
        return [tuple(row) for row in rows]


def test_the_command_line_reads_the_past_killed_and_gone_on_with_and_twice_is_once(
    database_url: str, sandbox: SandboxThread
) -> None:
    town, env = OldTown(sandbox), environ(database_url, sandbox)
    faults = sandbox.sandbox.faults
    sandbox.call(faults.delay_rest, 0.15, "/messages$", method="GET")
    sandbox.call(faults.fail_rest, 503, "/messages$", method="GET", times=1, every=3)
    sandbox.call(faults.fail_rest, 429, "/messages$", method="GET", times=2, every=4, retry_after=0.1)
    database = open_database(database_url)
    killed = 0
    for enough in (100, 300):
        process = tracker_process("backfill", "--days", 30, env=env)
        while process.poll() is None and len(logged_messages(database)) < enough:
            time.sleep(0.02)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed == 2
    assert store.rebuild.marked(database) == {town.guild_id}
    sandbox.call(faults.clear)
    code, out, err = backfill(env)
    assert code == 0, err
    assert set(logged_messages(database)) == town.past
    check(database)
    assert f"not readable: #운영 ({town.staff.id})" in err
    assert out.endswith("1 server counted anew\n")
    before = totals(database)
    assert sum(row[1] for row in before) == len(town.past)
    code, out, _ = backfill(env, "--guild", town.guild.id)
    assert (code, out) == (
        0,
        "820 messages read: 0 new, 820 already there or not counted; 0 servers counted anew\n",
    )
    check(database)
    assert totals(database) == before
    database.close()


def test_the_bot_reads_what_the_command_line_asks_for_and_goes_on_after_being_killed(
    database_url: str, sandbox: SandboxThread
) -> None:
    town, env = OldTown(sandbox), environ(database_url, sandbox)
    database = open_database(database_url)

    def start() -> BotProcess:
        return BotProcess(database_url, token=env["DISCORD_TOKEN"], rest_url=env["TRACKER_REST_URL"])

    with start() as bot:
        bot.wait_for("connected: counting")
        sandbox.call(sandbox.sandbox.faults.delay_rest, 0.15, "/messages$", method="GET")
        code, out, err = backfill(env, "--guild", town.guild.id)
        assert (code, out) == (0, f"server {town.guild.id}: the wish is noted\n")
        assert f"process {bot.process.pid} on " in err
        soon(lambda: len(town.past & set(logged_messages(database))) >= 100)
        for _ in range(20):
            town.stir()
        bot.kill()
    wanted = store.backfills.latest(database, town.guild_id)
    assert wanted is not None
    assert wanted.state == "reading"
    sandbox.call(sandbox.sandbox.faults.clear)
    with start() as bot:
        bot.wait_for("connected: counting")
        bot.wait_for(": done; ")
        for _ in range(20):
            town.stir()
        soon(lambda: not store.rebuild.marked(database))  # the bot counts anew what was added, and goes on meanwhile
        assert bot.terminate() == 0, bot.log
    over = store.backfills.latest(database, town.guild_id)
    assert over is not None
    assert (over.run, over.state) == (wanted.run, "done")
    assert town.past <= set(logged_messages(database))
    check(database)
    assert sum(row[1] for row in totals(database)) == len(logged_messages(database))
    database.close()


@pytest.mark.slow
def test_a_process_that_is_killed_between_a_page_and_its_cursor_reads_the_page_again(
    database_url: str, sandbox: SandboxThread
) -> None:
    town, env = OldTown(sandbox), environ(database_url, sandbox)
    program = (
        "import os, signal, sys, store.rebuild as r\n"
        "plain = r.append_history\n"
        "import store.backfills as b\n"
        "def deadly(*a, **k):\n"
        "    done = plain(*a, **k)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "b.append_history = deadly\n"
        "sys.argv = ['tracker', 'backfill', '--days', '30']\n"
        "from tracker.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **env}, check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL
    database = open_database(database_url)
    first = set(logged_messages(database))
    assert len(first) == 100
    assert store.rebuild.marked(database) == {town.guild_id}
    code, _, err = backfill(env)
    assert code == 0, err
    assert set(logged_messages(database)) == town.past
    check(database)
    database.close()


def test_messages_since_people_were_left_in_voice_wait_for_the_bot(database_url: str, sandbox: SandboxThread) -> None:
    """Else their sessions would end at those messages, not when the bot lost sight of them."""
    town, env = OldTown(sandbox), environ(database_url, sandbox)
    with BotProcess(database_url, token=env["DISCORD_TOKEN"], rest_url=env["TRACKER_REST_URL"]) as bot:
        bot.wait_for("connected: counting")
        sandbox.call(town.world.join_voice, town.members[0], town.rooms[0])
        soon(lambda: _is_open(database_url))
        assert bot.terminate() == 0
    late = sandbox.call(town.world.send_message, town.members[1], town.chat, "missed")
    code, _, err = backfill(env)
    assert code == 0, err
    assert "people were in voice when the bot was stopped" in err
    database = open_database(database_url)
    assert set(logged_messages(database)) == town.past
    assert late.id not in town.past
    check(database)
    sandbox.call(town.world.leave_voice, town.members[0])
    sandbox.call(town.world.join_voice, town.members[0], town.rooms[1])
    with BotProcess(database_url, token=env["DISCORD_TOKEN"], rest_url=env["TRACKER_REST_URL"]) as bot:
        bot.wait_for("connected: counting")
        backfill(env, "--guild", town.guild.id)
        bot.wait_for(": done; ")
        soon(lambda: not store.rebuild.marked(database))
        assert bot.terminate() == 0
    assert set(logged_messages(database)) == {*town.past, late.id}
    check(database)
    database.close()


def _is_open(url: str) -> bool:
    """Whether a session is in the tables."""
    database = open_database(url)
    try:
        with database.read() as connection:
            statement = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL"
            return bool(connection.exec_driver_sql(statement).scalar_one())
    finally:
        database.close()
