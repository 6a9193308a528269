"""What writers that were killed left behind in the database and in its archive."""

from __future__ import annotations

from store import archive_place, shadow_tables
from store.engine import Database

__all__ = ["sweep"]


def sweep(db: Database) -> list[str]:
    """Drops half-made shadow tables and replaced live ones, removes files of the archive that nothing uses any more.

    Returns their names. Only for who holds the writer's lease: somebody else's rebuild or archiving would lose what it
    is working on. What a recount leaves is dropped by the bot that recounts. Raises DatabaseError.
    """
    return shadow_tables.sweep(db) + archive_place.sweep(db)
