"""Reads fingerprints out of a SQLite file in a process of its own, started by `store.pages_check`, or one that has read
the log (`store.columns_worker`).

A process of its own, because whoever closes a file takes all locks on it away. It makes itself ready and then waits for
requests on its standard input, pickled one after the other: a table's name, and the arguments of `sums` for it. Once
its input ends it answers, pickled too: by table what `sums` says.
"""

from __future__ import annotations

import mmap
import pickle
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final

from store.own_process import leave

__all__ = ["Asked", "Sums", "answer", "sums"]

_STACK: Final = 1 << 16
"""Pages of which it is known that they are to be read, at most."""

_PAGES: Final = 4096
"""So many are read until they leave the memory again."""

_THREADS: Final = 2

Numbers = Sequence[int]
Asked = tuple[str, tuple[str, int, Numbers, Numbers, Numbers, Numbers]]
Sums = tuple[int, int, int]


def sums(path: str, root: int, weights: Numbers, nulls: Numbers, texts: Numbers, moduli: Numbers) -> Sums | None:
    """Of the table whose tree begins at page `root`: rows, and the low and the high halves of their hashes.

    `texts`: which of its cells are text. None: not in this way. None of its pages may change meanwhile.
    """
    try:
        import numpy as np

        from store.columns_btree import MORE, UNFIT
        from store.pages_sum import MACHINE, summed
        from store.shadow_sha import ROOM

        MACHINE.ready()
    except (ImportError, RuntimeError):  # numba is not there, or broken
        return None
    with Path(path).open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as file:
        pages = np.frombuffer(file, np.uint8)
        page_size = _page_size(pages[16:18].tobytes())
        weighed, absent, reduced = (np.array(column, np.int64) for column in (weights, nulls, moduli))
        worded = np.isin(np.arange(len(weights)), texts) if texts else np.zeros(0, np.bool_)
        found, stack, room = np.zeros(3, np.int64), np.zeros(_STACK, np.int64), np.zeros(ROOM, np.uint32)
        stack[0] = root
        state = np.array([1, len(pages) // page_size, _PAGES], np.int64)
        done = MORE
        while done == MORE:
            done = summed(pages, page_size, stack, state, weighed, absent, worded, room, reduced, found)
            if hasattr(mmap, "MADV_DONTNEED"):  # nobody changed these copies: the file's pages take their place
                file.madvise(mmap.MADV_DONTNEED)
        del pages
    return None if done == UNFIT else (int(found[0]), int(found[1]), int(found[2]))


def _page_size(header: bytes) -> int:
    size = int.from_bytes(header)
    return 65_536 if size == 1 else size


def _make_ready() -> None:
    """Import what it takes, and have what is compiled loaded."""
    try:
        from store.pages_sum import MACHINE

        MACHINE.ready()
    except (ImportError, RuntimeError):
        return


def _asked(requests: BinaryIO) -> Iterator[Asked]:
    while True:
        try:
            yield pickle.load(requests)  # noqa: S301 - the tracker itself wrote it
        except EOFError:
            return


def main() -> None:
    """Answer all requests. Ctrl-C is for the process that asked, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers: Any = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    answer(sys.stdin.buffer, answers)
    leave()


def answer(requests: BinaryIO, answers: BinaryIO) -> None:
    """Make ready, and answer all requests."""
    _make_ready()
    with ThreadPoolExecutor(_THREADS) as pool:
        reading = {table: pool.submit(sums, *how) for table, how in _asked(requests)}
        answers.write(pickle.dumps({table: found.result() for table, found in reading.items()}))
        answers.flush()
