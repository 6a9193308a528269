"""Folding histories anew in a process of its own, so that the event loop never waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from typing import Final

from store.recounting import Counted, counted_from, remove
from tracker.errors import DatabaseError
from tracker.ingest.recount_worker import Request

__all__ = ["fold_apart"]

_LONGEST_ANSWER: Final = 64 * 2**20
_LEAN: Final = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}


async def fold_apart(request: Request) -> Counted:
    """What the process made of the request; its file is there then. Raises DatabaseError if nothing came of it.

    Cancelled, the process is killed and its file removed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tracker.ingest.recount_worker",
        stdin=PIPE, stdout=PIPE, limit=_LONGEST_ANSWER, env={**os.environ, **_LEAN},
    )  # fmt: skip
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for")
    try:
        process.stdin.write(request.text().encode() + b"\n")
        line = await process.stdout.readline()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        remove(request.path)
        raise
    process.stdin.close()
    code = await process.wait()
    if not line:
        remove(request.path)
        raise DatabaseError(f"the process that counts anew ended without an answer (exit code {code})")
    try:
        return counted_from(line)
    except KeyError:
        remove(request.path)
        raise DatabaseError(str(json.loads(line)["error"])) from None
