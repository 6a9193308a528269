"""What a preview of other rules is worked out from: every present member's EXP and roles, in one consistent state."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import text

from store.engine import Database
from store.planning import whole_guild
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms, UserId, partition_of
from tracker.projections.standing import rolling_window
from tracker.reports.preview import Footing, Person

__all__ = ["read_footing", "read_people"]

# {one}: nothing, or the condition that narrows the question to one member.
_SEASON: Final = (
    "SELECT user_id, exp FROM season_totals WHERE partition = :partition AND guild_id = :guild AND season_at = "
    "(SELECT season_at FROM guilds WHERE partition = :partition AND guild_id = :guild) {one}"
)
_ROLLING: Final = (
    "SELECT user_id, CAST(SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted) AS BIGINT) AS exp FROM daily "
    "WHERE partition = :partition AND guild_id = :guild AND day BETWEEN :first AND :last {one} GROUP BY user_id"
)
_BASES: Final = {"season": _SEASON, "rolling": _ROLLING}
_EXPS: Final = """
SELECT COALESCE(t.exp, 0), COALESCE({b}.exp, 0), COALESCE(m.role_ids, '') FROM members m
LEFT JOIN totals t ON t.partition = m.partition AND t.guild_id = m.guild_id AND t.user_id = m.user_id
"""
_JOINED: Final = "LEFT JOIN ({basis}) b ON b.user_id = m.user_id "
# Not COALESCE(m.bot, 0) = 0: PostgreSQL has no statistics for that and takes hardly anybody for one.
_PRESENT: Final = (
    "WHERE m.partition = :partition AND m.guild_id = :guild AND m.present = 1 AND (m.bot IS NULL OR m.bot = 0)"
)
_ONE: Final = "WHERE m.partition = :partition AND m.guild_id = :guild AND m.user_id = :user"
_NICKNAME: Final = (
    "SELECT original_nick, set_nick, meant_nick FROM member_sync "
    "WHERE partition = :partition AND guild_id = :guild AND user_id = :user AND managed = 1"
)


def read_people(db: Database, guild: GuildId, rules: GuildSettings, *, now: Ms) -> list[Person]:
    """All present members that are no bots, their EXP counted by the basis that `rules` name as well."""
    with db.read() as connection:
        with whole_guild(connection):
            found = connection.execute(text(_members(rules, "") + _PRESENT), _about(db, guild, rules, now))
        # Plain tuples from below SQLAlchemy: making its rows of 100,000 members would take twice the time of all else.
        return [] if found.cursor is None else list(found.cursor.fetchall())


def read_footing(db: Database, guild: GuildId, user: UserId, rules: GuildSettings, *, now: Ms) -> Footing:
    """What one member has come to. Somebody unknown has nothing."""
    about = {**_about(db, guild, rules, now), "user": user}
    with db.read() as connection:
        person = connection.execute(text(_members(rules, "AND user_id = :user") + _ONE), about).first()
        nickname = connection.execute(text(_NICKNAME), about).first()
    exp, basis, _ = person or (0, 0, "")
    original, *own = nickname or (None,)
    return Footing(
        exp=int(exp),
        basis_exp=int(basis),
        own_nicks=tuple(nick for nick in own if nick is not None),
        original_nick=original,
    )


def _members(rules: GuildSettings, one: str) -> str:
    basis = _BASES.get(rules.tiers.basis)
    if basis is None:
        return _EXPS.format(b="t")
    return _EXPS.format(b="b") + _JOINED.format(basis=basis.format(one=one))


def _about(db: Database, guild: GuildId, rules: GuildSettings, now: Ms) -> dict[str, Any]:
    first, last = rolling_window(rules, now)
    window = {"first": first, "last": last} if rules.tiers.basis == "rolling" else {}
    return {"partition": partition_of(guild, db.partitions), "guild": guild, **window}
