"""A process that rebuilds all read models again and again, to be killed: `python -m tests.store.rebuilding ADDRESS`.

With a second argument, `bulk`, as if very many rows were to come: what numba compiles has a part in it; with `between`
too, and the process kills itself once the first table is copied. Each rebuild writes another number into every row, so
that what is left of it can be told.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

from store.engine import open_database
from store.schema import TEXT_COLUMNS
from store.shadow import Shadow
from store.shadow_reading import ReadBack
from tests.store.shadows import add_rows
from tests.store.support import GUILD
from tracker.ids import partition_of
from tracker.projections.rows import TABLES, Row

ROWS = 400
"""How many rows each table gets."""


def rows_of(name: str, number: int) -> list[Row]:
    """The rows of a rebuild: the guild counts, everything else is the rebuild's number."""
    guilds = [GUILD + n for n in range(ROWS)]  # all of one partition
    columns = TABLES[name].columns[1:]
    return [(g, *(str(number) if c in TEXT_COLUMNS else number for c in columns)) for g in guilds]


def die(reading: ReadBack, name: str) -> None:
    """At once."""
    del reading, name
    os.kill(os.getpid(), signal.SIGKILL)


def main(address: str, *, bulk: bool, between: bool = False) -> None:
    """Rebuilds for ever, or for as long as it takes to get between two tables."""
    if between:
        ReadBack.in_the_file = die  # type: ignore[method-assign, assignment]
    if bulk:
        import store.pages_file  # it takes a second, in which nobody wants to be killed
        import store.shadow_packed  # noqa: F401
    db = open_database(address)
    print("ready", flush=True)
    for number in itertools.count(2):
        with Shadow.create(db, db.all_partitions, bulk=bulk) as shadow:
            for name in TABLES:
                add_rows(shadow, name, partition_of(GUILD, db.partitions), rows_of(name, number))
            shadow.finish()
            shadow.check()
            with db.write() as connection:
                shadow.swap(connection)


if __name__ == "__main__":
    between = "between" in sys.argv[2:]
    main(sys.argv[1], bulk=between or "bulk" in sys.argv[2:], between=between)
