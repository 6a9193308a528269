"""Which members do not look as they should, by what the gateway has told of them; without stalling the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tracker.discord.sight import KnownMember, Sight
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, RoleId, UserId

__all__ = ["Comparison", "Desired", "compare"]

_SLICE: Final = 100
"""Members that are compared in one go: about half a millisecond."""


class Desired(Protocol):
    """How a member should look: `tracker.ingest.members` has the whole of it."""

    @property
    def tier_roles(self) -> tuple[RoleId, ...]: ...
    @property
    def state(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def managed(self) -> bool: ...
    @property
    def set_nick(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`wrong`: who is to be changed, ascending. `right`: how many need not be. Members without a tier or a nickname of
    ours, and who should have neither, are in neither.
    """

    wrong: tuple[UserId, ...]
    right: int


async def compare(sight: Sight, guild: GuildId, desired: Mapping[UserId, Desired]) -> Comparison:
    """Compare all members who are there now. Other tasks run in between, and what they change counts as it is then."""
    wrong: list[UserId] = []
    right = 0
    users = list(sight.members(guild))
    for start in range(0, len(users), _SLICE):
        settings = sight.settings(guild)
        tier_roles = frozenset(tier.role_id for tier in settings.tiers.tiers)
        for user in users[start : start + _SLICE]:
            member = sight.member(guild, user)
            if member is None or member.bot or member.opted_out:
                continue
            wanted = desired.get(user)
            held = tier_roles.intersection(member.role_ids)
            if wanted is None and not held:
                continue
            if _is_right(member, wanted, held, tier_roles, settings):
                right += 1
            else:
                wrong.append(user)
        await asyncio.sleep(0)
    return Comparison(wrong=tuple(sorted(wrong)), right=right)


def _is_right(
    member: KnownMember,
    wanted: Desired | None,
    held: frozenset[RoleId],
    tier_roles: frozenset[RoleId],
    settings: GuildSettings,
) -> bool:
    if wanted is None:
        return False  # holds a tier role by hand, and has earned none
    if held != tier_roles.intersection(wanted.tier_roles):
        return False
    if not settings.nickname.enabled:
        return not wanted.managed
    if not wanted.managed:
        return wanted.state == "sent"  # nothing to show yet: the name is the member's own
    return wanted.state == "sent" and wanted.set_nick is not None and member.is_named(wanted.set_nick)
