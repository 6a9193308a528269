"""Roles over REST (https://discord.com/developers/docs/resources/guild#get-guild-roles)."""

from __future__ import annotations

from tracker.sandbox.model import Guild, Json, Role
from tracker.sandbox.payloads import role_json
from tracker.sandbox.permissions import Permission, in_guild, outranks_role
from tracker.sandbox.rest.call import Answer, Call, Route
from tracker.sandbox.validate import Problems
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["ROUTES"]

_MOST = 250


def list_roles(call: Call) -> Answer:
    """Get Guild Roles."""
    return [role_json(role) for role in call.guild().roles.values()]


def get_role(call: Call) -> Answer:
    """Get Guild Role."""
    return role_json(call.role(call.guild()))


def create_role(call: Call) -> Answer:
    """Create Guild Role, at the bottom."""
    guild, body = call.guild(Permission.MANAGE_ROLES), call.form()
    _check(call, guild, body)
    if len(guild.roles) >= _MOST:
        raise ApiError(Refusal.TOO_MANY_ROLES)
    permissions = int(body.get("permissions", guild.everyone.permissions))
    role = call.world.add_role(guild, body.get("name") or "new role", permissions=permissions)
    _fill(role, body)
    return role_json(role)


def edit_role(call: Call) -> Answer:
    """Modify Guild Role."""
    guild, body = call.guild(Permission.MANAGE_ROLES), call.form()
    role = call.role(guild)
    _check_below(call, guild, role)
    _check(call, guild, body)
    _fill(role, body)
    call.world.edit_role(role, name=body.get("name"))
    return role_json(role)


def move_roles(call: Call) -> Answer:
    """Modify Guild Role Positions."""
    guild = call.guild(Permission.MANAGE_ROLES)
    moves = call.body if isinstance(call.body, list) else []
    for move in moves:
        role = guild.roles.get(int(move["id"]))
        if role is None:
            raise ApiError(Refusal.UNKNOWN_ROLE)
        _check_below(call, guild, role)
    for move in moves:
        if move.get("position") is not None:
            call.world.edit_role(guild.roles[int(move["id"])], position=int(move["position"]))
    return [role_json(role) for role in guild.roles.values()]


def delete_role(call: Call) -> Answer:
    """Delete Guild Role."""
    guild = call.guild(Permission.MANAGE_ROLES)
    role = call.role(guild)
    if role.managed or role.id == guild.id:
        raise ApiError(Refusal.INVALID_ROLE)
    _check_below(call, guild, role)
    call.world.delete_role(role)
    return None


def _check_below(call: Call, guild: Guild, role: Role) -> None:
    if role.id != guild.id and not outranks_role(guild, call.world.me(guild), role):
        raise ApiError(Refusal.MISSING_PERMISSIONS)


def _check(call: Call, guild: Guild, body: Json) -> None:
    problems = Problems()
    problems.text(("name",), body.get("name"), high=100)
    problems.number(("color",), body.get("color"), low=0, high=0xFFFFFF)
    problems.raise_if_any()
    wanted = int(body.get("permissions") or 0)
    if wanted & ~in_guild(guild, call.world.me(guild)):
        raise ApiError(Refusal.MISSING_PERMISSIONS)


def _fill(role: Role, body: Json) -> None:
    role.permissions = int(body["permissions"]) if body.get("permissions") is not None else role.permissions
    colors = body.get("colors") or {}
    color = body.get("color", colors.get("primary_color"))
    role.color = role.color if color is None else color
    role.hoist = bool(body.get("hoist", role.hoist))
    role.mentionable = bool(body.get("mentionable", role.mentionable))


_ROLES = "/guilds/{guild}/roles"
ROUTES = (
    Route(method="GET", template=_ROLES, handler=list_roles),
    Route(method="POST", template=_ROLES, handler=create_role),
    Route(method="PATCH", template=_ROLES, handler=move_roles),
    Route(method="GET", template=f"{_ROLES}/{{role}}", handler=get_role),
    Route(method="PATCH", template=f"{_ROLES}/{{role}}", handler=edit_role),
    Route(method="DELETE", template=f"{_ROLES}/{{role}}", handler=delete_role),
)
