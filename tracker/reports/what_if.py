"""What other rules would have made of a guild's history: the difference to what is, member by member. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tracker.events.level_rules import Tier
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.projections.standing import Standing

__all__ = ["MemberChange", "TierChange", "WhatIf", "by_size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChange:
    """A member's EXP and standing now, and under the other rules. `present`: still a member of the guild."""

    user_id: UserId
    name: str
    present: bool
    exp_before: int
    exp_after: int
    before: Standing
    after: Standing

    @property
    def is_none(self) -> bool:
        """Nothing would be different."""
        return self.exp_before == self.exp_after and self.before == self.after

    @property
    def exp(self) -> int:
        """By how much EXP would change."""
        return self.exp_after - self.exp_before


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChange:
    """How many members have come to a tier's role, now and under the other rules."""

    role_id: RoleId
    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The whole difference as of one instant. `members`: everybody but bots, by user id; also those who have left.

    Levels and roles are counted of those who are present, because only they have any.
    """

    guild_id: GuildId
    as_of: Ms
    rules_before: GuildSettings
    rules_after: GuildSettings
    members: Sequence[MemberChange]

    @property
    def exp_before(self) -> int:
        """All EXP now."""
        return sum(member.exp_before for member in self.members)

    @property
    def exp_after(self) -> int:
        """All EXP under the other rules."""
        return sum(member.exp_after for member in self.members)

    @property
    def present(self) -> list[MemberChange]:
        """Those who are still members."""
        return [member for member in self.members if member.present]

    @property
    def rise(self) -> int:
        """Whose level would be higher."""
        return sum(m.after.level > m.before.level for m in self.present)

    @property
    def fall(self) -> int:
        """Whose level would be lower."""
        return sum(m.after.level < m.before.level for m in self.present)

    @property
    def gain(self) -> int:
        """Who would have a tier role that they do not have."""
        return sum(bool(self.gained(m)) for m in self.present)

    @property
    def lose(self) -> int:
        """Who would lose a tier role. One who gets another one in its place counts in both."""
        return sum(bool(self.lost(m)) for m in self.present)

    @property
    def changed(self) -> list[MemberChange]:
        """Those for whom anything would be different."""
        return [member for member in self.members if not member.is_none]

    def gained(self, member: MemberChange) -> tuple[RoleId, ...]:
        """The tier roles that the member would get."""
        return tuple(r for r in member.after.tier_roles if r not in member.before.tier_roles)

    def lost(self, member: MemberChange) -> tuple[RoleId, ...]:
        """The tier roles that would be taken from the member. What is no tier's role any more is not touched."""
        managed = {tier.role_id for tier in self.rules_after.tiers.tiers}
        return tuple(r for r in member.before.tier_roles if r in managed and r not in member.after.tier_roles)

    def tiers(self) -> list[TierChange]:
        """Each role that is a tier's, now or under the other rules: from the lowest to the highest of those to come."""
        named: dict[RoleId, Tier] = {tier.role_id: tier for tier in self.rules_after.tiers.tiers}
        named = named | {t.role_id: t for t in self.rules_before.tiers.tiers if t.role_id not in named}
        return [
            TierChange(
                role_id=role,
                name=tier.name,
                before=sum(role in m.before.tier_roles for m in self.present),
                after=sum(role in m.after.tier_roles for m in self.present),
            )
            for role, tier in named.items()
        ]

    def tier_name(self, role: RoleId) -> str:
        """What the tier of a role is called, by the rules to come if they know it."""
        rules = (*self.rules_after.tiers.tiers, *self.rules_before.tiers.tiers)
        return next((tier.name for tier in rules if tier.role_id == role), str(role))


def by_size(members: Iterable[MemberChange]) -> list[MemberChange]:
    """The greatest changes of EXP first, then those of the level, then the lower user id."""
    return sorted(members, key=lambda m: (-abs(m.exp), -abs(m.after.level - m.before.level), m.user_id))
