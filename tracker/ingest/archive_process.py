"""The process that writes the archive's files (`archive_worker`), for as long as there are some to be written."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from store.archive_segment import Prepared, Step
from tracker.errors import ArchiveAwayError
from tracker.ingest.archive_worker import Answer, Request

__all__ = ["Prepare", "files_apart"]

Prepare = Callable[[Step], Awaitable[Prepared]]
"""Has a file written. Raises ArchiveAwayError if nothing came of it."""

_PATIENCE_S: Final = 1.0
_LONGEST_ANSWER: Final = 64 * 2**20
_LEAN: Final = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}


@asynccontextmanager
async def files_apart(url: str) -> AsyncIterator[Prepare]:
    """Writes files of the database at `url`, one after the other. The process ends with this, however that ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tracker.ingest.archive_worker",
        stdin=PIPE, stdout=PIPE, limit=_LONGEST_ANSWER, env={**os.environ, **_LEAN},
    )  # fmt: skip
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for")
    requests, answers = process.stdin, process.stdout

    async def prepare(step: Step) -> Prepared:
        request = Request(partition=step.partition, first=step.first, last=step.last, file=step.file.name)
        requests.write(msgspec.json.encode(request) + b"\n")
        try:
            answer = msgspec.json.decode(await answers.readline(), type=Answer)
            if answer.error is None:
                return msgspec.json.decode(answer.prepared, type=Prepared)
        except (OSError, msgspec.MsgspecError) as error:
            raise ArchiveAwayError(f"the process that writes {step.file} did not answer") from error
        raise ArchiveAwayError(answer.error)

    try:
        requests.write(f"{url}\n".encode())
        yield prepare
    finally:
        await _ended(process)


async def _ended(process: Process) -> None:
    """It ends when its input does; one that is in the middle of a file is killed."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await process.wait()
            return
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
