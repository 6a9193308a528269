"""Turning what a person types into a command's options as Discord sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tracker.sandbox.model import Channel, Guild, Json, Member, Role, User
from tracker.sandbox.payloads import channel_json, member_json, role_json, user_json
from tracker.sandbox.permissions import in_channel, in_guild

__all__ = ["OptionType", "OptionValue", "Typed", "channel_part", "type_options"]

OptionValue = str | int | float | bool | Role | Member | User | Channel


class OptionType(IntEnum):
    """https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-type"""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


_PLAIN: dict[OptionType, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.BOOLEAN: (bool,),
    OptionType.NUMBER: (int, float),
}
_THINGS: dict[OptionType, tuple[type, ...]] = {
    OptionType.USER: (Member, User),
    OptionType.CHANNEL: (Channel,),
    OptionType.ROLE: (Role,),
    OptionType.MENTIONABLE: (Member, User, Role),
}


@dataclass(slots=True, kw_only=True)
class Typed:
    """Options in wire form, and the things that they name."""

    options: list[Json] = field(default_factory=list)
    resolved: dict[str, Json] = field(default_factory=dict)


def channel_part(channel: Channel, guild: Guild | None, member: Member | None) -> Json:
    """A channel as interactions carry it: with the person's permissions in it."""
    body = channel_json(channel)
    if guild is not None and member is not None:
        body["permissions"] = str(int(in_channel(guild, member, channel)))
    return body


def type_options(
    command: Json, path: Sequence[str], values: Mapping[str, OptionValue], guild: Guild | None, *, focused: str | None
) -> Typed:
    """Fill in a command's options. `path` names subcommand group and subcommand; `focused` is still being typed.

    Raises ValueError where Discord's client would not let the person send the command.
    """
    typed = Typed()
    wrap: list[Json] = []
    defined: list[Json] = command.get("options") or []
    for name in path:
        step = next((option for option in defined if option["name"] == name and option["type"] <= 2), None)
        if step is None:
            raise ValueError(f"/{command['name']} has no subcommand {name!r}")
        wrap.append({"type": step["type"], "name": name})
        defined = step.get("options") or []
    if any(option["type"] <= OptionType.SUB_COMMAND_GROUP for option in defined):
        raise ValueError(f"/{command['name']} needs a subcommand")
    typed.options = [_option(o, values[o["name"]], guild, typed, focused) for o in defined if o["name"] in values]
    _check_names(command, defined, values, complete=focused is None)
    for step in reversed(wrap):
        typed.options = [step | {"options": typed.options}]
    return typed


def _check_names(command: Json, defined: list[Json], values: Mapping[str, OptionValue], *, complete: bool) -> None:
    unknown = set(values) - {option["name"] for option in defined}
    if unknown:
        raise ValueError(f"/{command['name']} has no option {', '.join(sorted(unknown))}")
    missing = [option["name"] for option in defined if option.get("required") and option["name"] not in values]
    if missing and complete:
        raise ValueError(f"/{command['name']} needs {', '.join(missing)}")


def _option(definition: Json, value: OptionValue, guild: Guild | None, typed: Typed, focused: str | None) -> Json:
    kind = OptionType(definition["type"])
    body: Json = {"type": int(kind), "name": definition["name"]}
    if definition["name"] == focused:
        return body | {"value": value, "focused": True}
    if kind in _PLAIN:
        return body | {"value": _plain(definition, kind, value)}
    if not isinstance(value, _THINGS.get(kind, ())):
        raise ValueError(f"{definition['name']} is no {kind.name.lower()}: {value!r}")  # noqa: TRY004
    _resolve(value, guild, typed)
    return body | {"value": str(value.id)}  # type: ignore[union-attr]


def _plain(definition: Json, kind: OptionType, value: Any) -> Any:
    if not isinstance(value, _PLAIN[kind]) or (kind is not OptionType.BOOLEAN and isinstance(value, bool)):
        raise ValueError(f"{definition['name']} is no {kind.name.lower()}: {value!r}")
    choices = definition.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise ValueError(f"{definition['name']} can only be one of its choices, not {value!r}")
    size = len(value) if isinstance(value, str) else value
    low, high = ("min_length", "max_length") if isinstance(value, str) else ("min_value", "max_value")
    if not definition.get(low, size) <= size <= definition.get(high, size):
        raise ValueError(f"{definition['name']} is out of range: {value!r}")
    return value


def _resolve(thing: OptionValue, guild: Guild | None, typed: Typed) -> None:
    def put(kind: str, key: int, body: Json) -> None:
        typed.resolved.setdefault(kind, {})[str(key)] = body

    if isinstance(thing, Role):
        put("roles", thing.id, role_json(thing))
    elif isinstance(thing, Channel):
        put("channels", thing.id, channel_part(thing, guild, None) | {"permissions": "0"})
    elif isinstance(thing, Member):
        put("users", thing.id, user_json(thing.user))
        permissions = "0" if guild is None else str(int(in_guild(guild, thing)))
        put("members", thing.id, member_json(thing, with_user=False) | {"permissions": permissions})
    elif isinstance(thing, User):
        put("users", thing.id, user_json(thing))
