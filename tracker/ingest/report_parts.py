"""The parts that kept reports are made of: by what they are known, how they are read, what a flush changes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol

from store.engine import Database
from store.state import FlushBatch
from tracker.ids import GuildId, Ms, Position, RoleId
from tracker.projections.rows import Changes
from tracker.reports.window import Window

if TYPE_CHECKING:  # with it comes numpy, 14 MiB that a bot in small guilds never needs
    from tracker.reports.kept_days import GuildChanges

__all__ = ["Key", "Part", "brought", "changes_of", "keys_of", "read_part"]

_TABLES: Final = ("daily", "session_days", "sessions", "role_changes", "members")

Key = tuple[GuildId, str, int, int]
"""(guild, "days", first day, last day), (guild, "holders", role, 0) or (guild, "bots", 0, 0)."""


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


def read_part(db: Database, key: Key, *, listed: bool) -> Part:
    """Read a part from the database. `listed`: days with what their charts need. Raises DatabaseError."""
    from store import kept_rows

    guild, kind, first, last = key
    if kind == "bots":
        return kept_rows.read_bots(db, guild)
    if kind == "holders":
        return kept_rows.read_holders(db, guild, first)
    return kept_rows.read_days(db, guild, first, last, listed=listed)


_Changed = dict[int, "GuildChanges | None"]
"""By guild: what a flush changed of it. None: something that no delta tells."""


def changes_of(changes: Changes, guilds: Iterable[GuildId]) -> _Changed:
    """What a flush changed of these guilds."""
    wanted = set(guilds)
    if not wanted:
        return {}
    from tracker.reports.kept_days import GuildChanges

    told: dict[int, GuildChanges] = {guild: GuildChanges() for guild in wanted}
    for table in _TABLES:
        for row in changes.rows.get(table, ()):
            if row[0] in told:
                told[row[0]].rows.setdefault(table, []).append(row)
    found: _Changed = dict(told)
    for gone in (*changes.forgotten, *(key for table in _TABLES for key in changes.expired.get(table, ()))):
        found[gone[0]] = None
    return found


def brought(part: Part, guild: GuildId, found: _Changed, batch: FlushBatch) -> bool:
    """Bring it up to date. False: read it anew."""
    changed = found.get(guild)
    if changed is None:
        return batch.position <= part.position
    return part.apply(changed, batch.position, batch.as_of)
