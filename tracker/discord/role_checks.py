"""Why a role is no role for a tier: what Discord would refuse, and what nobody should be given for being active."""

from __future__ import annotations

import hikari

from tracker.discord.hierarchy import DANGEROUS, Hierarchy
from tracker.discord.names import harmless
from tracker.ids import GuildId, RoleId
from tracker.reports.catalogue import Translate

__all__ = ["permission_names", "why_no_tier"]

_ROLES = hikari.Permissions.MANAGE_ROLES


def why_no_tier(hierarchy: Hierarchy, guild: GuildId, role: hikari.Role, t: Translate, *, force: bool) -> str | None:
    """What stands against it and what to do; None if nothing does. `force`: dangerous permissions are meant."""
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
    dangers = [str(danger.name) for danger in DANGEROUS if role.permissions & danger]
    if dangers and not force:
        return t("tier.dangerous", role=name, permissions=permission_names(dangers, t))
    return None


def permission_names(names: list[str] | tuple[str, ...], t: Translate) -> str:
    """What Discord's own client calls these permissions."""
    return ", ".join(t(f"permission.{name.lower()}") for name in names)
