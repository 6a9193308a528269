"""`tracker demo` as a person runs it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import tracker.demo.run
from tracker.demo.bot import Bot
from tracker.demo.run import run_demo
from tracker.errors import ConfigError


def _tracker(*arguments: str) -> str:
    """What the command prints. It must succeed."""
    clean = {k: v for k, v in os.environ.items() if k != "DISCORD_TOKEN" and not k.startswith("TRACKER_")}
    done = subprocess.run(
        [sys.executable, "-m", "tracker", *arguments], env=clean, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.long
def test_the_demo_plays_a_day_and_leaves_page_and_database(tmp_path: Path) -> None:
    said = _tracker("demo", "--out", str(tmp_path))
    for part in (
        "스터디원 일간 활동 보고서",
        "/report by a member",
        "/rank by a member",
        "/why by a member",
        "Who holds what",
        "Changes of members sent to Discord: ",
        "live figures = replayed figures",
        "resumed 1 time",
    ):
        assert part in said

    page = (tmp_path / "log-channel.html").read_text(encoding="utf-8")
    assert "스터디원 일간 활동 보고서" in page
    assert "다시 집계를 시작했습니다" in page
    assert "레벨 1에 도달했습니다!" in page
    assert page.count('alt="level.png"') > 5
    held = re.findall(r"│ (?:골드|실버|브론즈) +│ +(\d+) │ +(\d+) │", said)
    assert len(held) == 3
    assert all(int(due) == int(there) > 0 for due, there in held)

    database, where = ["--database", str(tmp_path / "demo.db")], _places(said)
    at = ["--guild", where["guild"]]
    report = json.loads(
        _tracker(
            "report", *database, *at, "--role", where["role"], "--period", "daily", "--date", "2026-03-06", "--json"
        )
    )
    assert (report["members"], report["complete"]) == (19, True)
    assert f"{report['members']}명 중 {report['active']}명" in page
    assert report["total_voice_ms"] > 10 * 3_600_000

    rows = json.loads(_tracker("activity", *database, *at, "--from", "2026-03-06", "--to", "2026-03-06", "--json"))
    assert {row["day"] for row in rows} == {"2026-03-06"}
    assert sum(row["voice_ms"] for row in rows) >= report["total_voice_ms"]
    _tracker("check", *database)


def _places(said: str) -> dict[str, str]:
    """The guild and the role that the demo tells to ask for."""
    found = re.search(r"--guild (?P<guild>\d+) --role (?P<role>\d+)", said)
    assert found is not None
    return found.groupdict()


def test_a_demo_whose_bot_dies_says_so_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def misled(settings: Mapping[str, str], log: Path) -> Any:
        return Bot({**settings, "TRACKER_FLUSH_S": "never"}, log)

    monkeypatch.setattr(tracker.demo.run, "Bot", misled)
    assert run_demo(tmp_path) == 1
    said = capsys.readouterr().out
    assert "the bot died (starting the bot)" in said
    assert "exit code 2" in said
    assert "TRACKER_FLUSH_S" in said  # its own last words


def test_a_folder_that_cannot_be_written_to_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="--out"):
        run_demo(tmp_path / "file")
