"""Replays in processes of their own, and the figures that are made of their seconds and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil

from scripts.benchlib.figures import Figure

__all__ = ["MANY", "Run", "apart", "memory", "of_runs"]

MANY = 10_000_000
"""So many events the aims are for; of more, the time may be in proportion."""

_ROOT = Path(__file__).resolve().parents[2]
_SELDOM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One replay in a process of its own: seconds, processor seconds, load; if it was watched, MiB at the peak with its
    children, what they share counted twice and counted once.
    """

    s: float
    processor_s: float
    peak_mib: float
    once_mib: float
    load: float


def of_runs(dialect: str, name: str, what: str, events: int, runs: list[Run], aim: float | None) -> Iterator[Figure]:
    first = "after a fold of a few events" if name.endswith("_loaded") else "the kernel's loading counted"
    note = f"a fresh process, imports not counted, {first}; load {max(run.load for run in runs):.1f}"
    about = f"{what}, {events:,} events, {dialect}"
    held = None if aim is None or events < MANY else aim * events / MANY
    yield Figure(
        name=f"replay.{dialect}.{name}", what=about, unit="s", runs=tuple(r.s for r in runs), aim=held, note=note
    )
    yield Figure(
        name=f"replay.{dialect}.{name}.processor",
        what=f"… processor time of it, {dialect}",
        unit="s",
        runs=tuple(r.processor_s for r in runs),
        note="of the process and its children, not of a PostgreSQL server",
    )


def memory(name: str, what: str, runs: list[Run]) -> Figure:
    return Figure(
        name=f"replay.{name}.peak",
        what=f"memory at its peak, {what}",
        unit="MiB",
        runs=tuple(run.once_mib for run in runs),
        aim=500e6 / 2**20,
        note="of the process and its children, libraries that they share counted once (PSS); "
        f"counted twice (RSS): {max(run.peak_mib for run in runs):.0f} MiB",
    )


def apart(what: str, url: str, upto: int = 0, *, watched: bool = False, **environ: str) -> Run:
    """`watched`: its memory is looked at all the time, which takes a fifth of a core from what is measured."""
    command = [sys.executable, "-W", "ignore", "-m", "scripts.benchlib.replay_apart", what, url, str(upto)]
    with subprocess.Popen(
        command, cwd=_ROOT, env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True
    ) as process:
        peak = _Peak(process.pid) if watched else None
        answer, _ = process.communicate()
        if peak is not None:
            peak.stop()
    if process.returncode:
        raise RuntimeError(f"{what} of {url} failed with exit code {process.returncode}")
    mib, once_mib = (peak.mib, peak.once_mib) if peak is not None else (0.0, 0.0)
    return Run(**json.loads(answer), peak_mib=mib, once_mib=once_mib)


class _Peak:
    """Watches the resident memory of a process and its children; also with what they share counted once."""

    def __init__(self, pid: int) -> None:
        self.mib = self.once_mib = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The process has ended."""
        self._ended.set()
        self._thread.join()

    def _watch(self, pid: int) -> None:
        for look in count():
            if self._ended.wait(0.02):
                return
            try:
                process = psutil.Process(pid)
                everybody = [process, *process.children(recursive=True)]
                held = sum(one.memory_info().rss for one in everybody)
            except psutil.Error:  # one of them has just ended
                continue
            self.mib = max(self.mib, held / 2**20)
            if look % _SELDOM == 0 and sys.platform == "linux":
                self._look_closely(everybody)

    def _look_closely(self, everybody: list[psutil.Process]) -> None:
        """Takes the system some milliseconds."""
        try:
            held = sum(one.memory_full_info().pss for one in everybody)
        except psutil.Error:
            return
        self.once_mib = max(self.once_mib, held / 2**20)
