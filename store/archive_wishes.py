"""What the running bot is asked to archive: a command that finds it at work leaves its wish in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select

from store.schema import tracker_info
from tracker.ids import Ms

if TYPE_CHECKING:
    from store.engine import Database

__all__ = ["ask", "come_true", "wish"]

_WISH: Final = "archive_wish"


def ask(db: Database, before: Ms) -> None:
    """Archive what happened before the instant; this takes the place of a wish that is still open."""
    with db.write() as connection:
        connection.execute(delete(tracker_info).where(tracker_info.c.name == _WISH))
        connection.execute(insert(tracker_info), [{"name": _WISH, "value": str(before)}])


def wish(db: Database) -> Ms | None:
    """Before which instant all is to be archived; None: nobody has asked, or it is done."""
    with db.read() as connection:
        value = connection.execute(select(tracker_info.c.value).where(tracker_info.c.name == _WISH)).scalar()
    return None if value is None else Ms(int(value))


def come_true(db: Database, before: Ms) -> None:
    """That wish is done. Another one, which came meanwhile, stays."""
    here = (tracker_info.c.name == _WISH) & (tracker_info.c.value == str(before))
    with db.write() as connection:
        connection.execute(delete(tracker_info).where(here))
