"""What is archived without anybody asking for it: how old it has to be, and the moving of it where no bot is running.

Beside a running bot see `tracker.ingest.archiving`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

from store import archive_place
from store.archive_moving import Moved, Progress, archive_before
from store.archive_segment import STEP
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
    progress: Progress = lambda _: None,
) -> Moved:
    """Moves what was before the instant and is counted into files of `size` events; what does not fill one stays.

    Raises as `archive_before`, where the rest is said.
    """
    return archive_before(db, before, now=now, folder=None, lease=lease, size=size, least=size, progress=progress)
