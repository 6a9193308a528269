"""Why a role is no role for a tier: what Discord would refuse, and what nobody should be given for being active."""

from __future__ import annotations

import hikari

from tracker.discord.hierarchy import DANGEROUS, Hierarchy
from tracker.discord.names import harmless
from tracker.ids import GuildId, RoleId, UserId
from tracker.reports.catalogue import Translate

__all__ = ["permission_names", "why_no_tier"]

_ROLES = hikari.Permissions.MANAGE_ROLES


def why_no_tier(
    hierarchy: Hierarchy, guild: GuildId, role: hikari.Role, asker: hikari.Member | None, t: Translate, *, force: bool
) -> str | None:
    """What stands against it and what to do; None if nothing does.

    `force`: dangerous permissions are meant. That is for those alone who hold them: otherwise whoever may change
    settings could have the bot make them, and everybody, an administrator.
    """
    name = harmless(role.name, otherwise="?", longest=100)
    if RoleId(role.id) == RoleId(guild):
        return t("tier.everyone")
    if role.is_managed:
        return t("tier.managed", role=name)
    if not hierarchy.knows(guild):
        return t("tier.not_seen")
    own = hierarchy.highest_own(guild)
    own_name = harmless("?" if own is None else own.name, otherwise="?", longest=100)
    if not hierarchy.bot_permissions(guild) & _ROLES:
        return t("tier.no_manage_roles", own=own_name)
    if hierarchy.above_bot(guild, RoleId(role.id)):
        return t("tier.too_high", role=name, own=own_name)
    return _why_dangerous(role.permissions, _held(hierarchy, guild, asker), name, t, force=force)


def _why_dangerous(
    given: hikari.Permissions, held: hikari.Permissions, role: str, t: Translate, *, force: bool
) -> str | None:
    dangers = [danger for danger in DANGEROUS if given & danger]
    if dangers and not force:
        return t("tier.dangerous", role=role, permissions=permission_names([str(d.name) for d in dangers], t))
    beyond = [str(danger.name) for danger in dangers if not held & danger]
    return t("tier.beyond_you", role=role, permissions=permission_names(beyond, t)) if beyond else None


def _held(hierarchy: Hierarchy, guild: GuildId, member: hikari.Member | None) -> hikari.Permissions:
    """What the member may do in the whole guild: what a single channel allows does not count."""
    if member is None:
        return hikari.Permissions.NONE
    held = hikari.Permissions.NONE
    for role in {int(guild), *map(int, member.role_ids)}:
        facts = hierarchy.role(guild, RoleId(role))
        held |= hikari.Permissions.NONE if facts is None else facts.permissions
    owns = hierarchy.owner(guild) == UserId(member.id)
    return hikari.Permissions.all_permissions() if owns or held & hikari.Permissions.ADMINISTRATOR else held


def permission_names(names: list[str] | tuple[str, ...], t: Translate) -> str:
    """What Discord's own client calls these permissions."""
    return ", ".join(t(f"permission.{name.lower()}") for name in names)
