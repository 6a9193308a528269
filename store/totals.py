"""What each member of a guild has come to in all: for the command line, from a live database or a scratch one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from store.engine import Database
from store.planning import whole_guild
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms, UserId, partition_of
from tracker.projections.standing import Standing, rolling_window, standing_of

__all__ = ["MemberTotals", "read_totals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberTotals:
    """A member's all-time sums, and what they come to by the guild's rules. `present`: known to be a member still.

    `standing.tier_roles` follow from the EXP of the basis that the rules name: all of it, the season's, the last days'.
    """

    user_id: UserId
    name: str
    present: bool
    exp: int
    voice_ms: int
    messages: int
    interactions: int
    standing: Standing


_HERE: Final = "partition = :partition AND guild_id = :guild"
_BASIS: Final = {
    "lifetime": "SELECT user_id, exp FROM totals WHERE {here}",
    "season": "SELECT user_id, exp FROM season_totals WHERE {here} AND season_at = "
    "(SELECT season_at FROM guilds WHERE {here})",
    "rolling": "SELECT user_id, CAST(SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted) AS BIGINT) AS exp "
    "FROM daily WHERE {here} AND day BETWEEN :first AND :last GROUP BY user_id",
}
_TOTALS: Final = """
SELECT u.user_id, COALESCE(m.name, ''), COALESCE(m.present, 0), COALESCE(t.exp, 0), COALESCE(t.voice_ms, 0),
  COALESCE(t.messages, 0), COALESCE(t.interactions, 0), COALESCE(b.exp, 0)
FROM (SELECT user_id FROM members WHERE {here} UNION SELECT user_id FROM totals WHERE {here}) u
LEFT JOIN members m ON m.partition = :partition AND m.guild_id = :guild AND m.user_id = u.user_id
LEFT JOIN totals t ON t.partition = :partition AND t.guild_id = :guild AND t.user_id = u.user_id
LEFT JOIN ({basis}) b ON b.user_id = u.user_id
WHERE m.bot IS NULL OR m.bot = 0 ORDER BY u.user_id
"""


def read_totals(db: Database, guild: GuildId, rules: GuildSettings, *, now: Ms) -> list[MemberTotals]:
    """Everybody of whom anything is known and who is no bot, by user id; also those who have left.

    `now`: the last whole days of the basis `rolling` are those before it. Raises DatabaseError.
    """
    about: dict[str, int] = {"partition": partition_of(guild, db.partitions), "guild": guild}
    if rules.tiers.basis == "rolling":
        about["first"], about["last"] = rolling_window(rules, now)
    statement = _TOTALS.format(here=_HERE, basis=_BASIS[rules.tiers.basis].format(here=_HERE))
    with db.read() as connection, whole_guild(connection):
        rows = connection.execute(text(statement), about).all()
    return [
        MemberTotals(
            user_id=UserId(user),
            name=name,
            present=bool(present),
            exp=int(exp),
            voice_ms=int(voice_ms),
            messages=int(messages),
            interactions=int(interactions),
            standing=standing_of(rules, int(exp), int(basis)),
        )
        for user, name, present, exp, voice_ms, messages, interactions, basis in rows
    ]
