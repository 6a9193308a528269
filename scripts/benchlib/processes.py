"""The sandbox and the bot as processes of their own, as a measurement wants them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import psutil

__all__ = ["Child", "bot", "memory_mib", "sandbox"]

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 120.0
_CALM_S = 1.2  # longer than events wait for their group commit


class Child:
    """A process that answers a line with a line of JSON. Ended when left. Its own words go to the file `log`."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._errors = log.open("ab")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "DISCORD_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=_ROOT,
            env={**plain, **environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def read(self) -> dict[str, Any]:
        """The next line. Raises RuntimeError with the process's own words if it has ended."""
        output: IO[str] | None = self.process.stdout
        line = output.readline() if output is not None else ""
        if not line:
            raise RuntimeError(f"a measured process ended early:\n{self.log.read_text()[-3000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, line: str) -> dict[str, Any]:
        """Say `line` and wait for the answer."""
        self.tell(line)
        return self.read()

    def tell(self, line: str) -> None:
        """Say `line`."""
        if self.process.stdin is None:
            raise RuntimeError("the process has no standard input")
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(f"a measured process ended early:\n{self.log.read_text()[-3000:]}") from None

    def do(self, what: str, **options: Any) -> dict[str, Any]:
        """Have the sandbox do something. Raises RuntimeError if it refuses."""
        answer = self.ask(json.dumps({"do": what, **options}))
        if not answer["ok"]:
            raise RuntimeError(f"the sandbox refused {what}: {answer['error']}")
        return answer

    def until(self, key: str, at_least: float) -> dict[str, Any]:
        """Ask for reports until `key` has come to that. Raises RuntimeError if it takes too long."""
        patience = time.monotonic() + _PATIENCE_S
        while time.monotonic() < patience:
            report = self.ask("report")
            if report[key] >= at_least:
                return report
            time.sleep(0.2)
        raise RuntimeError(f"{key} never came to {at_least}:\n{self.log.read_text()[-3000:]}")

    def written(self) -> None:
        """Wait until the bot has made everything durable."""
        while self.ask("report")["waiting"]:
            time.sleep(0.05)

    def settled(self) -> dict[str, Any]:
        """Wait until the bot is connected and has had nothing to do for a while."""
        patience, before = time.monotonic() + _PATIENCE_S, -1
        while time.monotonic() < patience:
            report = self.ask("report")
            if report["ready"] and report["appended"] == before and not report["waiting"]:
                return report
            before = report["appended"]
            time.sleep(_CALM_S)
        raise RuntimeError(f"the bot never came to rest:\n{self.log.read_text()[-3000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def sandbox(folder: Path, **options: int) -> tuple[Child, dict[str, Any]]:
    """`python -m tracker.sandbox` with these options, and the line in which it says where it is."""
    arguments = ["-m", "tracker.sandbox"]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    child = Child(arguments, {}, folder / "sandbox.log")
    return child, child.read()


def bot(what: str, where: Mapping[str, Any], folder: Path, database_url: str, **environ: str) -> Child:
    """`scripts.benchlib.observed` as `bot` or `hikari`, connected to the sandbox that is `where`."""
    return Child(
        ["-m", "scripts.benchlib.observed", what],
        {
            "DISCORD_TOKEN": where["token"],
            "TRACKER_REST_URL": where["rest_url"],
            "TRACKER_DATABASE_URL": database_url,
            **environ,
        },
        folder / f"{what}.log",
    )


def memory_mib(process: subprocess.Popen[Any]) -> float:
    """The resident memory of the process, MiB."""
    return float(psutil.Process(process.pid).memory_info().rss / 2**20)
