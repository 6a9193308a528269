"""The bot's process out of one that has loaded the bot already: loading it anew takes longer than most tests need it.

`start_forked` gives what `subprocess.Popen` would: a process of its own that runs the same command in the environment
given, with its own database, sockets and output, to be told to stop and to be killed like any other. Only the import
is shared, and what it would only wait for is left out (`hurried`). That a new interpreter does the same is seen by
those tests that ask for one.
"""

from __future__ import annotations

import functools
import io
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import TextIO

import coverage

from tests.e2e.hurried import hurry_up

__all__ = ["Forked", "start_forked"]

_LOADED = ["coverage", "tracker.cli.bot", "tracker.app", "tests.e2e.deadly", "tests.e2e.hurried"]
_MEASURED = "COVERAGE_PROCESS_CONFIG"
"""Where coverage says that processes are to be measured: the commands are, the process they come out of is not."""


class Forked:
    """A running command, to be used as a `subprocess.Popen` whose `stdout` carries stderr as well."""

    def __init__(self, process: ForkServerProcess, out: Connection) -> None:
        assert process.pid is not None
        self.pid: int = process.pid
        self.stdout: TextIO = io.TextIOWrapper(io.FileIO(os.dup(out.fileno())), encoding="utf-8")
        self._process = process

    @property
    def returncode(self) -> int | None:
        """Its exit code (negative: the signal that killed it); None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit code if it has ended."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, at its end. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self.returncode

    def send_signal(self, how: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


@functools.cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    measured = os.environ.pop(_MEASURED, None)
    multiprocessing.forkserver.ensure_running()
    if measured is not None:
        os.environ[_MEASURED] = measured
    return context


def start_forked(arguments: Sequence[str], environ: Mapping[str, str]) -> Forked:
    """`python -m ARGUMENTS` with this environment: `tracker run`, or `tests.e2e.deadly POINT`."""
    ours, theirs = _context().Pipe(duplex=False)
    with ours, theirs:
        process = _context().Process(target=_run, args=(list(arguments), dict(environ), theirs))
        process.start()
        return Forked(process, ours)


def _run(arguments: list[str], environ: dict[str, str], out: Connection) -> None:
    os.environ.clear()
    os.environ.update(environ)
    for number in (1, 2):
        os.dup2(out.fileno(), number)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8", line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8", line_buffering=True)
    out.close()
    module, *sys.argv[1:] = arguments
    hurry_up()
    with _measured():
        if module == "tracker":
            from tracker.cli import main
        else:
            from tests.e2e.deadly import main
        main()


@contextmanager
def _measured() -> Iterator[None]:
    """A process of multiprocessing ends without what coverage would do at the end of another."""
    found = coverage.process_startup() if _MEASURED in os.environ else None
    try:
        yield
    finally:
        if found is not None:
            found.stop()
            found.save()
