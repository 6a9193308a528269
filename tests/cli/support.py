"""A small community as lines of the exchange format, and the `tracker` command without a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
import typer.testing

from tracker.cli.application import app

GUILD, ROLE, VOICE, TEXT = "10", "40", "30", "31"
MINJUN, JISOO, ALEX = "20", "21", "22"
DAY = "2026-02-18"


# Making the parser of all commands' signatures takes longer than most commands, and a process makes it once.
_testing: Any = typer.testing
_testing._get_command = cache(typer.main.get_command)


class Result:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


def tracker(*arguments: object, given: str | None = None) -> Result:
    """Run the command within this process; an error that it does not handle is raised."""
    runner = typer.testing.CliRunner()
    result = runner.invoke(app, [str(a) for a in arguments], input=given, env={"COLUMNS": "100"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


def tracker_process(*arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the real command as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tracker", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **(env or {})},
    )


def event(
    event_id: str, kind: str, at: str, *, user: str | None = None, channel: str | None = None, **data: Any
) -> str:
    """One line. `at`: an instant of SEMANTICS' example day in UTC, such as `18T06:16:52`."""
    plain = {
        "id": event_id,
        "type": kind,
        "guild_id": GUILD,
        "user_id": user,
        "channel_id": channel,
        "occurred_at": f"2026-02-{at}.000Z",
        "data": data,
    }
    return json.dumps(plain, ensure_ascii=False)


def community() -> list[str]:
    """Three members who hold the role: one was in voice over midnight, one wrote and was given EXP, one did nothing."""
    return [
        event("s1", "settings.changed", "17T00:00:00", settings={"timezone": "Asia/Seoul", "locale": "ko"}),
        event("c1", "channel.described", "17T00:00:00", channel=VOICE, name="🎙️대화"),
        event("r1", "role.described", "17T00:00:00", role_id=ROLE, name="스터디"),
        *(event(f"j{u}", "member.joined", "17T00:00:00", user=u, name=n)
          for u, n in ((MINJUN, "민준"), (JISOO, "지수"), (ALEX, "[bold]Alex"))),
        *(event(f"h{u}", "member.roles_changed", "17T00:00:00", user=u, role_ids=[ROLE])
          for u in (MINJUN, JISOO, ALEX)),
        event("a1", "voice.joined", "18T06:16:52", user=MINJUN, channel=VOICE),
        event("message:1", "message.sent", "18T06:20:00", user=JISOO, channel=TEXT),
        event("x1", "exp.adjusted", "18T06:21:00", user=JISOO, amount=50),
        event("a2", "voice.left", "18T16:16:52", user=MINJUN, channel=VOICE),
    ]  # fmt: skip


def written(path: Path, lines: Iterable[str]) -> Path:
    """The lines as a file."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
