"""Reads fingerprints out of a SQLite file in a process of its own: `python -m store.pages_worker`, started by
`store.pages_check` alone.

A process of its own, because whoever closes a file takes all locks on it away. It makes itself ready and then waits for
a request on its standard input, a pickled triple: the path, by table its weights and what null counts as in each cell,
and the moduli. The answer is pickled too: by table (rows, low and high half of the sum), or None where the pages cannot
be read. No request at all ends it.
"""

from __future__ import annotations

import mmap
import pickle
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from store.columns_ask import UnfitError

__all__ = ["Asked", "Sums", "sums"]

_STACK: Final = 1 << 16
"""Pages of which it is known that they are to be read, at most."""

_PAGES: Final = 4096
"""So many are read until they leave the memory again."""

_THREADS: Final = 2

Asked = Mapping[str, tuple[Sequence[int], Sequence[int]]]
Sums = tuple[int, int, int]


def sums(path: str, asked: Asked, moduli: Sequence[int]) -> dict[str, Sums] | None:
    """By table: rows, and the low and the high halves of their hashes. None: not in this way."""
    try:
        from store.columns_pages import root_of, still
        from store.pages_sum import summed  # noqa: F401
    except (ImportError, RuntimeError):  # numba is broken, or finds no directory for what it compiles
        return None
    try:
        with still(path) as (file, connection), ThreadPoolExecutor(_THREADS) as pool:
            roots = {table: root_of(connection, table) for table in asked}

            def one(table: str) -> Sums:
                return _of_table(file, roots[table], *asked[table], moduli)

            return dict(zip(asked, pool.map(one, asked), strict=True))
    except UnfitError:
        return None


def _of_table(file: mmap.mmap, root: int, weights: Sequence[int], nulls: Sequence[int], moduli: Sequence[int]) -> Sums:
    """Raises UnfitError."""
    import numpy as np

    from store.columns_btree import MORE, UNFIT
    from store.columns_pages import size_of
    from store.pages_sum import summed

    pages = np.frombuffer(file, np.uint8)
    page_size = size_of(pages)
    weighed, absent, reduced = (np.array(column, np.int64) for column in (weights, nulls, moduli))
    found, stack = np.zeros(3, np.int64), np.zeros(_STACK, np.int64)
    stack[0] = root
    state = np.array([1, len(pages) // page_size, _PAGES], np.int64)
    done = MORE
    while done == MORE:
        done = summed(pages, page_size, stack, state, weighed, absent, reduced, found)
        if hasattr(mmap, "MADV_DONTNEED"):  # nobody changed these copies: the file's pages take their place
            file.madvise(mmap.MADV_DONTNEED)
    if done == UNFIT:
        raise UnfitError
    return int(found[0]), int(found[1]), int(found[2])


def _make_ready() -> None:
    """Import what it takes, and have what is compiled loaded."""
    try:
        import numpy as np

        from store import columns_pages  # noqa: F401
        from store.pages_sum import summed

        one = np.ones(3, np.int64)
        summed(np.zeros(8192, np.uint8), 4096, one, one.copy(), one, one, one, one)
    except (ImportError, RuntimeError):
        return


def main() -> None:
    """Answer one request. Ctrl-C is for the process that asked, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers: Any = sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that prints may get in between
    _make_ready()
    try:
        request = pickle.load(sys.stdin.buffer)  # noqa: S301 - the tracker itself wrote it
    except EOFError:
        return
    answers.write(pickle.dumps(sums(*request)))


if __name__ == "__main__":
    main()
