"""One replay in a process of its own: `python -m scripts.benchlib.replay_apart WHAT URL [UPTO]`, answered in JSON.

What is timed begins after the imports. The kernel has been compiled before, but loading it is counted; unless WHAT is
`loaded` or `folded`: then a few events have been folded before, so that all that is loaded at the first use is there.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import store.log
from store import allocation
from store.columns import LogReader
from store.comparing import verify
from store.engine import Database, open_database
from store.harvest import Harvest, Rows
from store.rebuild import rebuild
from store.replay import Replay
from store.replay_ahead import read_ahead
from store.replay_feed import Feed
from store.replay_folding import fold_all
from store.replay_kernel import kernel_for
from store.shadow_rows import Sorted
from tracker.ids import Ms, Partition

__all__ = ["main"]

_FEW = 1_000


class _Nowhere:
    """A sink that only counts the rows."""

    def __init__(self) -> None:
        self.rows = 0

    def add(
        self, name: str, partition: Partition, columns: Sequence[Any], nulls: Mapping[str, Any] | None, *, fresh: bool
    ) -> None:
        """Counts them."""
        del name, partition, nulls, fresh
        self.rows += len(columns[0])

    def add_sorted(self, partition: Partition, made: Sorted) -> None:
        """Counts them, too."""
        del partition
        self.rows += len(made.rows)

    def settle(self) -> None:
        """Nothing is kept."""


class _Left(Harvest):
    """Leaves what a fold has come to where it is, in the kernel's tables: no rows are made of it."""

    @property
    def waiting(self) -> int:
        """Nothing."""
        return 0

    def deltas(self) -> Iterator[Rows | Sorted]:
        """None."""
        return iter(())

    def all(self) -> Iterator[Rows | Sorted]:
        """None."""
        return iter(())


class _OnlyFolded(Replay):
    """Reads and folds."""

    def _harvest(self, feed: Feed) -> Harvest:
        return _Left(feed)


def _rebuild(db: Database, upto: int) -> None:
    del upto
    rebuild(db)


def _verify(db: Database, upto: int) -> None:
    del upto
    if verify(db):
        raise SystemExit("the live tables are not what the log says")


def _fold(db: Database, upto: int) -> None:
    """Rows are made and dropped."""
    _fold_with(db, upto, Replay)


def _only_fold(db: Database, upto: int) -> None:
    """No rows are made."""
    _fold_with(db, upto, _OnlyFolded)


def _interpreted(db: Database, upto: int) -> None:
    """As where numba is not installed."""
    _fold_with(db, upto, Replay, interpreted=True)


def _fold_with(db: Database, upto: int, kind: type[Replay], *, interpreted: bool = False) -> None:
    allocation.give_back()  # as rebuilds and views of an instant do
    heads = {p: min(head, upto or head) for p, head in store.log.head(db).items() if head}
    reader, sink, jobs = LogReader(db, source="driver" if interpreted else None), _Nowhere(), os.cpu_count() or 1
    kernel = None if interpreted else kernel_for(10**9, reader)
    several = ((kind(reader, p, sink, kernel=kernel, jobs=jobs), head) for p, head in heads.items())
    for _ in fold_all(read_ahead(reader, several, None, jobs=jobs), lambda replay: Ms(replay.newest)):
        pass


_WHATS: dict[str, Callable[[Database, int], None]] = {
    "rebuild": _rebuild,
    "fold": _fold,
    "loaded": _fold,
    "folded": _only_fold,
    "interpreted": _interpreted,
    "verify": _verify,
}


def main(arguments: Sequence[str]) -> int:
    """Prints seconds, processor seconds (its own and its children's), and the load of the machine."""
    what, url, upto = arguments[0], arguments[1], int(arguments[2]) if len(arguments) > 2 else 0
    db = open_database(url, create=False)
    if what in ("loaded", "folded"):
        _fold(db, _FEW)
    began, busy = time.perf_counter(), _processor_s()
    _WHATS[what](db, upto)
    taken, used = time.perf_counter() - began, _processor_s() - busy
    db.close()
    print(json.dumps({"s": taken, "processor_s": used, "load": os.getloadavg()[0]}), flush=True)
    return 0


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
