"""Guilds and their members over REST (https://discord.com/developers/docs/resources/guild)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tracker.clock import to_ms
from tracker.sandbox.model import Guild, Json, Member
from tracker.sandbox.payloads import guild_json, member_json, voice_json
from tracker.sandbox.permissions import Permission, in_guild, outranks, outranks_role
from tracker.sandbox.rest.call import Answer, Call, Route
from tracker.sandbox.validate import Problems
from tracker.sandbox.wire import ApiError, Refusal, form_error

__all__ = ["ROUTES"]

NICK_LENGTH = 32


def get_guild(call: Call) -> Answer:
    """Get Guild."""
    guild = call.guild()
    body = guild_json(guild)
    if call.query.get("with_counts") == "true":
        body |= {"approximate_member_count": len(guild.members), "approximate_presence_count": 0}
    return body


def get_member(call: Call) -> Answer:
    """Get Guild Member."""
    return member_json(call.member(call.guild()))


def list_members(call: Call) -> Answer:
    """List Guild Members, by user id; needs the members intent to be granted."""
    guild = call.guild()
    if not call.world.options.members_intent_granted:
        raise ApiError(Refusal.MISSING_ACCESS)
    limit, after = call.number("limit", 1, low=1, high=1000), call.query_id("after") or 0
    ids = sorted(user for user in guild.members if user > after)[:limit]
    return [member_json(guild.members[user]) for user in ids]


def search_members(call: Call) -> Answer:
    """Search Guild Members: nickname or name starts with the query."""
    guild, query = call.guild(), call.query.get("query", "").casefold()
    if not query:
        raise form_error("query", "BASE_TYPE_REQUIRED", "This field is required")
    limit = call.number("limit", 1, low=1, high=1000)
    names = ((m, (m.nick, m.user.global_name, m.user.name)) for m in guild.members.values())
    found = [m for m, own in names if any(name and name.casefold().startswith(query) for name in own)]
    return [member_json(member) for member in found[:limit]]


def edit_member(call: Call) -> Answer:
    """Modify Guild Member. Everything is checked before anything changes."""
    guild = call.guild()
    member, body = call.member(guild), call.form()
    changes: Json = {}
    for key, check in _CHECKS.items():
        if key in body:
            changes[key] = check(call, guild, member, body[key])
    if {"mute", "deaf", "channel_id"} & changes.keys() and member.voice is None:
        raise ApiError(Refusal.NOT_IN_VOICE)
    _change(call, guild, member, changes)
    return member_json(member)


def edit_me(call: Call) -> Answer:
    """Modify Current Member: the bot's own nickname."""
    guild = call.guild()
    me = call.world.me(guild)
    if "nick" in call.form():
        _need(call, guild, Permission.CHANGE_NICKNAME)
        call.world.set_nick(me, _nick_text(call.form()["nick"]))
    return member_json(me)


def _need(call: Call, guild: Guild, permission: Permission) -> None:
    if not in_guild(guild, call.world.me(guild)) & permission:
        raise ApiError(Refusal.MISSING_PERMISSIONS)


def _nick_text(value: Any) -> str | None:
    problems = Problems()
    text = problems.text(("nick",), value, high=NICK_LENGTH)
    problems.raise_if_any()
    return (text or "").strip() or None


def _nick(call: Call, guild: Guild, member: Member, value: Any) -> str | None:
    text = _nick_text(value)
    me = call.world.me(guild)
    _need(call, guild, Permission.CHANGE_NICKNAME if member is me else Permission.MANAGE_NICKNAMES)
    if member is not me and not outranks(guild, me, member):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    return text


def _roles(call: Call, guild: Guild, member: Member, value: Any) -> list[int]:
    """The new set; only roles that change must stand below the bot's."""
    _need(call, guild, Permission.MANAGE_ROLES)
    wanted = list(dict.fromkeys(int(role) for role in value or ()))
    for role_id in wanted:
        if role_id not in guild.roles:
            raise ApiError(Refusal.UNKNOWN_ROLE)
        if role_id == guild.id:
            raise ApiError(Refusal.INVALID_ROLE)
    for role_id in set(wanted) ^ set(member.roles):
        check_assignable(call, guild, role_id)
    return wanted


def check_assignable(call: Call, guild: Guild, role_id: int) -> None:
    """Refuse a role that the bot may not give or take: above it, managed by an integration, or @everyone."""
    role = guild.roles[role_id]
    if role.id == guild.id:
        raise ApiError(Refusal.INVALID_ROLE)
    if role.managed or not outranks_role(guild, call.world.me(guild), role):
        raise ApiError(Refusal.MISSING_PERMISSIONS)


def _switch(permission: Permission) -> Any:
    def check(call: Call, guild: Guild, member: Member, value: Any) -> bool:
        _need(call, guild, permission)
        return bool(value)

    return check


def _voice_channel(call: Call, guild: Guild, member: Member, value: Any) -> int | None:
    _need(call, guild, Permission.MOVE_MEMBERS)
    if value is None:
        return None
    channel = guild.channels.get(int(value))
    if channel is None:
        raise ApiError(Refusal.UNKNOWN_CHANNEL)
    if not channel.type.is_voice:
        raise form_error("channel_id", "CHANNEL_TYPE_INVALID", "Channel is not a voice channel")
    return channel.id


def _timeout(call: Call, guild: Guild, member: Member, value: Any) -> int | None:
    _need(call, guild, Permission.MODERATE_MEMBERS)
    if not outranks(guild, call.world.me(guild), member):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    return None if value is None else to_ms(datetime.fromisoformat(value))


_CHECKS = {
    "nick": _nick,
    "roles": _roles,
    "mute": _switch(Permission.MUTE_MEMBERS),
    "deaf": _switch(Permission.DEAFEN_MEMBERS),
    "channel_id": _voice_channel,
    "communication_disabled_until": _timeout,
}


def _change(call: Call, guild: Guild, member: Member, changes: Json) -> None:
    world = call.world
    flags = {key: changes[key] for key in ("mute", "deaf") if key in changes}
    if flags:
        world.set_voice_flags(member, **flags)
    if "channel_id" in changes and changes["channel_id"] is None:
        world.leave_voice(member)
    elif "channel_id" in changes:
        world.move_voice(member, guild.channels[changes["channel_id"]])
    before = _looks(member)
    if "nick" in changes:
        member.nick = changes["nick"]
    if "roles" in changes:
        member.roles = changes["roles"]
    if "communication_disabled_until" in changes:
        member.timeout_until = changes["communication_disabled_until"]
    if flags or _looks(member) != before:  # what changes nothing is told to nobody
        world.tell_member(member)


def _looks(member: Member) -> tuple[str | None, frozenset[int], int | None]:
    return member.nick, frozenset(member.roles), member.timeout_until


def kick(call: Call) -> Answer:
    """Remove Guild Member."""
    guild = call.guild(Permission.KICK_MEMBERS)
    member = call.member(guild)
    if not outranks(guild, call.world.me(guild), member):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    call.world.remove_member(member)
    return None


def give_role(call: Call) -> Answer:
    """Add Guild Member Role; giving what is there already changes nothing."""
    guild = call.guild(Permission.MANAGE_ROLES)
    member, role = call.member(guild), call.role(guild)
    check_assignable(call, guild, role.id)
    if role.id not in member.roles:
        member.roles.append(role.id)
        call.world.tell_member(member)
    return None


def take_role(call: Call) -> Answer:
    """Remove Guild Member Role; taking what is not there changes nothing."""
    guild = call.guild(Permission.MANAGE_ROLES)
    member, role = call.member(guild), call.role(guild)
    check_assignable(call, guild, role.id)
    if role.id in member.roles:
        member.roles.remove(role.id)
        call.world.tell_member(member)
    return None


def voice_state(call: Call) -> Answer:
    """Get User Voice State, or with `@me` the bot's."""
    guild = call.guild()
    member = call.world.me(guild) if call.path.get("user", "@me") == "@me" else call.member(guild)
    if member.voice is None:
        raise ApiError(Refusal.UNKNOWN_VOICE_STATE)
    return voice_json(member)


_GUILD = "/guilds/{guild}"
_MEMBER = f"{_GUILD}/members/{{user}}"
ROUTES = (
    Route(method="GET", template=_GUILD, handler=get_guild),
    Route(method="GET", template=f"{_GUILD}/members", handler=list_members),
    Route(method="GET", template=f"{_GUILD}/members/search", handler=search_members),
    Route(method="PATCH", template=f"{_GUILD}/members/@me", handler=edit_me),
    Route(method="GET", template=_MEMBER, handler=get_member),
    Route(method="PATCH", template=_MEMBER, handler=edit_member),
    Route(method="DELETE", template=_MEMBER, handler=kick),
    Route(method="PUT", template=f"{_MEMBER}/roles/{{role}}", handler=give_role),
    Route(method="DELETE", template=f"{_MEMBER}/roles/{{role}}", handler=take_role),
    Route(method="GET", template=f"{_GUILD}/voice-states/@me", handler=voice_state),
    Route(method="GET", template=f"{_GUILD}/voice-states/{{user}}", handler=voice_state),
)
