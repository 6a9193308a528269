"""`python -m tests.e2e.deadly POINT`: the real `tracker run`, which kills itself with SIGKILL at an exact point.

POINT is `statement:N` (just before the Nth SQL statement), `executed:N` (just after it), `commit:N` (just before the
Nth COMMIT is sent), `committed:N` (just after it succeeded, before anybody is told), `marking:N` (a post was made and
is about to be noted, for the Nth time), `meaning:N` (it is about to be noted which nickname will be set) or `noting:N`
(a member looks as they should, and that is about to be noted), `clearing:N` (the rows of a guild that was counted anew
are about to go) or `exchanging:N` (others are in their place, and its mark is about to go), `noted:N` (something was
just noted of the archive, such as a file that is about to be written), `putting:N` (a file of the archive is about to
be put into use), `emptying:N` (its events are about to leave the table) or `granting:N` (a wish or a note is about to
go). `flushing:N` plants a bug as well: the flush's checkpoint is committed outside its transaction, and the Nth one is
where the process dies.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from store import state
from store.engine import Database
from store.lease import Lease


def _deadly(point: str) -> None:
    what, _, number = point.partition(":")
    left = int(number)

    def strike(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(beginning: str) -> Callable[..., None]:
        def strike_before(*about: Any) -> None:
            if about[2].startswith(beginning):
                strike()

        return strike_before

    hooks = {
        "statement": ("before_cursor_execute", strike),
        "executed": ("after_cursor_execute", strike),
        "commit": ("commit", strike),
        "marking": ("before_cursor_execute", before("UPDATE deliveries")),
        "meaning": ("before_cursor_execute", before("UPDATE member_sync SET managed=")),
        "clearing": ("before_cursor_execute", before("DELETE FROM daily WHERE partition")),
        "exchanging": ("before_cursor_execute", before("DELETE FROM rebuild_marks")),
        "noted": ("after_cursor_execute", before("INSERT INTO tracker_info")),
        "putting": ("before_cursor_execute", before("INSERT INTO archive_segments")),
        "emptying": ("before_cursor_execute", before("DELETE FROM events")),
        "granting": ("before_cursor_execute", before("DELETE FROM tracker_info")),
        "noting": ("before_cursor_execute", before("UPDATE member_sync SET state=")),
    }
    if what in hooks:
        event.listen(Engine, *hooks[what])
    elif what == "committed":
        _after_each_commit(strike)
    elif what == "flushing":
        _plant_the_bug(strike)
    else:
        raise SystemExit(f"no such point: {point}")


def _after_each_commit(strike: Callable[[], None]) -> None:
    plain: Any = DefaultDialect.do_commit

    def do_commit(self: Any, connection: Any) -> None:
        plain(self, connection)
        strike()

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


def _plant_the_bug(strike: Callable[[], None]) -> None:
    """A flush whose checkpoint is committed apart from its rows, and a death in between: what must never be."""
    plain = state.flush

    def flush(db: Database, batches: Sequence[state.FlushBatch], lease: Lease | None = None, **also: Any) -> bool:
        with db.write() as connection:
            state.move_checkpoints(connection, [(b.partition, b.position, b.as_of) for b in batches], None)
        strike()
        return plain(db, batches, lease, **also)

    state.flush = flush


def main() -> None:
    """Arm it, then run the bot."""
    from tracker.app import run
    from tracker.config import Config

    _deadly(sys.argv[1])
    run(Config.from_env(os.environ))


if __name__ == "__main__":
    main()
