"""The parts that kept reports are made of: by what they are known, how they are read, what a flush changes of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from store.engine import Database
from tracker.ids import GuildId, Ms, Position, RoleId, UserId
from tracker.projections.rows import TABLES, Changes
from tracker.reports.window import Window

if TYPE_CHECKING:  # with it comes numpy, 14 MiB that a bot in small guilds never needs
    from tracker.reports.kept_days import GuildChanges

__all__ = ["Key", "Part", "changes_of", "is_listed", "keys_of", "names_in", "read_part"]

_TABLES: Final = ("daily", "session_days", "sessions", "role_changes", "members")
_GUILDS_OWN: Final = frozenset({"guilds", "roles", "away"})
_USER, _NAME = map(TABLES["members"].columns.index, ("user_id", "name"))

Key = tuple[GuildId, str, int, int]
"""(guild, "days", first day, last day), (guild, "holders", role, 0), (guild, "bots", 0, 0), and of what is put together
(guild, "day", day, day) and (guild, "floor", 0, 0)."""


class Part(Protocol):
    """Something that is kept of a guild."""

    @property
    def position(self) -> Position: ...

    @property
    def nbytes(self) -> int: ...

    def apply(self, changed: GuildChanges, position: Position, as_of: Ms) -> bool: ...


def keys_of(guild: GuildId, role: RoleId | None, window: Window) -> tuple[Key, Key, Key, Key]:
    """What a report is made of: bots, holders of the role, the window's days, the days of the window before."""
    before = window.previous()
    return (
        (guild, "bots", 0, 0),
        (guild, "holders", guild if role is None else role, 0),
        (guild, "days", window.first_day, window.last_day),
        (guild, "days", before.first_day, before.last_day),
    )


def is_listed(key: Key, keys: Sequence[Key]) -> bool:
    """Whether this one of `keys` (the days of a window and those before) needs each session: for the hours."""
    _, kind, first, last = key
    return key == keys[0] or (kind == "days" and first == last)


def read_part(db: Database, key: Key, *, listed: bool) -> Part:
    """Read a part from the database. `listed`: days with what their charts need. Raises DatabaseError."""
    from store import kept_rows

    guild, kind, first, last = key
    if kind == "bots":
        return kept_rows.read_bots(db, guild)
    if kind == "holders":
        return kept_rows.read_holders(db, guild, first)
    return kept_rows.read_days(db, guild, first, last, listed=listed)


def changes_of(changes: Changes, guild: GuildId) -> GuildChanges | None:
    """What a flush changed of the guild. None: something that no delta tells, such as rows that are no more.

    (That a session's row leaves its key for another one is told by the row.)
    """
    from tracker.reports.kept_days import GuildChanges

    lasting = (changes.expired.get(table, ()) for table in _TABLES if table != "sessions")
    gone = (*changes.forgotten, *chain.from_iterable(lasting))
    if any(key[0] == guild for key in gone):
        return None
    told = GuildChanges()
    told.left = [key for key in changes.expired.get("sessions", ()) if key[0] == guild]
    for table in (*_TABLES, *_GUILDS_OWN):
        rows = [row for row in changes.rows.get(table, ()) if row[0] == guild]
        if rows:
            told.rows[table] = rows
    return told


def names_in(looks: Sequence[GuildChanges]) -> dict[UserId, str] | None:
    """Who is called otherwise now. None: something of the guild itself changed, which only its tables tell."""
    if any(told.rows.keys() & _GUILDS_OWN for told in looks):
        return None
    rows = [row for told in looks for row in told.rows.get("members", ())]
    return {UserId(row[_USER]): row[_NAME] for row in rows if row[_NAME] is not None}
