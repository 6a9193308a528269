"""Scheduled reports that Discord refused: which they are, and how they come to be owed once more.

A row stays the one row of its window. Tried again it is pending once more, with the tries it has behind it: so whoever
posts it looks for it in the channel first, and a process that dies on the way leaves it to the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, select, update

from store.engine import Database
from store.schema import deliveries
from tracker.ids import ChannelId, GuildId, Ms, partition_of

__all__ = ["Again", "BlockedRun", "Over", "blocked_keys", "read", "settle"]

_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedRun:
    """A report that was refused. `payload`: see `tracker.discord.posts_report.ReportPost`."""

    guild_id: GuildId
    key: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A blocked report that is to be tried again, and where. `channel_id` None: the guild's log channel."""

    guild_id: GuildId
    key: str
    payload: str
    channel_id: ChannelId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A blocked report that will not be posted any more."""

    guild_id: GuildId
    key: str
    reason: str


def blocked_keys(db: Database) -> dict[GuildId, set[str]]:
    """All blocked reports, by guild. Reads everything that was ever posted: for a start."""
    c = deliveries.c
    found: dict[GuildId, set[str]] = {}
    with db.read() as connection:
        for guild, key in connection.execute(
            select(c.guild_id, c.key).where(c.state == "blocked", c.kind == "report")
        ):  # fmt: skip
            found.setdefault(GuildId(guild), set()).add(key)
    return found


def read(db: Database, guild: GuildId, keys: Collection[str]) -> list[BlockedRun]:
    """Those of the reports that are (still) blocked, those that were owed first coming first."""
    c = deliveries.c
    found: list[tuple[Ms, str, str]] = []
    named = sorted(keys)
    with db.read() as connection:
        for start in range(0, len(named), _AT_ONCE):
            wanted = select(c.created_at, c.key, c.payload).where(
                c.key.in_(named[start : start + _AT_ONCE]), *_blocked(db, guild)
            )
            found += [(row.created_at, row.key, row.payload) for row in connection.execute(wanted)]
    return [BlockedRun(guild_id=guild, key=key, payload=payload) for _, key, payload in sorted(found)]


def settle(db: Database, again: Sequence[Again], over: Sequence[Over], *, now: Ms) -> int:
    """All of it or nothing; what is not blocked any more is left alone. Returns how many are owed once more.

    When they were owed at first stays as it is, so that they come in their order and are looked for since then.
    """
    c = deliveries.c
    reopened = 0
    with db.write() as connection:
        for run in again:
            late = {"payload": run.payload, "channel_id": run.channel_id, "next_attempt_at": now}
            here = update(deliveries).where(c.key == run.key, *_blocked(db, run.guild_id))
            reopened += connection.execute(here.values(state="pending", error=None, **late)).rowcount
        for done in over:
            here = update(deliveries).where(c.key == done.key, *_blocked(db, done.guild_id))
            connection.execute(here.values(state="dropped", error=done.reason))
    return reopened


def _blocked(db: Database, guild: GuildId) -> tuple[ColumnElement[bool], ...]:
    return deliveries.c.partition == partition_of(guild, db.partitions), deliveries.c.state == "blocked"
