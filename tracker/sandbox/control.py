"""Driving a sandbox from another process: one JSON object a line in, one a line out.

`{"do": "join", "member": 3, "channel": "<id>"}` is answered by `{"ok": true}`. Whatever stands under `"tag"` comes back
with the answer. Members, channels, roles and guilds are named by id (text), or by a number counting what the sandbox
made itself.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from tracker.sandbox import storm
from tracker.sandbox.model import Channel, Guild, Json, Member, Role
from tracker.sandbox.payloads import channel_json, member_json
from tracker.sandbox.server import Sandbox
from tracker.sandbox.world.options import OptionValue

__all__ = ["Control", "Village"]

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Village:
    """A guild that the command line made, with what it made in it."""

    guild: Guild
    role: Role
    voice: list[Channel] = field(default_factory=list)
    text: list[Channel] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def described(self, *, members: int) -> Json:
        """For the line that says where everything is; at most `members` ids of members."""
        return {
            "id": str(self.guild.id),
            "role": str(self.role.id),
            "voice": [str(channel.id) for channel in self.voice],
            "text": [str(channel.id) for channel in self.text],
            "members": [str(member.id) for member in self.members[:members]],
            "member_count": len(self.members),
        }


class Control:
    """Carries out commands."""

    def __init__(self, sandbox: Sandbox, villages: list[Village]) -> None:
        self.sandbox = sandbox
        self.villages = villages

    async def do(self, command: Json) -> Json:
        """Carry out one command. Never raises for a bad one: the answer says what was wrong."""
        tag = {"tag": command["tag"]} if "tag" in command else {}
        try:
            act = _COMMANDS[str(command.get("do"))]
        except KeyError:
            return tag | {"ok": False, "error": f"do one of {', '.join(sorted(_COMMANDS))}"}
        try:
            result = act(self, command)
            answer = await result if isinstance(result, Awaitable) else result
        except (LookupError, ValueError, PermissionError, TypeError, TimeoutError) as error:
            return tag | {"ok": False, "error": f"{type(error).__name__}: {error}"}
        return tag | {"ok": True} | (answer or {})

    def village(self, command: Json) -> Village:
        """The guild that the command is about; the first if it names none."""
        wanted = command.get("guild", 0)
        for number, village in enumerate(self.villages):
            if wanted in (number, str(village.guild.id)):
                return village
        raise LookupError(f"no guild {wanted!r}")

    def member(self, command: Json) -> Member:
        """The member that the command is about."""
        village = self.village(command)
        return _pick(village.guild.members, village.members, command["member"])

    def channel(self, command: Json, *, voice: bool) -> Channel:
        """The channel that the command is about; a number counts voice or text channels."""
        village = self.village(command)
        made = village.voice if voice else village.text
        return _pick(village.guild.channels, made, command.get("channel", 0))


def _pick(known: Mapping[int, T], made: Sequence[T], wanted: Any) -> T:
    return made[wanted] if isinstance(wanted, int) else known[int(wanted)]


def _join(control: Control, command: Json) -> None:
    channel = control.channel(command, voice=True)
    control.sandbox.world.join_voice(control.member(command), channel, **command.get("flags", {}))


def _move(control: Control, command: Json) -> None:
    control.sandbox.world.move_voice(control.member(command), control.channel(command, voice=True))


def _message(control: Control, command: Json) -> Json:
    message = control.sandbox.world.send_message(
        control.member(command),
        control.channel(command, voice=False),
        command.get("content", ""),
        attachments=command.get("attachments", 0),
    )
    return {"id": str(message.id)}


async def _use_command(control: Control, command: Json) -> Json:
    village = control.village(command)
    options: dict[str, OptionValue] = {}
    for name, value in command.get("options", {}).items():
        match value:
            case {"role": wanted}:
                options[name] = _pick(village.guild.roles, [village.role], wanted)
            case {"member": wanted}:
                options[name] = _pick(village.guild.members, village.members, wanted)
            case {"channel": wanted}:
                options[name] = _pick(village.guild.channels, village.text, wanted)
            case _:
                options[name] = value
    call = control.sandbox.world.use_command(
        control.member(command), control.channel(command, voice=False), command["name"], options,
        locale=command.get("locale", "ko"),
    )  # fmt: skip
    message = await call.answered(command.get("within_s", 15.0))
    body = None if message is None else control.sandbox.world.message_body(message)
    return {
        "acknowledged_ms": call.acknowledged_ms,
        "deferred": call.deferred,
        "ephemeral": call.ephemeral,
        "errors": call.errors,
        "message": body,
    }


def _messages(control: Control, command: Json) -> Json:
    world = control.sandbox.world
    return {"messages": [world.message_body(m) for m in world.messages(control.channel(command, voice=False))]}


async def _firehose(control: Control, command: Json) -> Json:
    village, world = control.village(command), control.sandbox.world
    voice = storm.voice_moves(world, village.guild, village.voice)
    text = storm.messages(world, village.guild, village.text[0])
    both = storm.mixed(world, village.guild, village.voice, village.text[0])
    source = {"voice": voice, "message": text, "mixed": both}[command.get("kind", "voice")]
    count = int(command.get("events", 10_000))
    seconds = await control.sandbox.firehose(itertools.islice(source, count), rate=command.get("rate"))
    return {"events": count, "seconds": seconds, "rate": count / seconds}


def _storm(control: Control, command: Json) -> Json:
    """Many members join or move at the same moment."""
    village, world = control.village(command), control.sandbox.world
    crowd = village.members[: int(command.get("members", 500))]
    channel = control.channel(command, voice=True)
    for member in crowd:
        (world.join_voice if member.voice is None else world.move_voice)(member, channel)
    return {"members": len(crowd)}


def _state(control: Control, command: Json) -> Json:
    """Who is where, and what was asked of the sandbox."""
    voice = {
        str(village.guild.id): {str(m.id): str(m.voice.channel_id) for m in village.guild.in_voice() if m.voice}
        for village in control.villages
    }
    counts = Counter(f"{request.route} {request.status}" for request in control.sandbox.requests)
    hub = control.sandbox.hub
    return {
        "voice": voice,
        "counters": asdict(hub.counters),
        "connections": len(hub.connections),
        "sessions": [{"id": s.id, "seq": s.seq, "connected": s.wire is not None} for s in hub.sessions.values()],
        "requests": dict(counts),
        "calls": {f"{route} {status}": count for (route, status), count in control.sandbox.calls.items()},
    }


def _add_member(control: Control, command: Json) -> Json:
    village = control.village(command)
    member = control.sandbox.world.add_member(
        village.guild, command["name"], bot=command.get("bot", False), roles=[village.role]
    )
    village.members.append(member)
    return {"id": str(member.id), "number": len(village.members) - 1}


def _add_role(control: Control, command: Json) -> Json:
    """A role at the bottom, which the bot may give."""
    role = control.sandbox.world.add_role(control.village(command).guild, command["name"])
    return {"id": str(role.id)}


def _set_roles(control: Control, command: Json) -> None:
    """What an admin does by hand: the whole set of a member's roles."""
    roles = control.village(command).guild.roles
    control.sandbox.world.set_roles(control.member(command), [roles[int(role)] for role in command["roles"]])


def _looks(control: Control, command: Json) -> Json:
    """Each member's roles and nickname."""
    members = control.village(command).guild.members.values()
    return {"members": {str(m.id): {"roles": [str(role) for role in m.roles], "nick": m.nick} for m in members}}


_FAULTS = ("delay_rest", "fail_rest", "drop_rest")


def _rest_fault(control: Control, command: Json) -> None:
    """`delay_rest`, `fail_rest`, `drop_rest`: whatever else stands in the command are their arguments."""
    arguments = {key: value for key, value in command.items() if key not in ("do", "tag")}
    getattr(control.sandbox.faults, command["do"])(**arguments)


Act = Callable[[Control, Json], "Json | Awaitable[Json] | None"]

_COMMANDS: dict[str, Act] = {
    "join": _join,
    "move": _move,
    "leave": lambda c, command: c.sandbox.world.leave_voice(c.member(command)),
    "flags": lambda c, command: c.sandbox.world.set_voice_flags(c.member(command), **command["flags"]),
    "switch_device": lambda c, command: c.sandbox.world.switch_device(c.member(command)),
    "message": _message,
    "use_command": _use_command,
    "messages": _messages,
    "firehose": _firehose,
    "storm": _storm,
    "state": _state,
    "add_member": _add_member,
    "add_role": _add_role,
    "set_roles": _set_roles,
    "looks": _looks,
    "member": lambda c, command: member_json(c.member(command)),
    "remove_member": lambda c, command: c.sandbox.world.remove_member(c.member(command)),
    "rename_channel": lambda c, command: c.sandbox.world.rename_channel(
        c.channel(command, voice=True), command["name"]
    ),
    "channel": lambda c, command: channel_json(c.channel(command, voice=True)),
    "available": lambda c, command: c.sandbox.world.set_guild_available(c.village(command).guild, command["on"]),
    "cut": lambda c, command: {"cut": c.sandbox.faults.cut_sockets()},
    "close": lambda c, command: {"closed": c.sandbox.faults.close(command.get("code", 4000))},
    "invalidate": lambda c, command: c.sandbox.faults.invalidate_sessions(resumable=command.get("resumable", False)),
    "reconnect": lambda c, command: c.sandbox.faults.ask_reconnect(),
    "pause": lambda c, command: c.sandbox.faults.pause_gateway(),
    "resume": lambda c, command: c.sandbox.faults.resume_gateway(),
    "stop_acks": lambda c, command: c.sandbox.faults.stop_heartbeat_acks(command.get("on", True)),
    "refuse": lambda c, command: c.sandbox.faults.refuse_connections(command.get("on", True)),
    "clear": lambda c, command: c.sandbox.faults.clear(),
    **dict.fromkeys(_FAULTS, _rest_fault),
}

COMMANDS = tuple(sorted(_COMMANDS))
"""What can be done."""

SLOW = frozenset({"firehose", "use_command"})
"""Commands beside which others go on; their answer comes when they are done."""


async def answer_to(
    control: Control, command: Json, say: Callable[[Json], None], tasks: set[asyncio.Task[None]]
) -> None:
    """Carry out a command and say its answer; slow ones are left running in `tasks`."""

    async def finish() -> None:
        say(await control.do(command))

    if command.get("do") in SLOW:
        task = asyncio.create_task(finish())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    else:
        await finish()
