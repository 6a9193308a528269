"""What is archived without anybody asking for it: how old it has to be, and the moving of it where no bot is running.

Beside a running bot see `tracker.ingest.archiving`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

from store import archive_files, archive_place
from store.archive_moving import Moved, moved
from store.archive_segment import STEP, begin, next_step, prepare, put_into_use
from tracker.ids import Ms

if TYPE_CHECKING:
    from store.engine import Database
    from store.lease import Lease

__all__ = ["age", "seal"]

_DAY_MS: Final = 86_400_000
_YOUNG_MS: Final = 3_600_000
"""What is to go unasked is older than this: ids of what comes in are newer then than all that is archived, and need not
be looked up there, even if a clock is wrong by minutes."""


def age(db: Database, after_days: int | Literal["auto"] | None) -> int | None:
    """How old events are, in ms, before they go unasked; None: none do. `after_days`: as of the configuration.

    Within the database old events take a tenth of the room, are replayed sooner, and are in every backup of it: so
    "auto" has them go there, if they can be written. Files that somebody has to look after are not made unasked.
    Raises DatabaseError.
    """
    if after_days != "auto":
        return None if after_days is None else after_days * _DAY_MS
    able = archive_place.is_inside(db) and find_spec("pyarrow") is not None
    return _YOUNG_MS if able else None


def seal(
    db: Database,
    before: Ms,
    *,
    now: Ms,
    lease: Lease | None,
    size: int = STEP,
    progress: Callable[[int], None] = lambda _: None,
) -> Moved:
    """Moves what was before the instant and is counted into files of `size` events; what does not fill one stays.

    Nobody may append meanwhile but history (hold the lease). `now`: the real time. Raises ConfigError (no pyarrow),
    ArchiveAwayError, LogCorruptError, DatabaseError, LeaseLostError; what was moved by then stays where it is.
    """
    archive_files.require()
    place = archive_place.settle(db, None)
    archive_place.sweep(db)
    done = []
    try:
        while (step := next_step(db, before, place, size=size, least=size)) is not None:
            begin(db, step)
            done.append(put_into_use(db, prepare(db, step), lease, now=now))
            progress(done[-1].events)
    finally:
        archive_place.write_manifest(db)
    return moved(done, place)
