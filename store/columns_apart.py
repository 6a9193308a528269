"""Chunks of SQLite's log out of a process of its own (`store.columns_worker`)."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any, Final

from store.columns_chunk import Chunk
from store.columns_down import Begun, Part
from store.columns_worker import LENGTH_BYTES, Job
from store.own_process import Spare, command, ended
from tracker.errors import DatabaseError

__all__ = ["CAN_PUT_DOWN", "chunks_apart", "put_down_apart"]

CAN_PUT_DOWN: Final = os.name == "posix"
"""Whether another process can be given an open file."""


def chunks_apart(job: Job) -> Generator[Chunk]:
    """What the job reads. Its process ends with this iterator. Raises DatabaseError, LogCorruptError, UnfitError."""
    return _apart(job, (), None)


def put_down_apart(job: Job, spare: Spare | None = None) -> Generator[Begun | Part]:
    """What is told of what the job puts down. Raises DatabaseError, OSError, UnfitError.

    `spare`: where the process is kept once it is done; it then sums up pages (`store.pages_worker`).
    """
    assert job.down is not None  # noqa: S101
    return _apart(job, (job.down.file,), spare)


def _apart(job: Job, files: tuple[int, ...], spare: Spare | None) -> Generator[Any]:
    worker = command("store.columns_worker")
    process = subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=files)
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    done = False
    try:
        with suppress(BrokenPipeError):
            pickle.dump(replace(job, stays=spare is not None), process.stdin)
            process.stdin.flush()
        yield from _answers(job, process.stdout)
        done = True
    finally:
        if done and spare is not None:
            spare.put(process)
        else:
            ended(process)


def _answers(job: Job, answers: IO[bytes]) -> Generator[Any]:
    while True:
        head = answers.read(LENGTH_BYTES)
        length = int.from_bytes(head)
        packed = answers.read(length)
        if len(head) < LENGTH_BYTES or len(packed) < length:
            raise DatabaseError(f"database {job.path}: the process that reads the log ended too early; try again")
        if not length:
            return
        answer = pickle.loads(packed)  # noqa: S301 - our own process wrote it
        if isinstance(answer, Exception):
            raise answer
        yield answer
