"""When the figures were last compared with the log, and with what result: one row, for the next start to know."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import delete, insert, select

from store.engine import Database
from store.schema import tracker_info
from tracker.ids import Ms

__all__ = ["Verification", "last", "mended", "note"]

_NAME: Final = "verified"


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """At `at` so many `events` were folded, and `differences` found in so many `guilds`; `more`: or in more."""

    at: Ms
    events: int
    differences: int = 0
    guilds: int = 0
    more: bool = False


def last(db: Database) -> Verification | None:
    """The newest one; None if there was none, or another version of the tracker noted it. Raises DatabaseError."""
    with db.read() as connection:
        text = connection.execute(select(tracker_info.c.value).where(tracker_info.c.name == _NAME)).scalar_one_or_none()
    try:
        return None if text is None else msgspec.json.decode(text, type=Verification)
    except msgspec.MsgspecError:
        return None


def mended(db: Database) -> None:
    """Whatever differences were found last are there no more: the figures were made anew. Raises DatabaseError."""
    found = last(db)
    if found is not None and found.differences:
        with db.write() as connection:
            connection.execute(delete(tracker_info).where(tracker_info.c.name == _NAME))


def note(db: Database, verification: Verification) -> None:
    """Keep this one in the place of the one before. Raises DatabaseError."""
    text = msgspec.json.encode(verification).decode()
    with db.write() as connection:
        connection.execute(delete(tracker_info).where(tracker_info.c.name == _NAME))
        connection.execute(insert(tracker_info).values(name=_NAME, value=text))
