"""The process that compares says what it found, and never outlives the one that asked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from store.engine import Database
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.events.rule import ExpAdjusted
from tracker.verify_worker import GuildVerdict, Verdict, WrongFigure, verdict_on

MINUTE = 60_000


@pytest.fixture
def filled(database: Database) -> Database:
    writer = Writer(database)
    writer.write([fact(user=1), fact(ExpAdjusted(amount=5), user=2), fact(user=3, guild=OTHER_GUILD)])
    writer.flush(START + 10 * MINUTE)
    return database


def events_of(database: Database) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql("SELECT SUM(position) FROM log_head").scalar_one())


def asked(url: str) -> Verdict:
    """The answer of the real process."""
    done = subprocess.run(
        [sys.executable, "-c", "import subprocess, sys; "
         "p = subprocess.Popen([sys.executable, '-m', 'tracker.verify_worker'], stdin=-1, stdout=-1); "
         "p.stdin.write(sys.argv[1].encode() + b'\\n'); p.stdin.flush(); "
         "sys.stdout.buffer.write(p.stdout.read()); sys.exit(p.wait())", url],
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    return msgspec.json.decode(done.stdout, type=Verdict)


def test_figures_that_are_what_the_log_says(filled: Database, database_url: str) -> None:
    assert asked(database_url) == verdict_on(database_url) == Verdict(events=events_of(filled))


def test_differences_are_told_by_server_in_words(filled: Database, database_url: str) -> None:
    with filled.write() as connection:
        connection.exec_driver_sql("UPDATE totals SET exp = exp + 1 WHERE user_id = 2")
        connection.exec_driver_sql(f"DELETE FROM daily WHERE guild_id = {OTHER_GUILD}")
        connection.exec_driver_sql("UPDATE sessions SET flags = flags + 1, voice_ms = 1, exp = 9, carry_ms = 3")
    first, second = asked(database_url).guilds
    assert (first.guild_id, first.differences, second.guild_id, second.differences) == (GUILD, 5, OTHER_GUILD, 5)
    assert WrongFigure(table="totals", column="exp", user_id="2", day=None, live="6", replayed="5") in first.first
    assert (second.first[0].table, second.first[0].column, second.first[0].live) == ("daily", "", "")
    assert second.first[0].day is not None
    assert isinstance(second, GuildVerdict)


def test_a_database_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    assert asked(f"sqlite:///{path}") == Verdict(error=f"database {path} is not there")
    assert not path.exists()


def test_it_ends_with_its_input_also_while_it_works_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tracker.verify_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdin is not None
    process.stdin.write(b"postgresql://nobody@192.0.2.1/none?connect_timeout=60\n")  # an address that never answers
    process.stdin.flush()
    until = time.monotonic() + 300
    while not list(tmp_path.iterdir()):  # where its scratch database goes
        assert time.monotonic() < until
        time.sleep(0.01)
    process.stdin.close()
    assert process.wait(timeout=300) == 1
    assert process.stdout is not None
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []
