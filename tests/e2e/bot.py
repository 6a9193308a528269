"""The real bot as a process of its own, to be stopped, killed and started again."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.forked import Forked, start_forked

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0


class BotProcess:
    """`tracker run` against a sandbox. `kill_at`: see tests/e2e/deadly.py; None runs the plain command.

    It comes out of a process that has loaded the bot already; see `NewBotProcess`.
    """

    def __init__(
        self,
        database_url: str,
        *,
        token: str,
        rest_url: str,
        kill_at: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.log: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        module = ["tracker", "run"] if kill_at is None else ["tests.e2e.deadly", kill_at]
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "COV_", "DISCORD_"))}
        environment = (
            plain
            | {
                "DISCORD_TOKEN": token,
                "TRACKER_REST_URL": rest_url,
                "TRACKER_DATABASE_URL": database_url,
                "TRACKER_COMMIT_MS": "20",
                "TRACKER_FLUSH_S": "1",
                "PYTHONUNBUFFERED": "1",
            }
            | dict(environ or {})
        )
        self.process = self._begin(module, environment)
        threading.Thread(target=self._read, daemon=True).start()

    def _begin(self, arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str] | Forked:
        return start_forked(arguments, environ)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._new.put(line.rstrip())
        self._new.put(None)

    def wait_for(self, text: str) -> str:
        """The next log line that holds `text`. Raises AssertionError with the whole log if it does not come."""
        while True:
            try:
                line = self._new.get(timeout=PATIENCE_S)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"the bot never said {text!r}:\n" + "\n".join(self.log))
            self.log.append(line)
            if text in line:
                return line

    def kill(self) -> None:
        """SIGKILL: no chance to do anything."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; gives its exit code."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; gives its exit code (negative: the signal that killed it)."""
        code = self.process.wait(PATIENCE_S)
        while (line := self._new.get(timeout=PATIENCE_S)) is not None:
            self.log.append(line)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()


class NewBotProcess(BotProcess):
    """The same in a new interpreter, as an operator starts it."""

    def _begin(self, arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
