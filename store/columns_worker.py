"""Reads SQLite's log in a process of its own, started by `store.columns_apart` alone.

A process of its own, because a second SQLite within this one would take away the first one's locks (ADBC brings its
own, and whoever closes a file takes all locks on it away), and because the reading then goes on while the other one
folds. The request is a pickled Job on the standard input; each answer on the standard output is a length (8 bytes) and
as much pickle: a Chunk (a Begun, then Parts, where the events are put down), or the error that ended the reading; a
length of 0 ends it. If the Job says so, the process then waits for what `store.pages_worker` is asked.
"""

from __future__ import annotations

import pickle
import signal
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO, Literal

from store import allocation, pages_worker
from store.columns_args import Args
from store.columns_arrow import from_sqlite
from store.columns_ask import Ask, UnfitError
from store.columns_chunk import Chunk, chunk_of
from store.columns_down import Begun, Down, Part
from store.own_process import leave
from tracker.errors import TrackerError

__all__ = ["LENGTH_BYTES", "Job", "framed", "put_down", "read", "serve"]

LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to read out of the SQLite file `path`, and how. `down`: where to put it instead of sending it (by pages).

    `stays`: whoever has read goes on as `store.pages_worker`.
    """

    path: str
    ask: Ask
    way: Literal["pages", "adbc"]
    down: Down | None = None
    stays: bool = False


def serve(job: Job, answers: BinaryIO) -> None:
    """Send the chunks of `job`, or what is told of them where they are put down."""
    try:
        for answer in read(job) if job.down is None else put_down(job):
            answers.writelines(framed(answer))
            answers.flush()
    except (TrackerError, UnfitError, OSError) as error:
        answers.writelines(framed(error))
    answers.write(bytes(LENGTH_BYTES))
    answers.flush()


def read(job: Job) -> Iterator[Chunk]:
    """The chunks of `job`. Raises DatabaseError, LogCorruptError, UnfitError."""
    if job.way == "pages":
        from store.columns_pages import by_pages

        _make_ready("columns_scan", "columns_gather")
        yield from by_pages(job.path, job.ask)
        return
    args = Args()
    for rows in from_sqlite(job.path, job.ask.sql(), job.ask.rows):
        yield chunk_of(rows, job.ask.partition, args)


def put_down(job: Job) -> Generator[Begun | Part]:
    """Put the events of `job` down. Raises OSError, UnfitError."""
    assert job.down is not None  # noqa: S101
    from store.columns_stretches import put_down

    _make_ready("columns_scan", "columns_gather", "columns_lay", "columns_places")
    yield from put_down(job.path, job.ask, job.down)


def _make_ready(*names: str) -> None:
    """Load what these modules have of machine code. Raises UnfitError."""
    try:
        for name in names:
            import_module(f"store.{name}").MACHINE.ready()
    except (ImportError, RuntimeError):  # numba is not there, or broken
        raise UnfitError from None


def framed(value: Any) -> tuple[bytes, bytes]:
    """A value as it goes over the pipe."""
    packed = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return len(packed).to_bytes(LENGTH_BYTES), packed


def main() -> None:
    """Answer one request. Ctrl-C is for the process that asked, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - the tracker itself wrote it
    serve(job, answers)
    if job.stays:
        allocation.trim()
        pages_worker.answer(sys.stdin.buffer, answers)
    leave()
