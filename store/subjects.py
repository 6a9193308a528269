"""Which subject of the log is which member: the log names nobody, this mapping does.

Subject ids are small numbers, given one after the other within a partition, in the transaction of the first event that
needs them. Removing a mapping unlinks the person from the log for ever: the events stay and read back under a negative
user id. That is done in two steps. The append of `member.forgotten` retires the mapping, so that a member who comes
back is another subject; the flush that deletes the member's rows deletes the mapping too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from cachetools import LRUCache
from sqlalchemy import Connection

from tracker.ids import Partition

__all__ = ["CACHED", "Member", "Subjects", "forget", "known", "retire", "retired"]

CACHED: Final = 50_000
"""How many mappings the writer keeps in memory (about 12 MB); a member beyond that costs one look-up per batch."""

Member = tuple[int, int, int]
"""(partition, guild id, user id)"""


@dataclass(slots=True)
class Subjects:
    """The mappings that the writer has lately used. Only ever holds what was committed."""

    cache: LRUCache[Member, int] = field(default_factory=lambda: LRUCache(maxsize=CACHED))

    def learn(self, found: Iterable[tuple[Member, int]]) -> None:
        """Keeps mappings that are in the database."""
        for member, subject in found:
            self.cache[member] = subject

    def drop(self, members: Iterable[Member]) -> None:
        """Forgets mappings that are no longer, or may no longer be, in the database."""
        for member in members:
            self.cache.pop(member, None)


_SELECT: Final = {
    "sqlite": (
        "SELECT s.partition, s.guild_id, s.user_id, s.subject_id FROM json_each(?) j CROSS JOIN subjects s "
        "ON s.partition = j.value ->> 0 AND s.guild_id = j.value ->> 1 AND s.user_id = j.value ->> 2 AND s.retired = 0"
    ),
    "postgresql": (
        "SELECT s.partition, s.guild_id, s.user_id, s.subject_id "
        "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS j (partition, guild_id, user_id) "
        "JOIN subjects s USING (partition, guild_id, user_id) WHERE s.retired = 0"
    ),
}


def known(connection: Connection, members: Iterable[Member]) -> dict[Member, int]:
    """The subject ids of those `members` that have one, in one statement."""
    wanted = list(members)
    if not wanted:
        return {}
    arguments: tuple[Any, ...]
    if connection.dialect.name == "sqlite":
        arguments = ("[" + ",".join(f"[{p},{g},{u}]" for p, g, u in wanted) + "]",)
    else:
        # Plain numbers: ids as Discord's library gives them are numbers of its own type, and a list may hold only one.
        arguments = tuple(list(map(int, column)) for column in zip(*wanted, strict=True))
    rows = connection.exec_driver_sql(_SELECT[connection.dialect.name], arguments)
    return {(p, g, u): s for p, g, u, s in rows}


def retire(connection: Connection, members: Iterable[Member]) -> None:
    """These members asked to be forgotten: what they do from now on is another subject's."""
    _each(connection, "UPDATE subjects SET retired = subject_id WHERE retired = 0 AND", members)


def retired(connection: Connection, partition: Partition) -> list[int]:
    """The subjects of those who asked to be forgotten, where no flush has unlinked them yet."""
    statement = f"SELECT subject_id FROM subjects WHERE partition = {int(partition)} AND retired <> 0"  # noqa: S608
    return list(connection.exec_driver_sql(statement).scalars())


def forget(connection: Connection, members: Iterable[Member]) -> None:
    """Unlinks the retired subjects of `members` from the log for good."""
    _each(connection, "DELETE FROM subjects WHERE retired <> 0 AND", members)


def _each(connection: Connection, statement: str, members: Iterable[Member]) -> None:
    wanted = list(members)
    if wanted:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(f"{statement} partition = {mark} AND guild_id = {mark} AND user_id = {mark}", wanted)
