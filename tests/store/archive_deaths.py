"""`python -m tests.store.archive_deaths WHAT URL NOTES [DIRECTORY]`: archives, restores or erases, and dies each time.

A child process is forked for each attempt. The first one dies by SIGKILL at its first step, the next at its second, and
so on, until one gets through. A step is just before or after a commit, or just after something was forced onto the
disk. After each death another child looks at the log: each event must be there once, as it was. What it prints is how
often a child died.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.compute
import pyarrow.parquet  # noqa: F401  (imported once, not by each child)
from sqlalchemy.engine.default import DefaultDialect

from store import archive_files, archive_moving, archive_place, log, personal, rebuild
from store.engine import Database, open_database
from tests.store.archives import archive_all, files, kept, segments, used
from tests.store.support import GUILD
from tests.store.test_personal import ANN

Work = Callable[[Database, Path | None], object]

WORKS: dict[str, Work] = {
    "archive": archive_all,
    "restore": lambda db, _: archive_moving.restore(db, lease=None),
    "erase": lambda db, _: personal.erase(db, GUILD, ANN, personal.read_traces(db, GUILD, ANN)),
}


def in_child(work: Callable[[], None]) -> int:
    """Run it in a process of its own; how that ended (0: well, -9: killed)."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dying_at(step: int, work: Work, url: str, place: Path | None) -> Callable[[], None]:
    """The work, by a process that dies at its step number `step`."""
    left = step

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        plain_commit: Any = DefaultDialect.do_commit
        plain_fsync = os.fsync

        def do_commit(self: Any, connection: Any) -> None:
            strike()
            plain_commit(self, connection)
            strike()

        def fsync(handle: int) -> None:
            plain_fsync(handle)
            strike()

        db = open_database(url)
        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
        os.fsync = fsync  # type: ignore[assignment]
        work(db, place)

    return run


def told(db: Database) -> str:
    """The log without what an erasure takes out of it."""
    return repr(
        [(r.partition, r.position, r.event.id, r.event.user_id, type(r.event.data), r.recorded_at) for r in kept(db)]
    )


def look(url: str, before: Path) -> Callable[[], None]:
    """Is everything as it was when this was asked first?"""

    def run() -> None:
        db = open_database(url)
        now = told(db)
        if not before.exists():
            before.write_text(now, encoding="utf-8")
        if before.read_text(encoding="utf-8") != now:
            raise AssertionError("the log has changed")
        log.check_contiguity(db)

    return run


def tidy(url: str, what: str) -> Callable[[], None]:
    """In the end there is no file too many, and no name of the erased."""

    def run() -> None:
        db = open_database(url)
        archive_place.sweep(db)
        there = files(db)
        if used(db) != there or (what == "restore" and there):
            raise AssertionError(f"in use {used(db)}, there {there}")
        if what != "erase" and rebuild.verify(db):
            raise AssertionError("the figures are not what the log says")
        if what == "erase":
            for segment in segments(db):
                for table in archive_files.batches(segment):
                    if any(row[4] == GUILD and f"of {ANN}" in row[9] for row in archive_files.tuples(table)):
                        raise AssertionError("a name is still there")

    return run


def main(what: str, url: str, before: Path, place: Path | None) -> int:
    """How often a child died; 0: something was wrong, and was printed."""
    archive_moving.SEGMENT = 18  # type: ignore[misc]
    looking = look(url, before)
    if in_child(looking):
        return 0
    for step in count(1):
        ended = in_child(dying_at(step, WORKS[what], url, place))
        if ended not in (0, -signal.SIGKILL) or in_child(looking):
            return 0
        if ended == 0:
            return 0 if in_child(tidy(url, what)) else step - 1
    return 0


if __name__ == "__main__":
    deaths = main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]) if sys.argv[4:] else None)
    print(deaths)
    sys.exit(0 if deaths else 1)
