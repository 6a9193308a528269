"""What is owed to Discord and how far it has come, for those who watch over it: counts, and what is stuck and why.

Two outboxes: `posts` (the table `deliveries`) and `members` (`member_sync`: tier roles and nicknames).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import ColumnElement, Table, and_, case, func, literal, or_, select, union_all

from store.engine import Database
from store.schema import deliveries, member_sync
from tracker.ids import ChannelId, GuildId, Ms, UserId, partition_of

__all__ = [
    "STATES", "Blocked", "Stuck", "StuckMember", "StuckPost", "blocked_by_guild", "counts", "stuck_members",
    "stuck_posts", "takes_posts",
]  # fmt: skip

STATES: Final = ("pending", "sent", "failed", "blocked")

Stuck = Literal["failed", "blocked"]

_WAY: Final = case((deliveries.c.channel_id.is_(None), deliveries.c.kind), else_="")
"""Without a channel of its own, a post's kind says where it goes."""

_ARRIVED: Final = (
    select(
        deliveries.c.partition,
        deliveries.c.guild_id,
        deliveries.c.channel_id,
        _WAY.label("way"),
        func.max(deliveries.c.created_at).label("newest"),
    )
    .where(deliveries.c.state == "sent")
    .group_by(deliveries.c.partition, deliveries.c.guild_id, deliveries.c.channel_id, _WAY)
    .subquery("arrived")
)
"""When the newest post was owed that arrived, by channel: found in one reading, however many are blocked."""

_SETTLED: Final = deliveries.outerjoin(
    _ARRIVED,
    and_(
        _ARRIVED.c.partition == deliveries.c.partition,
        _ARRIVED.c.guild_id == deliveries.c.guild_id,
        _ARRIVED.c.channel_id.is_not_distinct_from(deliveries.c.channel_id),
        _ARRIVED.c.way == _WAY,
    ),
)
_NOT_SETTLED: Final = func.coalesce(_ARRIVED.c.newest, deliveries.c.created_at) <= deliveries.c.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckPost:
    """A post that could not be made. `channel_id` None: the guild's log channel. `error` may be empty."""

    guild_id: GuildId
    key: str
    kind: str
    payload: str
    channel_id: ChannelId | None
    error: str
    attempts: int
    next_attempt_at: Ms
    created_at: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckMember:
    """A member whose tier roles or nickname could not be set. `error` may be empty."""

    guild_id: GuildId
    user_id: UserId
    error: str
    attempts: int
    next_attempt_at: Ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """How many posts and members of a guild are blocked."""

    posts: int
    members: int


def counts(db: Database) -> Mapping[str, Mapping[str, int]]:
    """How many of `posts` and `members` are in each of `STATES`; asked in one statement."""
    found = {name: dict.fromkeys(STATES, 0) for name in ("posts", "members")}
    parts = [
        select(literal(name).label("outbox"), table.c.state, func.count()).group_by(table.c.state)
        for name, table in (("posts", deliveries), ("members", member_sync))
    ]
    with db.read() as connection:
        for outbox, state, count in connection.execute(union_all(*parts)):
            found[outbox][state] = count
    return found


def blocked_by_guild(
    db: Database, *, posts_since: Ms, kinds: Collection[str], but_for: Collection[str] = ()
) -> Mapping[GuildId, Blocked]:
    """The guilds in which a member, or a post of these kinds owed since then, is blocked, in ascending order.

    A post does not count if a later one arrived in the same channel: somebody has put that right. `but_for`: reasons
    for which a member does not count.
    """
    posts, members = deliveries.c, member_sync.c
    found = union_all(
        select(posts.guild_id, literal(1).label("post"), literal(0).label("member"))
        .where(posts.state == "blocked", posts.created_at >= posts_since, posts.kind.in_(kinds), _NOT_SETTLED)
        .select_from(_SETTLED),
        select(members.guild_id, literal(0), literal(1)).where(
            members.state == "blocked", func.coalesce(members.error, "").not_in(but_for)
        ),
    ).subquery()
    sums = select(found.c.guild_id, func.sum(found.c.post), func.sum(found.c.member)).group_by(found.c.guild_id)
    with db.read() as connection:
        rows = connection.execute(sums.order_by(found.c.guild_id)).all()
    return {GuildId(guild): Blocked(posts=int(post), members=int(member)) for guild, post, member in rows}


def stuck_posts(
    db: Database,
    state: Stuck,
    *,
    guild: GuildId | None = None,
    since: Ms | None = None,
    kinds: Collection[str] | None = None,
    limit: int,
) -> list[StuckPost]:
    """Posts in that state, the newest first. `guild`, `kinds` None: all. `since`: owed since then; None: ever.

    Posts are left out if a later one arrived in the same channel: somebody has put that right.
    """
    c = deliveries.c
    conditions = [c.state == state, _NOT_SETTLED, *_in_guild(db, deliveries, guild)]
    if since is not None:
        conditions.append(c.created_at >= since)
    if kinds is not None:
        conditions.append(c.kind.in_(kinds))
    columns = [c[name] for name in StuckPost.__dataclass_fields__ if name != "error"]
    wanted = select(*columns, func.coalesce(c.error, "").label("error")).select_from(_SETTLED).where(*conditions)
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(c.created_at.desc(), c.key).limit(limit)).mappings()
        return [StuckPost(**row) for row in rows]


def stuck_members(
    db: Database, state: Stuck, *, guild: GuildId | None = None, but_for: Collection[str] = (), limit: int
) -> list[StuckMember]:
    """Members in that state, by guild and user id. `guild` None: of every guild. `but_for`: not for these reasons."""
    c = member_sync.c
    error = func.coalesce(c.error, "")
    columns = [c[name] for name in StuckMember.__dataclass_fields__ if name != "error"]
    wanted = select(*columns, error.label("error"))
    wanted = wanted.where(c.state == state, error.not_in(but_for), *_in_guild(db, member_sync, guild))
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(c.guild_id, c.user_id).limit(limit)).mappings()
        return [StuckMember(**row) for row in rows]


def takes_posts(db: Database, guild: GuildId, channel: ChannelId) -> bool:
    """Whether the newest post to the channel that was decided is there; True if there was none.

    A report without a channel of its own went to the guild's log channel of its time: one that was made speaks for
    the channel, one that was blocked against nobody.
    """
    c = deliveries.c
    speaks = or_(c.channel_id == channel, and_(c.channel_id.is_(None), c.kind == "report", c.state == "sent"))
    newest = select(c.state).where(c.state.in_(("sent", "blocked")), speaks, *_in_guild(db, deliveries, guild))
    with db.read() as connection:
        state = connection.execute(newest.order_by(c.created_at.desc()).limit(1)).scalar_one_or_none()
    return state != "blocked"


def _in_guild(db: Database, table: Table, guild: GuildId | None) -> list[ColumnElement[bool]]:
    if guild is None:
        return []
    return [table.c.partition == partition_of(guild, db.partitions), table.c.guild_id == guild]
