"""What one member's roles and nickname should become, and whether Discord will let the bot do it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product

import hikari

from store.member_sync import MemberSync
from tracker.discord.hierarchy import Hierarchy
from tracker.discord.texts import translate
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, RoleId
from tracker.projections.nickname import nickname_for
from tracker.projections.standing import tier_of

__all__ = ["Look", "NickPlan", "RolePlan", "concerns_nickname", "nick_block", "plan_nick", "plan_roles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A member as Discord showed them a moment ago. `nick` None: they have none, and are called `account`."""

    roles: frozenset[int]
    nick: str | None
    account: str

    @classmethod
    def of(cls, member: hikari.Member) -> Look:
        """What was fetched."""
        roles = frozenset(int(role) for role in member.role_ids if role != member.guild_id)
        return cls(roles=roles, nick=member.nickname, account=member.user.global_name or member.user.username)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlan:
    """`wanted`: the whole set that the member should hold. `ours`: the roles that the tracker gives and takes.

    `block`: why the bot cannot bring it about, None if it can or need not.
    """

    held: frozenset[int]
    wanted: frozenset[int]
    ours: frozenset[int]
    block: str | None = None

    @property
    def changes(self) -> bool:
        """Whether there is anything to send."""
        return self.wanted != self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class NickPlan:
    """`nick`: what to set (None: no nickname), if `changes`. `original`: what the member had before ours.

    `there`: the nickname of ours that is there now, None if it is not ours. `managed`: whether the member has one
    of ours afterwards.
    """

    changes: bool
    managed: bool
    nick: str | None = None
    original: str | None = None
    there: str | None = None


def plan_roles(sync: MemberSync, settings: GuildSettings, held: Collection[int], known: Hierarchy) -> RolePlan:
    """What the member's roles should become: all that are not ours as they are, and of ours those of their tiers.

    Of the roles that were noted only those count that are still some tier's: one that was taken out of the list is
    not touched any more.
    """
    before = frozenset(map(int, held))
    ours = frozenset(int(tier.role_id) for tier in settings.tiers.tiers)
    wanted = (before - ours) | (ours & frozenset(sync.tier_roles))
    block = _role_block(sync.guild_id, sorted(before ^ wanted), wanted, known, settings.locale)
    return RolePlan(held=before, wanted=wanted, ours=ours, block=block)


def _role_block(
    guild: GuildId, changed: Collection[int], wanted: frozenset[int], known: Hierarchy, locale: str | None
) -> str | None:
    t = translate(locale)
    if changed and not known.bot_permissions(guild) & hikari.Permissions.MANAGE_ROLES:
        return t("sync.block.manage_roles")
    for role in map(RoleId, changed):
        facts = known.role(guild, role)
        if facts is None:
            if role in wanted:
                return t("sync.block.role_gone", role=str(role))
        elif facts.managed:
            return t("sync.block.role_managed", role=facts.name)
        elif known.above_bot(guild, role):
            return t("sync.block.role_above", role=facts.name)
    return None


def concerns_nickname(sync: MemberSync, settings: GuildSettings) -> bool:
    """Whether the member's nickname is to be looked at: one is wanted, or one of ours may be there."""
    if sync.managed or not settings.nickname.enabled:
        return sync.managed
    shows_nothing = "{tier}" in settings.nickname.template and tier_of(settings, sync.tier_roles) is None
    return not shows_nothing


def nick_block(sync: MemberSync, settings: GuildSettings, held: Collection[int], known: Hierarchy) -> str | None:
    """Why the bot cannot rename the member; None if it can, by all we know."""
    t = translate(settings.locale)
    if sync.user_id == known.owner(sync.guild_id):
        return t("sync.block.owner")
    if known.member_above_bot(sync.guild_id, sync.user_id, held):
        return t("sync.block.member_above")
    if not known.bot_permissions(sync.guild_id) & hikari.Permissions.MANAGE_NICKNAMES:
        return t("sync.block.manage_nicknames")
    return None


def plan_nick(sync: MemberSync, settings: GuildSettings, look: Look) -> NickPlan:
    """What the member's nickname should become.

    A nickname that we set, or were about to set when the process ended, is ours, and what was there before it stays
    noted as the original. Any other one was chosen by the member or an admin and is the original from now on.
    """
    ours = sync.managed and look.nick is not None and look.nick in (sync.set_nick, sync.meant_nick)
    original = sync.original_nick if ours else look.nick
    there = look.nick if ours else None
    if not settings.nickname.enabled:
        return NickPlan(changes=ours and look.nick != original, managed=False, nick=original, original=original)
    if not ours and look.nick is not None and look.nick in _ever_filled(sync, settings, look.account, look.nick):
        # As we set it once, but nobody remembers (an older database, say): taken for a name of the member's own, it
        # would get a second prefix.
        ours, original, there = True, None, look.nick
    base = original or look.account
    nick = _filled(sync, settings, base)
    if not nick:
        return NickPlan(changes=False, managed=ours, nick=look.nick, original=original, there=there)
    if nick == " ".join(base.split()):  # nothing to show: their own name, then
        return NickPlan(changes=ours and look.nick != original, managed=False, nick=original, original=original)
    return NickPlan(changes=nick != look.nick, managed=True, nick=nick, original=original, there=there)


def _ever_filled(sync: MemberSync, settings: GuildSettings, name: str, nick: str) -> Iterator[str]:
    """What the template makes of `name` in any tier, at any level that `nick` may tell of."""
    template = settings.nickname.template
    numbers = {sync.level, sync.exp, *map(int, re.findall(r"\d+", nick))}
    levels = numbers if "{level}" in template else {sync.level}
    exps = numbers if "{exp}" in template else {sync.exp}
    for tier, level, exp in product(settings.tiers.tiers or (None,), levels, exps):
        yield nickname_for(template, None if tier is None else tier.name, name, level, exp)


def _filled(sync: MemberSync, settings: GuildSettings, name: str) -> str:
    tier = tier_of(settings, sync.tier_roles)
    return nickname_for(settings.nickname.template, None if tier is None else tier.name, name, sync.level, sync.exp)
