"""The gateway as a client without manners meets it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.sandbox.clients import INTENTS, Socket
from tests.sandbox.conftest import Town
from tracker.sandbox import Overwrite, Permission, Sandbox, SandboxOptions

GUILDS, MEMBERS, VOICE, MESSAGES, CONTENT = 1, 2, 1 << 7, 1 << 9, 1 << 15


@pytest.mark.parametrize("compress", ["", "zlib-stream", "zstd-stream"])
async def test_every_compression_carries_the_same_events(sandbox: Sandbox, town: Town, compress: str) -> None:
    async with Socket(sandbox, compress=compress) as socket:
        ready = await socket.identify()
        assert ready["v"] == 10
        assert ready["guilds"] == [{"id": str(town.guild.id), "unavailable": True}]
        assert ready["resume_gateway_url"] == sandbox.gateway_url
        await socket.until("GUILD_CREATE")
        for _ in range(50):
            town.world.join_voice(town.minsu, town.voice)
        numbers = [(await socket.until("VOICE_STATE_UPDATE"))["s"] for _ in range(50)]
        assert numbers == list(range(3, 53))


async def test_a_payload_of_any_size_arrives_whole(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox) as socket:
        await socket.identify()
        for size in (0, 100, 2_000):
            town.world.set_nick(town.ann, "ㅋ" * size)
            assert (await socket.until("GUILD_MEMBER_UPDATE"))["d"]["nick"] == "ㅋ" * size
        for n in range(400):
            town.world.add_channel(town.guild, f"channel-with-a-rather-long-name-{n}")
        town.world.set_guild_available(town.guild, False)
        town.world.set_guild_available(town.guild, True)
        await socket.until("GUILD_DELETE")
        snapshot = await socket.until("GUILD_CREATE")
        assert len(orjson.dumps(snapshot)) > 65_536
        assert len(snapshot["d"]["channels"]) == 404


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (99, None, 4001),
        (10, {}, 4003),
        (2, "text", 4002),
        (8, {}, 4003),
        (2, {"token": "wrong", "intents": 1, "properties": {}}, 4004),
        (2, {"intents": 1 << 30, "properties": {}}, 4013),
        (2, {"properties": {}}, 4013),
        (2, {"intents": CONTENT, "properties": {}}, 4014),
        (2, {"intents": 1}, 4002),
        (2, {"intents": 1, "properties": {}, "shard": [1, 1]}, 4010),
        (6, {"token": "wrong", "session_id": "x", "seq": 1}, 4004),
    ],
)
async def test_what_the_protocol_forbids_closes_with_its_code(sandbox: Sandbox, op: int, data: Any, code: int) -> None:
    if isinstance(data, dict) and op == 2:
        data = {"token": sandbox.token} | data
    async with Socket(sandbox) as socket:
        await socket.until_op(10)
        await socket.send(op, data)
        assert await socket.closed() == code


@pytest.mark.parametrize(("query", "code"), [("v=9&encoding=json", 4012), ("v=10&encoding=etf", 4002)])
async def test_an_unsupported_version_or_encoding_is_refused(sandbox: Sandbox, query: str, code: int) -> None:
    async with Socket(sandbox, query=query) as socket:
        assert await socket.closed() == code


async def test_garbage_and_oversized_payloads_are_decode_errors(sandbox: Sandbox) -> None:
    for raw in (b"{", b"[]", b'{"op":1,"d":"' + b"x" * 5000 + b'"}'):
        async with Socket(sandbox) as socket:
            await socket.until_op(10)
            await socket.ws.send_bytes(raw)
            assert await socket.closed() == 4002


async def test_identifying_twice_closes_with_4005(sandbox: Sandbox) -> None:
    async with Socket(sandbox) as socket:
        await socket.identify()
        await socket.send(2, {"token": sandbox.token, "intents": 1, "properties": {}})
        assert await socket.closed() == 4005


async def test_members_intent_that_is_not_granted_closes_with_4014() -> None:
    async with Sandbox(SandboxOptions(members_intent_granted=False)) as sandbox, Socket(sandbox) as socket:
        await socket.until_op(10)
        await socket.send(2, {"token": sandbox.token, "intents": GUILDS | MEMBERS, "properties": {}})
        assert await socket.closed() == 4014


async def test_the_121st_payload_within_a_minute_closes_with_4008(sandbox: Sandbox) -> None:
    async with Socket(sandbox) as socket:
        for _ in range(121):
            await socket.send(1)
        assert await socket.closed() == 4008
        assert sandbox.counters.heartbeats == 120


async def test_heartbeats_are_acknowledged_until_that_is_switched_off(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox) as socket:
        await socket.identify()
        await socket.send(1)
        await socket.until_op(11)
        sandbox.faults.stop_heartbeat_acks()
        await socket.send(1)
        await socket.send(8, {"guild_id": str(town.guild.id), "user_ids": ["1"]})
        await socket.until("GUILD_MEMBERS_CHUNK")
        assert [payload["op"] for payload in socket.got].count(11) == 1
        assert sandbox.counters.heartbeats == 2


async def test_a_silent_client_is_timed_out() -> None:
    async with Sandbox(SandboxOptions(heartbeat_ms=20)) as sandbox, Socket(sandbox) as socket:
        assert await socket.closed() == 4009


async def test_a_resume_replays_exactly_what_was_missed(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox, compress="zlib-stream") as first:
        session = (await first.identify())["session_id"]
        seen = (await first.until("GUILD_CREATE"))["s"]
        sandbox.faults.cut_sockets()
    town.world.join_voice(town.minsu, town.voice)
    town.world.leave_voice(town.minsu)
    async with Socket(sandbox, compress="zlib-stream") as second:
        await second.until_op(10)
        await second.send(6, {"token": sandbox.token, "session_id": session, "seq": seen})
        await second.until("RESUMED")
        town.world.join_voice(town.ann, town.voice)
        await second.until("VOICE_STATE_UPDATE")
        dispatches = [(p["t"], p["s"]) for p in second.got if p["op"] == 0]
    events = ["VOICE_STATE_UPDATE", "VOICE_STATE_UPDATE", "RESUMED", "VOICE_STATE_UPDATE"]
    assert dispatches == list(zip(events, range(seen + 1, seen + 5), strict=True))
    assert sandbox.counters.replayed == 2


async def test_a_resume_from_before_the_buffer_is_an_invalid_session() -> None:
    async with Sandbox(SandboxOptions(resume_buffer=3)) as sandbox:
        guild = sandbox.world.add_guild("small")
        async with Socket(sandbox) as first:
            session = (await first.identify())["session_id"]
            sandbox.faults.cut_sockets()
        for n in range(4):
            sandbox.world.rename_guild(guild, f"name {n}")
        async with Socket(sandbox) as second:
            await second.until_op(10)
            await second.send(6, {"token": sandbox.token, "session_id": session, "seq": 1})
            assert (await second.until_op(9))["d"] is False
            assert sandbox.counters.refused_resumes == 1


async def test_resuming_with_a_number_from_the_future_closes_with_4007(sandbox: Sandbox) -> None:
    async with Socket(sandbox) as first:
        session = (await first.identify())["session_id"]
        sandbox.faults.cut_sockets()
    async with Socket(sandbox) as second:
        await second.until_op(10)
        await second.send(6, {"token": sandbox.token, "session_id": session, "seq": 99})
        assert await second.closed() == 4007


async def test_a_session_that_the_client_closed_normally_cannot_be_resumed(sandbox: Sandbox) -> None:
    async with Socket(sandbox) as first:
        session = (await first.identify())["session_id"]
        await first.ws.close(code=1000)
    async with Socket(sandbox) as second:
        await second.until_op(10)
        await second.send(6, {"token": sandbox.token, "session_id": session, "seq": 1})
        assert (await second.until_op(9))["d"] is False


async def test_shards_share_the_guilds_out(sandbox: Sandbox) -> None:
    guilds = [sandbox.world.add_guild(f"guild {n}") for n in range(8)]
    seen = []
    for index in range(4):
        async with Socket(sandbox) as socket:
            ready = await socket.identify(shard=[index, 4])
            mine = [int(guild["id"]) for guild in ready["guilds"]]
            assert all((guild >> 22) % 4 == index for guild in mine)
            assert len(mine) == 2
            seen += mine
    assert sorted(seen) == [guild.id for guild in guilds]


async def test_only_events_of_the_asked_intents_arrive(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox) as socket:
        await socket.identify(GUILDS)
        snapshot = (await socket.until("GUILD_CREATE"))["d"]
        town.world.join_voice(town.minsu, town.voice)
        town.world.set_nick(town.minsu, "x")
        town.world.send_message(town.minsu, town.text, "hello")
        town.world.rename_channel(town.text, "renamed")
        assert (await socket.next())["t"] == "CHANNEL_UPDATE"
        assert snapshot["voice_states"] == []


async def test_the_snapshot_holds_the_bot_and_who_is_in_voice_and_no_other_members(
    sandbox: Sandbox, town: Town
) -> None:
    town.world.join_voice(town.minsu, town.voice, self_mute=True, stream=True)
    async with Socket(sandbox) as socket:
        await socket.identify()
        snapshot = (await socket.until("GUILD_CREATE"))["d"]
    assert {int(m["user"]["id"]) for m in snapshot["members"]} == {town.minsu.id, town.world.bot.id}
    (state,) = snapshot["voice_states"]
    assert (state["self_mute"], state["self_stream"], state["channel_id"]) == (True, True, str(town.voice.id))
    assert snapshot["member_count"] == 4


async def test_contents_are_blanked_without_the_content_intent(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox) as socket:
        await socket.identify()
        town.world.send_message(town.minsu, town.text, "secret", attachments=1)
        blank = (await socket.until("MESSAGE_CREATE"))["d"]
        assert (blank["content"], blank["attachments"]) == ("", [])
        town.world.send_message(town.minsu, town.text, f"<@{town.world.bot.id}> open")
        assert "open" in (await socket.until("MESSAGE_CREATE"))["d"]["content"]


async def test_contents_are_whole_with_the_content_intent() -> None:
    async with Sandbox(SandboxOptions(message_content_intent_granted=True)) as sandbox, Socket(sandbox) as socket:
        guild = sandbox.world.add_guild("open")
        text = sandbox.world.add_channel(guild, "text")
        await socket.identify(int(INTENTS) | CONTENT)
        sandbox.world.send_message(guild.members[guild.owner_id], text, "hello", attachments=2)
        whole = (await socket.until("MESSAGE_CREATE"))["d"]
        assert (whole["content"], len(whole["attachments"])) == ("hello", 2)


async def test_messages_of_channels_that_the_bot_cannot_see_do_not_arrive(sandbox: Sandbox, town: Town) -> None:
    hidden = town.world.add_channel(
        town.guild, "hidden", overwrites=[Overwrite(id=town.guild.id, deny=Permission.VIEW_CHANNEL)]
    )
    async with Socket(sandbox) as socket:
        await socket.identify()
        town.world.send_message(town.minsu, hidden, "unseen")
        seen = town.world.send_message(town.minsu, town.text, "seen")
        assert (await socket.until("MESSAGE_CREATE"))["d"]["id"] == str(seen.id)


async def test_members_come_in_chunks_of_a_thousand_with_the_nonce(sandbox: Sandbox, town: Town) -> None:
    for n in range(2_100):
        town.world.add_member(town.guild, f"member{n}")
    async with Socket(sandbox) as socket:
        await socket.identify()
        await socket.send(8, {"guild_id": str(town.guild.id), "query": "", "limit": 0, "nonce": "abc"})
        chunks = [(await socket.until("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(3)]
    assert [(c["chunk_index"], c["chunk_count"], c["nonce"]) for c in chunks] == [(n, 3, "abc") for n in range(3)]
    assert [len(chunk["members"]) for chunk in chunks] == [1000, 1000, 104]


async def test_members_can_be_asked_for_by_id_and_by_name(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox) as socket:
        await socket.identify(GUILDS)
        guild = {"guild_id": str(town.guild.id)}
        await socket.send(8, guild | {"user_ids": [str(town.ann.id), "1"]})
        chunk = (await socket.until("GUILD_MEMBERS_CHUNK"))["d"]
        assert ([m["nick"] for m in chunk["members"]], chunk["not_found"]) == (["Ann"], ["1"])
        await socket.send(8, guild | {"query": "민", "limit": 5})
        chunk = (await socket.until("GUILD_MEMBERS_CHUNK"))["d"]
        assert [m["user"]["username"] for m in chunk["members"]] == ["minsu"]


async def test_a_paused_gateway_sends_everything_later_and_in_order(sandbox: Sandbox, town: Town) -> None:
    async with Socket(sandbox, compress="zstd-stream") as socket:
        await socket.identify()
        await socket.until("GUILD_CREATE")
        sandbox.faults.pause_gateway()
        town.world.join_voice(town.minsu, town.voice)
        town.world.set_nick(town.minsu, "later")
        sandbox.faults.resume_gateway()
        town.world.leave_voice(town.minsu)
        names = [(await socket.next())["t"] for _ in range(3)]
    assert names == ["VOICE_STATE_UPDATE", "GUILD_MEMBER_UPDATE", "VOICE_STATE_UPDATE"]


async def test_used_up_session_starts_are_refused_and_counted() -> None:
    async with Sandbox(SandboxOptions(session_start_total=1)) as sandbox:
        async with Socket(sandbox) as first:
            await first.identify()
        assert sandbox.hub.start_limit()["remaining"] == 0
        async with Socket(sandbox) as second:
            await second.until_op(10)
            await second.send(2, {"token": sandbox.token, "intents": 1, "properties": {}})
            assert await second.closed() == 4004


async def test_identifying_too_soon_is_an_invalid_session() -> None:
    async with Sandbox(SandboxOptions(identify_interval_s=60, max_concurrency=1)) as sandbox:
        async with Socket(sandbox) as first:
            await first.identify()
        async with Socket(sandbox) as second:
            await second.until_op(10)
            await second.send(2, {"token": sandbox.token, "intents": 1, "properties": {}})
            assert (await second.until_op(9))["d"] is False
