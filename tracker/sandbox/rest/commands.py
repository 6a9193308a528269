"""Registering application commands (https://discord.com/developers/docs/interactions/application-commands)."""

from __future__ import annotations

from typing import Any

from tracker.sandbox.model import Json
from tracker.sandbox.rest.call import Answer, Call, Reply, Route
from tracker.sandbox.validate import check_command, check_commands
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["ROUTES"]

_CHAT_INPUT = 1
_LOCALISED = ("name_localizations", "description_localizations")


def _scope(call: Call) -> int | None:
    """The guild that the commands are for, or None for all."""
    if call.id("application") != call.world.application_id:
        raise ApiError(
            Refusal.BOTS_CANNOT if call.id("application") in call.world.users else Refusal.UNKNOWN_APPLICATION
        )
    if "guild" not in call.path:
        return None
    if call.id("guild") not in call.world.guilds:
        raise ApiError(Refusal.MISSING_ACCESS)
    return call.id("guild")


def _registered(call: Call) -> dict[int, Json]:
    return call.world.registered.setdefault(_scope(call), {})


def _one(call: Call) -> Json:
    command = _registered(call).get(call.id("command"))
    if command is None:
        raise ApiError(Refusal.UNKNOWN_COMMAND)
    return command


def _stored(call: Call, body: Json, known: Json | None) -> Json:
    """The command as Discord keeps it; one of the same name and kind keeps its id, an unchanged one its version."""
    scope = _scope(call)
    kind = body.get("type", _CHAT_INPUT)
    command: Json = {
        "id": str(call.world.next_id()) if known is None else known["id"],
        "application_id": str(call.world.application_id),
        "type": kind,
        "name": body["name"],
        "name_localizations": body.get("name_localizations"),
        "description": body.get("description") or "",
        "description_localizations": body.get("description_localizations"),
        "default_member_permissions": None,
        "nsfw": bool(body.get("nsfw")),
        "dm_permission": True,
        "contexts": body.get("contexts"),
        "integration_types": body.get("integration_types") or [0],
        "version": "0",
    }
    if body.get("default_member_permissions") is not None:
        command["default_member_permissions"] = str(body["default_member_permissions"])
    if body.get("options"):
        command["options"] = [_option(option) for option in body["options"]]
    if scope is not None:
        command["guild_id"] = str(scope)
    same = known is not None and known | {"version": "0"} == command
    command["version"] = known["version"] if known is not None and same else str(call.world.next_id())
    return command


def _option(option: Json) -> Json:
    """Discord leaves out what says nothing."""
    kept = {key: value for key, value in option.items() if value not in (None, False, [], {})}
    if "options" in kept:
        kept["options"] = [_option(inner) for inner in kept["options"]]
    return kept


def _same(commands: dict[int, Json], body: Json) -> Json | None:
    key = (body.get("type", _CHAT_INPUT), body.get("name"))
    return next((command for command in commands.values() if (command["type"], command["name"]) == key), None)


def _shown(call: Call, command: Json) -> Json:
    """GET leaves the localisations out unless they are asked for."""
    shown: Json = command if call.query.get("with_localizations", "").lower() == "true" else _plain(command)
    return shown


def _plain(thing: Any) -> Any:
    if isinstance(thing, list):
        return [_plain(one) for one in thing]
    if isinstance(thing, dict):
        return {key: _plain(value) for key, value in thing.items() if key not in _LOCALISED}
    return thing


def list_commands(call: Call) -> Answer:
    """Get Application Commands."""
    return [_shown(call, command) for command in _registered(call).values()]


def get_command(call: Call) -> Answer:
    """Get Application Command."""
    return _one(call)


def create_command(call: Call) -> Answer:
    """Create Application Command; one of the same name and kind is replaced."""
    commands, body = _registered(call), call.form()
    check_command(body)
    known = _same(commands, body)
    command = _stored(call, body, known)
    if known is None and sum(1 for c in commands.values() if c["type"] == command["type"]) >= 100:
        raise ApiError(Refusal.TOO_MANY_COMMANDS)
    commands[int(command["id"])] = command
    return Reply(status=201 if known is None else 200, body=command)


def edit_command(call: Call) -> Answer:
    """Edit Application Command."""
    known = _one(call)
    body = known | call.form()
    check_command(body)
    command = _stored(call, body, known)
    _registered(call)[int(command["id"])] = command
    return command


def delete_command(call: Call) -> Answer:
    """Delete Application Command."""
    del _registered(call)[int(_one(call)["id"])]
    return None


def set_commands(call: Call) -> Answer:
    """Bulk Overwrite Application Commands."""
    before = _registered(call)
    check_commands(call.body)
    made = [_stored(call, body, _same(before, body)) for body in call.body]
    call.world.registered[_scope(call)] = {int(command["id"]): command for command in made}
    return made


def _routes(base: str) -> tuple[Route, ...]:
    one = f"{base}/{{command}}"
    return (
        Route(method="GET", template=base, handler=list_commands),
        Route(method="POST", template=base, handler=create_command),
        Route(method="PUT", template=base, handler=set_commands),
        Route(method="GET", template=one, handler=get_command),
        Route(method="PATCH", template=one, handler=edit_command),
        Route(method="DELETE", template=one, handler=delete_command),
    )


_APPLICATION = "/applications/{application}"
ROUTES = (*_routes(f"{_APPLICATION}/commands"), *_routes(f"{_APPLICATION}/guilds/{{guild}}/commands"))
