"""The sandbox in a thread, and in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import hikari
import pytest

from tests.sandbox.clients import Inbox, Rest, Socket, bot_for
from tracker.sandbox import SandboxOptions, SandboxThread


class Process:
    """`python -m tracker.sandbox` and its two pipes."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tracker.sandbox", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = self.read()

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def do(self, **command: Any) -> dict[str, Any]:
        self.write(json.dumps(command).encode())
        return self.read()

    def in_voice(self, village: int) -> dict[str, str]:
        """Who is where, by ids."""
        where = self.do(do="state")["voice"][self.ready["guilds"][village]["id"]]
        assert isinstance(where, dict)
        return where

    @property
    def token(self) -> str:
        return str(self.ready["token"])

    @property
    def rest_url(self) -> str:
        return str(self.ready["rest_url"])

    @property
    def gateway_url(self) -> str:
        return str(self.ready["gateway_url"])


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """One process for all tests; each of them has a guild of its own."""
    started = Process("--members", "40", "--in-voice", "3", "--guilds", "5")
    yield started
    started.process.terminate()
    assert started.process.wait(10) == 0


def test_the_process_says_where_it_is_and_what_is_in_it(process: Process) -> None:
    village = process.ready["guilds"][1]
    assert (len(village["members"]), len(village["voice"]), len(village["text"])) == (40, 2, 1)
    assert process.ready["rest_url"] == f"http://127.0.0.1:{process.ready['port']}/api/v10"
    assert len(process.in_voice(1)) == 3


def test_commands_change_the_world_by_number_and_by_id(process: Process) -> None:
    guild, village = 2, process.ready["guilds"][2]
    assert process.do(do="join", guild=guild, member=20, channel=1, flags={"self_mute": True})["ok"]
    assert process.do(do="move", guild=guild, member=village["members"][20], channel=village["voice"][0])["ok"]
    assert process.do(do="leave", guild=village["id"], member=0)["ok"]
    message = process.do(do="message", guild=guild, member=1, content="hello", tag="t")
    assert (message["ok"], message["tag"]) == (True, "t")
    where = process.in_voice(guild)
    assert where[village["members"][20]] == village["voice"][0]
    assert village["members"][0] not in where
    listed = process.do(do="messages", guild=guild)
    assert [m["content"] for m in listed["messages"]] == ["hello"]


def test_a_bad_command_is_answered_with_what_is_wrong(process: Process) -> None:
    assert "do one of" in process.do(do="nothing")["error"]
    assert "member" in process.do(do="join")["error"]
    assert "not connected" in process.do(do="leave", guild=1, member=30)["error"]
    process.write(b"nonsense\n[]")
    assert "not JSON" in process.read()["error"]
    assert "object" in process.read()["error"]


async def test_a_bot_in_another_process_hears_and_resumes(process: Process) -> None:
    bot = bot_for(process)
    inbox = Inbox(bot)
    await bot.start(check_for_updates=False)
    assert process.do(do="cut")["cut"] == 1
    process.do(do="storm", guild=3, members=40, channel=1)
    await inbox.wait(hikari.ShardResumedEvent)
    wanted = int(process.ready["guilds"][3]["members"][39])
    await inbox.wait(hikari.VoiceStateUpdateEvent, lambda event: event.state.user_id == wanted)
    assert len(inbox.of(hikari.VoiceStateUpdateEvent)) == 40
    await bot.close()


@pytest.mark.parametrize("kind", ["message", "voice", "mixed"])
async def test_the_firehose_sends_every_event_once_and_in_order(process: Process, kind: str) -> None:
    async with Socket(process, compress="zstd-stream") as socket:
        await socket.identify()
        for _ in process.ready["guilds"]:
            first = (await socket.until("GUILD_CREATE"))["s"] + 1
        before = process.in_voice(4)
        process.write(json.dumps({"do": "firehose", "kind": kind, "events": 3_000, "guild": 4}).encode())
        numbers, stamps = [], []
        for _ in range(3_000):
            payload = await socket.next()
            numbers.append(payload["s"])
            stamps.append(int(payload["d"].get("nonce") or payload["d"]["session_id"]))
        assert process.read()["events"] == 3_000
    assert numbers == list(range(first, first + 3_000))
    assert stamps == sorted(stamps)
    after = process.in_voice(4)
    assert after == before if kind == "message" else set(after) == set(process.ready["guilds"][4]["members"])


async def test_a_rest_fault_is_set_from_outside(process: Process) -> None:
    async with Rest(process) as rest:
        assert process.do(do="fail_rest", status=503, path="/users/@me", times=None)["ok"]
        assert (await rest("GET", "/users/@me"))[0] == 503
        assert process.do(do="clear")["ok"]
        assert (await rest("GET", "/users/@me"))[0] == 200
    requests = process.do(do="state")["requests"]
    assert (requests["GET /users/@me 503"], requests["GET /users/@me 200"]) == (1, 1)


def test_quit_or_the_end_of_its_input_ends_the_process() -> None:
    told, cut_off = Process("--members", "0"), Process("--members", "0")
    assert told.do(do="quit")["ok"]
    assert cut_off.process.stdin is not None
    cut_off.process.stdin.close()
    assert (told.process.wait(10), cut_off.process.wait(10)) == (0, 0)


async def test_a_sandbox_in_a_thread_serves_another_loop() -> None:
    with SandboxThread(SandboxOptions(application_name="threaded")) as thread:
        world = thread.sandbox.world
        guild = thread.call(world.add_guild, "guild")
        voice = thread.call(world.add_channel, guild, "voice", kind="voice")
        member = thread.call(world.add_member, guild, "member")
        async with Socket(thread.sandbox) as socket:
            await socket.identify()
            await socket.until("GUILD_CREATE")
            thread.call(world.join_voice, member, voice)
            state = await socket.until("VOICE_STATE_UPDATE")
        assert state["d"]["user_id"] == str(member.id)
        with pytest.raises(ValueError, match="no voice channel"):
            thread.call(world.join_voice, member, thread.call(world.add_channel, guild, "text"))


def test_a_sandbox_cannot_take_a_port_that_is_taken() -> None:
    with (
        SandboxThread() as first,
        pytest.raises(OSError, match="address"),
        SandboxThread(SandboxOptions(port=first.sandbox.port)),
    ):
        pass
