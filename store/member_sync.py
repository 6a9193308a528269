"""How members should look on Discord, for those who deliver it: what is due, and what became of it.

The rows are written by `store.standings` in the flush. Whoever notes how a try went names the revision that was tried:
if something else is desired by then, the row stays pending.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import RowMapping, case, func, literal, select, update

from store import sync_rows
from store.engine import Database
from store.planning import whole_guild
from store.schema import READ_MODELS, STILL_OWED, member_sync
from tracker.events.level_rules import Curve
from tracker.ids import GuildId, Ms, RoleId, UserId, partition_of
from tracker.projections.levels import level_of

__all__ = [
    "MemberSync", "State", "blocked", "counts", "desired", "due", "make_pending", "mark_blocked",
    "mark_failed", "mark_meant", "mark_sent", "owed_guilds", "retry_blocked",
]  # fmt: skip

State = Literal["pending", "sent", "failed", "blocked"]

_totals = READ_MODELS["totals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSync:
    """What a member should look like, and how far that has come.

    `level` and `exp` are of all time. `managed`: the tracker has set a nickname: `set_nick` (None: that one is not
    known to have arrived), or is about to set `meant_nick`; `original_nick` is what the member had before (None: no
    nickname). `error`: why the last try failed or what blocks it.
    """

    guild_id: GuildId
    user_id: UserId
    level: int
    exp: int
    tier_roles: tuple[RoleId, ...]
    revision: int
    state: State
    attempts: int
    next_attempt_at: Ms
    error: str | None
    managed: bool
    set_nick: str | None
    meant_nick: str | None
    original_nick: str | None


_WANTED = select(member_sync, func.coalesce(_totals.c.exp, 0).label("exp")).select_from(
    member_sync.outerjoin(
        _totals,
        (_totals.c.partition == member_sync.c.partition)
        & (_totals.c.guild_id == member_sync.c.guild_id)
        & (_totals.c.user_id == member_sync.c.user_id),
    )
)


def due(db: Database, now: Ms, *, limit: int = 500, guild: GuildId | None = None) -> list[MemberSync]:
    """Those to be tried now, of one guild or of all (None), the longest due first."""
    c = member_sync.c
    wanted = _WANTED.where(STILL_OWED, c.next_attempt_at <= now)
    if guild is not None:
        wanted = wanted.where(c.partition == partition_of(guild, db.partitions), c.guild_id == guild)
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(c.next_attempt_at, c.guild_id, c.user_id).limit(limit)).mappings()
        return [_sync(row) for row in rows]


def owed_guilds(db: Database) -> dict[GuildId, Ms]:
    """The guilds in which anything is owed, and when the first of it is to be tried; the earliest first."""
    c, first = member_sync.c, func.min(member_sync.c.next_attempt_at)
    wanted = select(c.guild_id, first).where(STILL_OWED).group_by(c.partition, c.guild_id).order_by(first)
    with db.read() as connection:
        return {GuildId(guild): Ms(at) for guild, at in connection.execute(wanted)}


def desired(db: Database, guild: GuildId) -> dict[UserId, MemberSync]:
    """Everybody in the guild of whom something is noted."""
    c = member_sync.c
    wanted = _WANTED.where(c.partition == partition_of(guild, db.partitions), c.guild_id == guild)
    with db.read() as connection:
        with whole_guild(connection):
            rows = connection.execute(wanted)
        return {UserId(row["user_id"]): _sync(row) for row in rows.mappings()}


def mark_meant(db: Database, sync: MemberSync, *, nick: str, original: str | None, there: str | None = None) -> None:
    """The nickname is about to be set. To be noted before it is: else nobody could tell it from a member's own.

    `there`: the nickname of ours that the member has now, which is then the one that was set; None if it is not ours.
    """
    known = {} if there is None else {"set_nick": there}
    _mark(db, sync, {"managed": 1, "meant_nick": nick, "original_nick": original, **known})


def mark_sent(db: Database, sync: MemberSync, *, managed: bool, set_nick: str | None) -> None:
    """The member looks like this revision. What is known of the nickname is noted in any case."""
    c = member_sync.c
    same = c.revision == sync.revision
    done: dict[str, object] = {
        "state": case((same, "sent"), else_=c.state),
        "error": case((same, None), else_=c.error),
        "attempts": case((same, sync.attempts + 1), else_=c.attempts),
    }
    _mark(db, sync, done | _nickname(managed=managed, set_nick=set_nick))


def mark_failed(db: Database, sync: MemberSync, error: str, *, next_attempt_at: Ms) -> None:
    """It did not arrive; it will be tried again. Nothing changes if something else is desired by now."""
    tried = {"error": error, "attempts": sync.attempts + 1, "next_attempt_at": next_attempt_at}
    _mark(db, sync, {"state": "failed", **tried}, revision=sync.revision)


def mark_blocked(db: Database, sync: MemberSync, reason: str, *, managed: bool, set_nick: str | None) -> None:
    """It cannot arrive before a person has changed something. Nothing is blocked if something else is desired by now.

    What is known of the nickname is noted in any case; one that was meant may have arrived, and stays noted as well.
    """
    known = _nickname(managed=managed, set_nick=set_nick)
    if managed and sync.meant_nick != set_nick:
        del known["meant_nick"]
    _mark(db, sync, known)
    _mark(db, sync, {"state": "blocked", "error": reason, "attempts": sync.attempts + 1}, revision=sync.revision)


def make_pending(db: Database, guild: GuildId, users: Collection[UserId], curve: Curve, *, now: Ms) -> int:
    """Has another look at these members; those of whom nothing is noted should hold no tier. Returns how many.

    `curve`: the guild's, for the levels of those of whom nothing is noted.
    """
    partition, wanted = partition_of(guild, db.partitions), list(users)
    with db.write() as connection:
        noted = sync_rows.read(connection, [(partition, guild, user, 0) for user in wanted])
        owed = []
        for user in wanted:
            row = noted.get((partition, guild, user))
            level, roles = (0, "") if row is None else (row.level, row.tier_roles or "")
            if level is None:
                level = level_of(curve, 0 if row is None else row.exp)
            owed.append(sync_rows.Owed(partition, guild, user, level, roles, now))
        sync_rows.owe(connection, owed)
    return len(wanted)


def retry_blocked(db: Database, guild: GuildId, *, now: Ms) -> int:
    """What was blocked in the guild is tried again; returns how many."""
    with db.write() as connection:
        return sync_rows.retry_blocked(connection, partition_of(guild, db.partitions), guild, now)


def counts(db: Database, guild: GuildId | None = None) -> dict[State, int]:
    """How many members are in each state, in one guild or in all (None)."""
    c = member_sync.c
    wanted = select(c.state, func.count()).group_by(c.state)
    if guild is not None:
        wanted = wanted.where(c.partition == partition_of(guild, db.partitions), c.guild_id == guild)
    with db.read() as connection:
        return {cast("State", state): count for state, count in connection.execute(wanted)}


def blocked(db: Database, guild: GuildId, *, limit: int = 20) -> list[tuple[UserId, str]]:
    """Who is blocked in the guild, and why; the lowest user ids first."""
    c = member_sync.c
    wanted = (
        select(c.user_id, func.coalesce(c.error, literal("")))
        .where(c.partition == partition_of(guild, db.partitions), c.guild_id == guild, c.state == "blocked")
        .order_by(c.user_id)
        .limit(limit)
    )
    with db.read() as connection:
        return [(UserId(user), error) for user, error in connection.execute(wanted)]


def _nickname(*, managed: bool, set_nick: str | None) -> dict[str, object]:
    if managed:
        return {"managed": 1, "set_nick": set_nick, "meant_nick": None}
    return {"managed": 0, "set_nick": None, "meant_nick": None, "original_nick": None}


def _mark(db: Database, sync: MemberSync, changes: dict[str, object], *, revision: int | None = None) -> None:
    c = member_sync.c
    marked = update(member_sync).where(
        c.partition == partition_of(sync.guild_id, db.partitions),
        c.guild_id == sync.guild_id,
        c.user_id == sync.user_id,
    )
    if revision is not None:
        marked = marked.where(c.revision == revision)
    with db.write() as connection:
        connection.execute(marked.values(changes))


def _sync(row: RowMapping) -> MemberSync:
    return MemberSync(
        guild_id=GuildId(row["guild_id"]),
        user_id=UserId(row["user_id"]),
        level=row["level"],
        exp=row["exp"],
        tier_roles=tuple(RoleId(int(role)) for role in row["tier_roles"].split(",") if role),
        revision=row["revision"],
        state=cast("State", row["state"]),
        attempts=row["attempts"],
        next_attempt_at=Ms(row["next_attempt_at"]),
        error=row["error"],
        managed=bool(row["managed"]),
        set_nick=row["set_nick"],
        meant_nick=row["meant_nick"],
        original_nick=row["original_nick"],
    )
