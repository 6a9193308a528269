"""Marks: which guilds must be counted anew, because history was added to them.

A mark is set in the transaction that appends the history (`store.log.append`). It goes in the transaction that writes
what was counted, and only if nothing of the guild is in the log beyond what was counted: that may have come meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, bindparam, delete, insert, select, text

from store.engine import Database
from store.schema import rebuild_marks
from tracker.ids import GuildId, Partition, partition_of

__all__ = ["counted", "mark_for_rebuild", "marked", "marked_guilds", "unmark"]

_COUNTED = (
    "DELETE FROM rebuild_marks WHERE partition = :partition AND NOT EXISTS (SELECT 1 FROM events e "
    "WHERE e.partition = :partition AND e.position > :upto AND e.guild_id = rebuild_marks.guild_id)"
)


def marked(db: Database) -> set[GuildId]:
    """The guilds whose read models await a rebuild. Raises DatabaseError."""
    with db.read() as connection:
        return {GuildId(g) for g in connection.execute(select(rebuild_marks.c.guild_id)).scalars()}


def marked_guilds(db: Database) -> dict[Partition, set[GuildId]]:
    """The same, by partition. Raises DatabaseError."""
    found: dict[Partition, set[GuildId]] = {}
    with db.read() as connection:
        marks = rebuild_marks.c
        for partition, guild in connection.execute(select(marks.partition, marks.guild_id)):
            found.setdefault(Partition(partition), set()).add(GuildId(guild))
    return found


def mark_for_rebuild(db: Database, guilds: Iterable[GuildId]) -> None:
    """Notes that the read models of these guilds are not true before a rebuild."""
    missing = set(guilds) - marked(db)
    if missing:
        rows = [{"partition": partition_of(g, db.partitions), "guild_id": g} for g in sorted(missing)]
        with db.write() as connection:
            connection.execute(insert(rebuild_marks), rows)


def unmark(db: Database, guilds: set[GuildId]) -> None:
    """Nothing of these guilds is to be counted anew after all: their history was there already."""
    if guilds:
        with db.write() as connection:
            connection.execute(delete(rebuild_marks).where(rebuild_marks.c.guild_id.in_(guilds)))


def counted(connection: Connection, partition: Partition, upto: int, guilds: Collection[GuildId] | None = None) -> None:
    """These guilds (None: all of the partition) are counted up to position `upto`. The log's lock must be held.

    The mark of a guild that has events beyond it stays.
    """
    place: dict[str, object] = {"partition": partition, "upto": upto}
    statement = text(_COUNTED)
    if guilds is not None:
        statement = text(f"{_COUNTED} AND guild_id IN :guilds").bindparams(bindparam("guilds", expanding=True))
        place["guilds"] = sorted(guilds)
    connection.execute(statement, place)
