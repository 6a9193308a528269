"""Long work shows how far it is, how fast and how long it will take yet: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.cli.progress import bar

WORK = """
import time
from tracker.cli.progress import bar
with bar("Replaying", 100_000, rate="events") as done:
    for _ in range(12):
        done(5_000)
        time.sleep(0.1)
"""


def seen_on_a_terminal(*command: str) -> str:
    """What a process writes to a terminal that is its stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += (part := os.read(ours, 65_536))
        except OSError:  # how Linux says that nobody writes to it any more
            break
        if not part:
            break
    os.close(ours)
    assert process.wait(60) == 0, seen
    return seen.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals")
def test_a_terminal_is_shown_how_far_it_is_how_fast_and_how_long_yet() -> None:
    seen = seen_on_a_terminal(sys.executable, "-c", WORK)
    assert "Replaying" in seen
    assert "60000/100000" in seen
    assert " events/s" in seen
    assert "0:00:0" in seen  # the time that it will take yet


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals")
def test_a_replay_on_a_terminal_shows_its_progress(tmp_path: Path) -> None:
    from store.engine import open_database

    open_database(str(tmp_path / "t.db")).close()
    command = (sys.executable, "-m", "tracker", "replay", "--verify", "--database", str(tmp_path / "t.db"))
    assert "Comparing" in seen_on_a_terminal(*command)


def test_a_pipe_is_shown_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with bar("Replaying", 10, rate="events") as done:
        done(10)
    assert capfd.readouterr() == ("", "")
