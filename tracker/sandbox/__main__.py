"""`python -m tracker.sandbox`: a sandbox in a process of its own, driven by JSON lines."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading

import orjson

from tracker.clock import Clock, PlayClock, SystemClock
from tracker.sandbox.control import COMMANDS, Control, Village, answer_to
from tracker.sandbox.model import Json
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.server import Sandbox

__all__ = ["main"]

_EPILOG = f"""When it is ready it prints one JSON line: rest_url, gateway_url, token, port, pid, application_id and
the guilds with the ids of what is in them. After that it reads commands from standard input, one JSON object a line,
and answers each with a JSON line: {{"do": "join", "member": 3, "channel": 0}}. "guild" is 0 unless given; members and
channels are numbers (in the order they were made) or ids; what stands under "tag" comes back. quit or the end of the
input ends it. Commands: {", ".join(COMMANDS)}, quit."""


def _route_limit(text: str) -> tuple[str, tuple[int, float]]:
    route, _, limit = text.rpartition("=")
    count, _, seconds = limit.partition("/")
    return route, (int(count), float(seconds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tracker.sandbox", description=__doc__, epilog=_EPILOG)

    def number(name: str, default: int, text: str) -> None:
        parser.add_argument(name, type=int, default=default, metavar="N", help=f"{text} (default {default})")

    number("--port", 0, "TCP port on 127.0.0.1 (0: any free one)")
    number("--guilds", 1, "guilds to make")
    number("--members", 24, "members in each guild, without the bot and the owner")
    number("--voice", 2, "voice channels in each guild")
    number("--text", 1, "text channels in each guild")
    number("--in-voice", 0, "members of each guild who are in voice at the start")
    number("--list-members", 1000, "how many members' ids to print for a guild")
    number("--shards", 1, "shard count to recommend")
    number("--heartbeat-ms", 41_250, "heartbeat interval")
    number("--resume-buffer", 50_000, "dispatches kept for a resume")
    parser.add_argument("--rate-limits", action="store_true", help="count REST requests against Discord's limits")
    parser.add_argument(
        "--route-limit", action="append", default=[], type=_route_limit, metavar="ROUTE=N/S",
        help="with --rate-limits: N requests in S seconds, e.g. 'PATCH /guilds/{guild}/members/{user}=10/0.5'",
    )  # fmt: skip
    parser.add_argument("--no-members-intent", action="store_true", help="the members intent is not granted (4014)")
    parser.add_argument("--clock", default="", metavar="TEXT", help="play time: real:played,… (Unix ms)")
    return parser.parse_args()


def _villages(sandbox: Sandbox, arguments: argparse.Namespace) -> list[Village]:
    """The communities that the options ask for."""
    world, made = sandbox.world, []
    for number in range(arguments.guilds):
        guild = world.add_guild(f"village {number}", afk_channel="AFK")
        village = Village(guild=guild, role=world.add_role(guild, "member"))
        village.voice = [world.add_channel(guild, f"voice {n}", kind="voice") for n in range(arguments.voice)]
        village.text = [world.add_channel(guild, f"text-{n}") for n in range(arguments.text)]
        for n in range(arguments.members):
            village.members.append(world.add_member(guild, f"member{n}", roles=[village.role]))
        for n, member in enumerate(village.members[: arguments.in_voice]):
            world.join_voice(member, village.voice[n % len(village.voice)])
        made.append(village)
    return made


def _say(answer: Json) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[bytes]) -> None:
    """Pass standard input on to the loop; an empty line stands for its end.

    It reads the bare descriptor: a thread that waits in `sys.stdin` holds a lock which the interpreter wants at exit.
    """
    rest = b""
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
        while chunk := os.read(0, 65_536):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line + b"\n")
        loop.call_soon_threadsafe(lines.put_nowait, b"")


async def _serve(arguments: argparse.Namespace) -> None:
    clock: Clock = PlayClock.parse(arguments.clock) if arguments.clock else SystemClock()
    options = SandboxOptions(
        port=arguments.port,
        shards=arguments.shards,
        heartbeat_ms=arguments.heartbeat_ms,
        resume_buffer=arguments.resume_buffer,
        rate_limits=arguments.rate_limits,
        route_limits=dict(arguments.route_limit),
        members_intent_granted=not arguments.no_members_intent,
    )
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # not on Windows
            loop.add_signal_handler(name, lines.put_nowait, b"")
    async with Sandbox(options, clock=clock) as sandbox:
        villages = _villages(sandbox, arguments)
        _say(
            {
                "rest_url": sandbox.rest_url,
                "gateway_url": sandbox.gateway_url,
                "token": sandbox.token,
                "port": sandbox.port,
                "pid": os.getpid(),
                "application_id": str(sandbox.world.application_id),
                "guilds": [village.described(members=arguments.list_members) for village in villages],
            }
        )
        threading.Thread(target=_read_lines, args=(loop, lines), name="stdin", daemon=True).start()
        await _listen(Control(sandbox, villages), lines)


async def _listen(control: Control, lines: asyncio.Queue[bytes]) -> None:
    tasks: set[asyncio.Task[None]] = set()
    while line := await lines.get():
        if not line.strip():
            continue
        try:
            command = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            _say({"ok": False, "error": f"not JSON: {error}"})
            continue
        if command == "quit" or (isinstance(command, dict) and command.get("do") == "quit"):
            _say({"ok": True})
            break
        if isinstance(command, dict):
            await answer_to(control, command, _say, tasks)
        else:
            _say({"ok": False, "error": "a command is a JSON object"})
    for task in tasks:
        task.cancel()


def main() -> None:
    """Run until told to quit."""
    arguments = _arguments()
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(_serve(arguments))
    else:
        uvloop.run(_serve(arguments))


if __name__ == "__main__":
    main()
