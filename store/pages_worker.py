"""Reads fingerprints out of a SQLite file in a process of its own: `python -m store.pages_worker`, started by
`store.pages_check` alone.

A process of its own, because whoever closes a file takes all locks on it away. The request is a pickled pair on the
standard input: the path, and by table its weights and what null counts as in each cell. The answer is pickled too: by
table (rows, low and high half of the sum), or None where the pages cannot be read.
"""

from __future__ import annotations

import mmap
import pickle
import signal
import sys
from collections.abc import Mapping, Sequence

from store.columns_ask import UnfitError

__all__ = ["Asked", "sums"]

Asked = Mapping[str, tuple[Sequence[int], Sequence[int]]]


def sums(path: str, asked: Asked, moduli: Sequence[int]) -> dict[str, tuple[int, int, int]] | None:
    """By table: rows, and the low and the high halves of their hashes. None: not in this way."""
    try:
        import numpy as np

        from store.columns_pages import root_of, size_of, still
        from store.pages_sum import summed
    except (ImportError, RuntimeError):  # numba is broken, or finds no directory for what it compiles
        return None
    found = {}
    try:
        with still(path) as (file, connection):
            pages = np.frombuffer(file, np.uint8)
            for table, (weights, nulls) in asked.items():
                one = np.zeros(3, np.int64)
                weighed, absent, reduced = (np.array(column, np.int64) for column in (weights, nulls, moduli))
                if not summed(pages, size_of(pages), root_of(connection, table), weighed, absent, reduced, one):
                    return None
                found[table] = (int(one[0]), int(one[1]), int(one[2]))
                if hasattr(mmap, "MADV_DONTNEED"):
                    file.madvise(mmap.MADV_DONTNEED)
    except UnfitError:
        return None
    return found


def main() -> None:
    """Answer one request. Ctrl-C is for the process that asked, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    answers.write(pickle.dumps(sums(*pickle.load(sys.stdin.buffer))))  # noqa: S301 - the tracker itself wrote it


if __name__ == "__main__":
    main()
