"""Judging the members of one guild: what they should look like, what that changes, and what is to be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sqlalchemy import Connection, text

from store import sync_rows
from store.deliveries import NewDelivery
from store.planning import whole_guild
from store.sync_rows import Owed
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms, Partition
from tracker.projections.levels import level_of
from tracker.projections.standing import (
    Standing,
    StandingRules,
    announces,
    keeps_members,
    rolling_window,
    standing_of,
)

__all__ = ["Findings", "Judge", "Judged", "judged"]

_SUM: Final = "SUM(exp_voice + exp_messages + exp_interactions + exp_adjusted)"
_BASIS: Final = {
    "lifetime": ("t.exp", ""),
    "season": (
        "COALESCE(b.exp, 0)",
        "LEFT JOIN season_totals b ON b.partition = t.partition AND b.guild_id = t.guild_id "
        "AND b.season_at = :season AND b.user_id = t.user_id",
    ),
    "rolling": (
        "COALESCE(b.exp, 0)",
        f"LEFT JOIN (SELECT user_id, CAST({_SUM} AS BIGINT) AS exp FROM daily WHERE partition = :partition "  # noqa: S608
        "AND guild_id = :guild AND day BETWEEN :first AND :last GROUP BY user_id) b ON b.user_id = t.user_id",
    ),
}
_GUILD: Final = (
    "SELECT t.user_id, t.exp, {basis}, s.level, s.tier_roles, s.managed FROM totals t {kind} JOIN member_sync s "
    "ON s.partition = t.partition AND s.guild_id = t.guild_id AND s.user_id = t.user_id {join} "
    "WHERE t.partition = :partition AND t.guild_id = :guild"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A member with what is noted of them; `level` and `tier_roles` None: nothing is."""

    user_id: int
    exp: int
    standing: Standing
    level: int | None
    tier_roles: str | None
    managed: bool

    @property
    def roles(self) -> str:
        """The tier roles that they should hold, as they are noted."""
        return ",".join(map(str, self.standing.tier_roles))


@dataclass(slots=True, kw_only=True)
class Findings:
    """What judging brought to light: members who should look otherwise, levels to be noted, posts to be owed."""

    owed: list[Owed] = field(default_factory=list)
    levels: list[tuple[int, int, int, int]] = field(default_factory=list)
    posts: list[NewDelivery] = field(default_factory=list)


def judged(
    connection: Connection, partition: Partition, guild: int, rules: StandingRules, as_of: int
) -> Iterator[Judged]:
    """Everybody in the guild who ever earned EXP; where nothing follows from it, only those who are noted."""
    settings = rules.settings
    basis, join = _BASIS[settings.tiers.basis]
    statement = _GUILD.format(
        basis=basis, join=join, kind="LEFT" if keeps_members(settings) or announces(settings) else "INNER"
    )
    place: dict[str, int | None] = {"partition": partition, "guild": guild}
    if settings.tiers.basis == "season":
        place["season"] = rules.season_at
    elif settings.tiers.basis == "rolling":
        place["first"], place["last"] = rolling_window(settings, as_of)
    with whole_guild(connection):
        rows = connection.execute(text(statement), place)
    for user, exp, basis_exp, level, roles, managed in rows:
        standing = standing_of(settings, exp, basis_exp)
        yield Judged(user_id=user, exp=exp, standing=standing, level=level, tier_roles=roles, managed=bool(managed))


class Judge:
    """Judges the members of one guild."""

    def __init__(
        self,
        partition: Partition,
        guild: int,
        rules: StandingRules,
        as_of: int,
        earned: dict[int, int],
        findings: Findings,
    ) -> None:
        self.earned = earned
        self._place = (partition, guild)
        self._rules = rules
        self._as_of = as_of
        self._findings = findings
        self._levels: dict[int, int] = {}

    def all(self, connection: Connection, *, renames: bool = False) -> None:
        """Everybody. `renames`: nicknames follow other rules than before."""
        for member in judged(connection, self._place[0], self._place[1], self._rules, self._as_of):
            self._levels[member.user_id] = member.standing.level
            self.one(member, renames=renames)

    def anew(self, connection: Connection, old: GuildSettings | None) -> None:
        """Everybody, after the rules were changed from `old` (None: they cannot be read), or a season began."""
        now = self._rules.settings
        renames = old is None or (old.nickname, old.tiers.tiers) != (now.nickname, now.tiers.tiers)
        self.all(connection, renames=renames)
        sync_rows.retry_blocked(connection, *self._place, self._as_of)
        managed = {tier.role_id for tier in now.tiers.tiers}
        if old is None or managed - {tier.role_id for tier in old.tiers.tiers}:
            noted = {(o.user_id) for o in self._findings.owed if o.guild_id == self._place[1]}
            self._findings.owed += [
                Owed(*self._place, user, self._levels.get(user, 0), roles, self._as_of)
                for user, roles in sync_rows.strays(connection, *self._place, managed)
                if user not in noted
            ]

    def one(self, member: Judged, *, renames: bool = False) -> None:
        """One member: what is owed to them, and what is to be told of them."""
        settings = self._rules.settings
        self._announce(member)
        named = settings.nickname.enabled or member.managed
        roles = member.roles
        if member.tier_roles is None:
            owed = keeps_members(settings) and bool(roles or settings.nickname.enabled)
        else:
            owed = roles != member.tier_roles or (named and (renames or member.standing.level != member.level))
        key = (*self._place, member.user_id)
        if owed:
            self._findings.owed.append(Owed(*key, member.standing.level, roles, self._as_of))
        elif member.level is not None and member.standing.level != member.level:
            self._findings.levels.append((*key, member.standing.level))

    def _announce(self, member: Judged) -> None:
        settings = self._rules.settings
        delta = self.earned.get(member.user_id, 0)
        if delta <= 0 or not announces(settings):
            return
        before = level_of(settings.curve, member.exp - delta)
        if member.standing.level <= before:
            return
        held = {int(role) for role in (member.tier_roles or "").split(",") if role}
        about = {
            "user_id": str(member.user_id),
            "level": member.standing.level,
            "before": before,
            "exp": member.exp,
            "tier_roles": member.roles,
            "new_roles": ",".join(str(role) for role in member.standing.tier_roles if role not in held),
        }
        guild = self._place[1]
        self._findings.posts.append(
            NewDelivery(
                key=f"level:{guild}:{member.user_id}:{member.standing.level}",
                guild_id=GuildId(guild),
                channel_id=None,
                kind="level",
                payload=msgspec.json.encode(about).decode(),
                at=Ms(self._as_of),
            )
        )
