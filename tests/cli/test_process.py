"""The command as a process of its own: exit codes, streams, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import DAY, GUILD, JISOO, TEXT, community, event, tracker, tracker_process, written
from tracker import __version__

ROOT = Path(__file__).parents[2]


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_history_is_imported_and_read_by_processes_of_their_own(tmp_path: Path) -> None:
    file, url = written(tmp_path / "events.jsonl", community()), f"sqlite:///{tmp_path / 'new.db'}"
    env = {"TRACKER_DATABASE_URL": url, "LC_ALL": "C"}
    code, out, err = finished(tracker_process("import", file, env=env))
    assert (code, out, err) == (0, "13 new, 0 already there, 0 refused, 1 guild rebuilt\n", "")
    code, out, _ = finished(tracker_process("report", "--guild", GUILD, "--date", DAY, "--json", env=env))
    assert (code, json.loads(out)["top"][0]["name"]) == (0, "민준")
    env["PYTHONIOENCODING"] = "latin-1"
    code, out, _ = finished(tracker_process("report", "--guild", GUILD, "--date", DAY, env=env))
    assert (code, "민준" in out) == (0, True)


def test_the_version_is_shown() -> None:
    assert finished(tracker_process("--version")) == (0, f"tracker {__version__}\n", "")


def test_help_comes_without_loading_what_only_commands_need() -> None:
    code = (
        "import sys; from tracker.cli.application import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'hikari', 'aiohttp', 'babel', 'rich', 'tracker.app'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "report" in done.stdout


def test_a_bot_starts_without_what_only_replays_and_big_guilds_need() -> None:
    code = (
        "import sys, tracker.app\n"
        "sys.exit(', '.join(sorted({'numpy', 'numba', 'pyarrow', 'matplotlib'} & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_bots_process_carries_no_command_line_parser() -> None:
    code = (
        "import sys; sys.argv = ['tracker', 'run']\n"
        "from tracker.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 2, stop.code\n"
        "heavy = {'typer', 'rich', 'babel'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    env = {k: v for k, v in os.environ.items() if k != "DISCORD_TOKEN"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("tracker: DISCORD_TOKEN is not set")


@pytest.mark.parametrize("arguments", [("run",), ("run", "--database", "x.db")])
def test_without_a_token_the_bot_says_where_to_get_one(arguments: tuple[str, ...], tmp_path: Path) -> None:
    code, out, err = finished(tracker_process(*arguments, env={"DISCORD_TOKEN": ""}))
    assert (code, out) == (2, "")
    assert err.startswith("tracker: DISCORD_TOKEN is not set")
    assert err.count("\n") == 1


def test_a_misspelt_variable_is_named_before_anything_is_done() -> None:
    code, _, err = finished(tracker_process("report", "--guild", GUILD, env={"TRACKER_DATABASE": "x.db"}))
    assert (code, err) == (
        2,
        "tracker: TRACKER_DATABASE: there is no such variable; did you mean TRACKER_DATABASE_URL?\n",
    )


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0" * 1000)
    for arguments in (("check",), ("import", written(tmp_path / "e.jsonl", community()))):
        code, out, err = finished(tracker_process(*arguments, "--database", file))
        assert (code, out) == (2, "")
        assert str(file) in err
        assert err.count("\n") == 1


def test_a_reader_that_goes_away_ends_an_export_quietly(tmp_path: Path) -> None:
    url = str(tmp_path / "t.db")
    lines = [event(f"message:{n}", "message.sent", "18T06:00:00", user=JISOO, channel=TEXT) for n in range(1, 5000)]
    tracker("import", written(tmp_path / "e.jsonl", lines), "--database", url)
    process = tracker_process("export", "--database", url)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_cannot_be_written_is_said_to_be_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    assert tracker("import", written(tmp_path / "c.jsonl", community()), "--database", path).code == 0
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "tracker", "export", "--database", str(path)], stdout=full, stderr=subprocess.PIPE
        )
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert err.decode() == "tracker: the output cannot be written (No space left on device)\n"


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_with_130_and_one_line(tmp_path: Path) -> None:
    """The import waits for its first line from a pipe; it has said nothing and written nothing when it is stopped."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = tracker_process("import", pipe, "--database", tmp_path / "t.db")
    with pipe.open("w"):  # opens as soon as the process has opened its end: it is at work then
        process.send_signal(signal.SIGINT)
        assert finished(process) == (130, "", "tracker: interrupted\n")
    assert not (tmp_path / "t.db").exists()


@pytest.mark.parametrize(
    ("script", "line"), [("replay", "13 events replayed\n"), ("check_log", "13 events without a gap; ")]
)
def test_the_scripts_do_what_their_commands_do(tmp_path: Path, script: str, line: str) -> None:
    url = str(tmp_path / "t.db")
    tracker("import", written(tmp_path / "e.jsonl", community()), "--database", url)
    command = [sys.executable, str(ROOT / "scripts" / f"{script}.py"), "--database", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(line)


@pytest.mark.parametrize(
    "command", ["run", "demo", "report", "activity", "import", "export", "check", "replay", "settings show",
                "settings apply", "settings validate"],
)  # fmt: skip
def test_each_command_has_a_help_with_an_example(command: str) -> None:
    shown = tracker(*command.split(), "--help").out
    assert "Example" in shown
    assert f"tracker {command}" in shown
