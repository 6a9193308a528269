"""What an import must know of the database before it appends anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from store import appending, archive_ids, archive_reading
from store.appending import Entry
from store.engine import Database
from tracker.events.codec import data_from_json
from tracker.events.envelope import Event
from tracker.events.rule import ExpAdjusted
from tracker.ids import ChannelId, EventId, GuildId, Ms, UserId, partition_of

__all__ = ["KnownGuild", "Past", "TakenOver", "known_guild", "past_of", "there"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGuild:
    """What the read models say of a guild: members' names and EXP, who is a bot or opted out, and the channels."""

    names: dict[UserId, str] = field(default_factory=dict)
    exp: dict[UserId, int] = field(default_factory=dict)
    bots: set[UserId] = field(default_factory=set)
    silent: set[UserId] = field(default_factory=set)
    channels: set[ChannelId] = field(default_factory=set)


@dataclass(slots=True)
class TakenOver:
    """EXP that was taken over for a member before: how much in all, and in how many steps."""

    exp: int = 0
    steps: int = 0


@dataclass(slots=True)
class Past:
    """`oldest`: when the guild's first event was; None: it has none. `taken`: by member; the forgotten are nobody."""

    oldest: Ms | None = None
    taken: dict[UserId, TakenOver] = field(default_factory=dict)

    def seen_at(self, at: int | None) -> None:
        """There is an event of this instant (None: there is none)."""
        if at is not None and (self.oldest is None or at < self.oldest):
            self.oldest = Ms(at)

    def add(self, user: int, version: int, data: str) -> None:
        """One `exp.adjusted`. Raises EventFormatError if it cannot be read."""
        decoded = data_from_json(ExpAdjusted.TYPE, version, data)
        if isinstance(decoded, ExpAdjusted):
            before = self.taken.setdefault(UserId(user), TakenOver())
            before.exp += decoded.amount
            before.steps += 1


def known_guild(db: Database, guild: GuildId) -> KnownGuild:
    """What is known of the guild; nothing of one that never was there. Raises DatabaseError."""
    here = {"p": partition_of(guild, db.partitions), "g": guild}
    known = KnownGuild()
    with db.read() as connection:
        members = "SELECT user_id, name, bot, opted_out FROM members WHERE partition = :p AND guild_id = :g"
        for user, name, bot, out in connection.execute(text(members), here):
            if name:
                known.names[UserId(user)] = name
            if bot:
                known.bots.add(UserId(user))
            if out:
                known.silent.add(UserId(user))
        totals = "SELECT user_id, exp FROM totals WHERE partition = :p AND guild_id = :g"
        known.exp.update((UserId(user), int(exp)) for user, exp in connection.execute(text(totals), here))
        channels = "SELECT channel_id FROM channels WHERE partition = :p AND guild_id = :g"
        known.channels.update(ChannelId(c) for c in connection.execute(text(channels), here).scalars())
    return known


def there(db: Database, events: Sequence[Event]) -> set[EventId]:
    """Which of these events are in the log already. Raises DatabaseError."""
    entries = [
        Entry(partition_of(e.guild_id, db.partitions), e.id, e.type, 1, e.guild_id, None, None, e.occurred_at, "")
        for e in events
    ]
    if not entries:
        return set()
    with db.read() as connection:
        found = appending.existing(connection, entries) | archive_ids.existing(connection, db.archived, entries)
    return {EventId(event_id) for _, event_id in found}


def past_of(db: Database, guild: GuildId, prefix: str) -> Past:
    """What the log says of EXP taken over before, in `exp.adjusted` whose ids begin with `prefix`.

    Reads the guild's archived events too. Raises DatabaseError, LogCorruptError, ArchiveAwayError.
    """
    partition, past = partition_of(guild, db.partitions), Past()
    about = {"p": partition, "g": guild, "type": ExpAdjusted.TYPE, "prefix": f"{prefix}%"}
    here = "e.partition = :p AND e.guild_id = :g"
    oldest = text(f"SELECT MIN(occurred_at) FROM events e WHERE {here}")  # noqa: S608
    statement = text(
        f"SELECT s.user_id, e.version, e.data FROM events e "  # noqa: S608
        "JOIN subjects s ON s.partition = e.partition AND s.subject_id = e.subject_id "
        f"WHERE {here} AND e.type = :type AND e.id LIKE :prefix"
    )
    with db.read() as connection:
        for row in archive_reading.rows(db, connection, partition, guild=guild):
            _, event_id, kind, version, _, user, _, at, _, data = row
            past.seen_at(at)
            if kind == ExpAdjusted.TYPE and event_id.startswith(prefix) and user is not None and user > 0:
                past.add(user, version, data)
        past.seen_at(connection.execute(oldest, about).scalar())
        for user, version, data in connection.execute(statement, about):
            past.add(user, version, data)
    return past
