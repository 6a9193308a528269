"""What PostgreSQL is asked of the log where `columns_fields` takes its answer apart: no more than a fold needs.

Each cell of an answer costs the server some twenty nanoseconds, a quarter of what it takes to find the row. Of nearly
all events neither the id nor when it was recorded is asked for by anybody, the version is 1, and the guild says which
partition it is. So that is sent, in one cell, of those events only of which it is needed.
"""

from __future__ import annotations

from typing import Final

from tracker.events.message import MessageSent

__all__ = ["CELLS", "SILENT_FROM", "TEXTS", "question"]

SILENT_FROM: Final = "voice."
"""The types from this one on, in the order of their letters, are read for their numbers only (`HAS_REST`)."""

_REST: Final = "concat_ws(' ', '', partition, version, recorded_at, id)"

CELLS: Final = ("position", "guild_id", "subject_id", "channel_id", "occurred_at", "type", "data", "more")
"""What is in a row. `more`: the id of a sent message; of other events _REST, if it is needed. That begins with a space,
and an id that does is never sent alone."""

TEXTS: Final = 3
"""So many of them, the last ones, are texts; the others are numbers."""


def question(partitions: int, which: str) -> str:
    """The rows of the table `events`, as CELLS. `which`: what follows its name. `partitions`: how many there are."""
    more = (
        f"CASE WHEN version <> 1 OR partition <> (guild_id >> 22) % {int(partitions)} THEN {_REST}"
        f" WHEN type = '{MessageSent.TYPE}' AND ascii(id) <> {ord(' ')} THEN id"
        f" WHEN type COLLATE \"C\" >= '{SILENT_FROM}' THEN NULL ELSE {_REST} END"
    )
    return f"SELECT {', '.join(CELLS[:-1])}, {more} FROM events{which}"  # noqa: S608 - names of our own
