"""The real bot in a process of its own, and the last lines that it logged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

__all__ = ["Bot"]

_KEPT_LINES = 400


class Bot:
    """`python -m tracker run` with these settings; nothing else of the environment named TRACKER_… or DISCORD_TOKEN."""

    def __init__(self, settings: Mapping[str, str], log_file: Path) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        inherited = {k: v for k, v in os.environ.items() if k != "DISCORD_TOKEN" and not k.startswith("TRACKER_")}
        self._log = log_file.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tracker", "run"],
            env=inherited | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "NO_COLOR": "1"} | dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C in the terminal is for the demo, which stops the bot in good order
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name="bot log", daemon=True)
        self._reader.start()

    def _read(self, output: IO[str] | None) -> None:
        for line in output or ():
            self._log.write(line)
            if line.strip():
                self.lines.append(line.rstrip())
        self._log.close()

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def wait(self, within: float = 30.0) -> int:
        """Wait until it has ended by itself. Its exit code. Raises subprocess.TimeoutExpired."""
        code = self._process.wait(within)
        self._reader.join(timeout=2)
        return code

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM, on which it writes down everything and leaves; killed if it is not gone in time. Its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self.wait(within)
        except BaseException as error:  # whatever ends the waiting, a second Ctrl-C for one, ends the bot
            self._process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
