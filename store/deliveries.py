"""Posts owed to Discord: written with what caused them, delivered afterwards, never twice.

A delivery is known by its key, such as `report:<guild>:<entry>:<window>`: owing it again changes nothing. States:
pending, sent, failed (will be tried again), blocked (needs a person) and dropped (not wanted any more, and never owed
again).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, cast

from sqlalchemy import Connection, RowMapping, and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.engine import Database
from store.schema import READ_MODELS, STILL_OWED, deliveries
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId, partition_of

__all__ = [
    "Delivery", "NewDelivery", "Tried", "count_by_state", "due", "enqueue", "enqueue_in", "find", "keep_newest",
    "mark_blocked", "mark_dropped", "mark_failed", "mark_sent", "member_name", "next_due", "row_of",
]  # fmt: skip

State = Literal["pending", "sent", "failed", "blocked", "dropped"]
_AT_ONCE: Final = 5
_LAST: Final = "\U0010ffff"
"""Sorts behind all that follows in a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A post to be owed. `channel_id`: None, the deliverer finds out where. `payload`: JSON text for the deliverer."""

    key: str
    guild_id: GuildId
    channel_id: ChannelId | None
    kind: str
    payload: str
    at: Ms

    @property
    def nonce(self) -> str:
        """25 characters that Discord is told with the post, so that a retry does not post it again."""
        return hashlib.blake2b(self.key.encode(), digest_size=16).hexdigest()[:25]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A post that is or was owed. `message_id`: None until sent. `error`: why the last try failed."""

    key: str
    guild_id: GuildId
    channel_id: ChannelId | None
    kind: str
    payload: str
    nonce: str
    state: State
    attempts: int
    next_attempt_at: Ms
    message_id: MessageId | None
    error: str | None
    created_at: Ms


class Tried(Protocol):
    """What is needed of a delivery to note how a try went."""

    @property
    def key(self) -> str: ...
    @property
    def guild_id(self) -> GuildId: ...
    @property
    def attempts(self) -> int: ...


def enqueue(db: Database, delivery: NewDelivery) -> bool:
    """Owes a post; False if one of that key is or was owed already."""
    with db.write() as connection:
        return enqueue_in(connection, db.partitions, [delivery]) == 1


def row_of(delivery: NewDelivery, partitions: int) -> dict[str, Any]:
    """The row of a post that is owed from now on."""
    return {
        "partition": partition_of(delivery.guild_id, partitions),
        "key": delivery.key,
        "guild_id": delivery.guild_id,
        "channel_id": delivery.channel_id,
        "kind": delivery.kind,
        "payload": delivery.payload,
        "nonce": delivery.nonce,
        "state": "pending",
        "attempts": 0,
        "next_attempt_at": delivery.at,
        "error": None,
        "created_at": delivery.at,
    }


def enqueue_in(connection: Connection, partitions: int, owed: Sequence[NewDelivery]) -> int:
    """Owes posts within the transaction of what caused them; returns how many were not owed before."""
    added = 0
    for delivery in owed:
        make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        row = row_of(delivery, partitions)
        owing = make(deliveries).values(row).on_conflict_do_nothing().returning(deliveries.c.key)
        added += len(connection.execute(owing).all())
    return added


def due(db: Database, now: Ms, *, limit: int = 200) -> list[Delivery]:
    """Posts to be tried now: at most five of each channel, those that are owed longest; announcements (`level`) last.

    A guild's announcements count as one channel of their own, so that hundreds of them leave room for the rest. Reports
    come in their order: none while an earlier one of its channel waits to be tried again.
    """
    c = deliveries.c
    waiting = (STILL_OWED, c.kind == "report", c.next_attempt_at > now)
    oldest = func.min(c.created_at).label("oldest")
    held = select(c.guild_id, c.channel_id, oldest).where(*waiting).group_by(c.guild_id, c.channel_id).subquery()
    here = and_(held.c.guild_id == c.guild_id, held.c.channel_id.is_not_distinct_from(c.channel_id))
    in_order = or_(c.kind != "report", held.c.oldest.is_(None), held.c.oldest >= c.created_at)
    late = case((c.kind == "level", 1), else_=0)
    number = func.row_number().over(
        partition_by=(c.guild_id, c.channel_id, late), order_by=(c.created_at, c.next_attempt_at, c.key)
    )
    owed = select(deliveries, number.label("number"), late.label("late")).outerjoin(held, here)
    found = owed.where(STILL_OWED, c.next_attempt_at <= now, in_order).subquery()
    wanted = select(found).where(found.c.number <= _AT_ONCE)
    order = (found.c.late, found.c.number, found.c.created_at, found.c.next_attempt_at, found.c.key)
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(*order).limit(limit)).mappings()
        return [_delivery(row) for row in rows]


def next_due(db: Database) -> Ms | None:
    """When the first of those that are still owed is to be tried; None: nothing is owed."""
    c = deliveries.c
    wanted = select(func.min(c.next_attempt_at)).where(STILL_OWED)
    with db.read() as connection:
        found = connection.execute(wanted).scalar_one()
    return None if found is None else Ms(found)


def find(db: Database, guild_id: GuildId, key: str) -> Delivery | None:
    """The delivery of this key; None if it was never owed."""
    c = deliveries.c
    wanted = select(deliveries).where(c.partition == partition_of(guild_id, db.partitions), c.key == key)
    with db.read() as connection:
        row = connection.execute(wanted).mappings().first()
    return None if row is None else _delivery(row)


def count_by_state(db: Database) -> dict[State, int]:
    """How many deliveries are in each state."""
    c = deliveries.c
    with db.read() as connection:
        rows = connection.execute(select(c.state, func.count()).group_by(c.state)).all()
    return {cast("State", state): count for state, count in rows}


def mark_sent(db: Database, delivery: Tried, message_id: MessageId) -> None:
    """It is posted, as this message."""
    _mark(db, delivery, state="sent", message_id=message_id, error=None, attempts=delivery.attempts + 1)


def mark_failed(db: Database, delivery: Tried, error: str, *, next_attempt_at: Ms) -> None:
    """It could not be posted; it will be tried again."""
    changes = {"error": error, "attempts": delivery.attempts + 1, "next_attempt_at": next_attempt_at}
    _mark(db, delivery, state="failed", **changes)


def mark_blocked(db: Database, delivery: Tried, error: str) -> None:
    """It cannot be posted before a person has changed something."""
    _mark(db, delivery, state="blocked", error=error, attempts=delivery.attempts + 1)


def mark_dropped(db: Database, delivery: Tried, reason: str) -> None:
    """It is not wanted any more. The row stays, so that what is known by its key is never owed again."""
    _mark(db, delivery, state="dropped", error=reason)


def keep_newest(db: Database, delivery: Tried, like: str) -> bool:
    """Of what is owed with keys that begin with `like`, drops all but the newest.

    False if `delivery` is not the one that is still owed.
    """
    c = deliveries.c
    partition = partition_of(delivery.guild_id, db.partitions)
    alike = [c.partition == partition, c.key.startswith(like, autoescape=True)]
    if db.dialect == "sqlite":  # would read all posts that there ever were: its LIKE, other than this, uses no index
        alike += [c.key >= like, c.key < like + _LAST]
    with db.write() as connection:
        rows = connection.execute(select(c.key).where(STILL_OWED, *alike).order_by(c.created_at, c.key)).scalars().all()
        if len(rows) > 1:
            older = update(deliveries).where(c.partition == partition, c.key.in_(rows[:-1]))
            connection.execute(older.values(state="dropped", error="a later one is posted instead"))
    return delivery.key in rows[-1:]


def member_name(db: Database, guild_id: GuildId, user_id: UserId) -> str | None:
    """What a member is called; None: not known."""
    members = READ_MODELS["members"].c
    here = (members.partition == partition_of(guild_id, db.partitions), members.guild_id == guild_id)
    with db.read() as connection:
        return connection.execute(select(members.name).where(*here, members.user_id == user_id)).scalar_one_or_none()


def _mark(db: Database, delivery: Tried, **changes: object) -> None:
    c = deliveries.c
    at = (c.partition == partition_of(delivery.guild_id, db.partitions), c.key == delivery.key)
    with db.write() as connection:
        connection.execute(update(deliveries).where(*at).values(**changes))


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(**{name: row[name] for name in Delivery.__dataclass_fields__})
