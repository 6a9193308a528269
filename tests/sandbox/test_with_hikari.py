"""The real client against the sandbox: it must notice nothing."""

from __future__ import annotations

import hikari
import pytest

from tests.sandbox.clients import INTENTS, Inbox, bot_for
from tests.sandbox.conftest import Town
from tracker.sandbox import Sandbox, SandboxOptions


async def test_it_connects_and_sees_the_whole_guild(sandbox: Sandbox, town: Town) -> None:
    town.world.join_voice(town.minsu, town.voice, self_mute=True)
    thread = town.world.add_thread(town.text, "thread")
    bot = bot_for(sandbox)
    inbox = Inbox(bot)
    await bot.start(check_for_updates=False)
    try:
        event = await inbox.wait(hikari.GuildAvailableEvent)
        assert event.guild.name == "스터디"
        assert event.guild.afk_channel_id == town.guild.afk_channel_id
        assert {channel.name for channel in event.channels.values()} == {
            "잠수", "🎙️대화", "📝-공부방", "log"
        }  # fmt: skip
        assert [int(one) for one in event.threads] == [thread.id]
        assert event.voice_states[hikari.Snowflake(town.minsu.id)].is_self_muted
        chunk = await inbox.wait(hikari.MemberChunkEvent)
        assert {member.display_name for member in chunk.members.values()} >= {"민수", "Ann"}
        me = bot.get_me()
        assert me is not None
        assert me.id == sandbox.world.bot.id
    finally:
        await bot.close()


async def test_it_hears_voice_changes_with_their_flags(bot: hikari.GatewayBot, town: Town) -> None:
    inbox, world = Inbox(bot), town.world
    world.join_voice(town.minsu, town.voice)
    world.set_voice_flags(town.minsu, self_mute=True, stream=True, video=True)
    world.move_voice(town.minsu, town.other)
    world.switch_device(town.minsu)
    world.leave_voice(town.minsu)
    await inbox.wait(hikari.VoiceStateUpdateEvent, lambda event: event.state.channel_id is None)
    states = [event.state for event in inbox.of(hikari.VoiceStateUpdateEvent)]
    assert [state.channel_id for state in states] == [
        town.voice.id, town.voice.id, town.other.id, town.other.id, None
    ]  # fmt: skip
    assert (states[1].is_self_muted, states[1].is_streaming, states[1].is_video_enabled) == (True, True, True)
    sessions = [state.session_id for state in states[:4]]
    assert sessions[0] == sessions[1] == sessions[2] != sessions[3]
    assert all(state.member is not None for state in states)


async def test_it_hears_messages_edits_and_deletions(bot: hikari.GatewayBot, town: Town) -> None:
    inbox, world = Inbox(bot), town.world
    message = world.send_message(town.minsu, town.text, "hello")
    reply = world.send_message(town.ann, town.text, "hi", reply_to=message)
    hook = world.send_message(town.ann, town.text, "hook", webhook=True)
    world.edit_message(message, "hello!")
    world.delete_message(message)
    world.bulk_delete([reply, hook])
    await inbox.wait(hikari.GuildBulkMessageDeleteEvent, lambda e: len(e.message_ids) == 2)
    created = [event.message for event in inbox.of(hikari.GuildMessageCreateEvent)]
    assert [(int(m.id), m.type, m.webhook_id is not None) for m in created] == [
        (message.id, hikari.MessageType.DEFAULT, False),
        (reply.id, hikari.MessageType.REPLY, False),
        (hook.id, hikari.MessageType.DEFAULT, True),
    ]
    assert len(inbox.of(hikari.GuildMessageUpdateEvent)) == 1
    assert inbox.of(hikari.GuildMessageDeleteEvent)[0].message_id == message.id


async def test_it_hears_members_roles_and_channels_change(bot: hikari.GatewayBot, town: Town) -> None:
    inbox, world = Inbox(bot), town.world
    member = world.add_member(town.guild, "yuna", global_name="유나")
    world.set_roles(member, [town.role])
    world.rename(member, "유나2")
    world.remove_member(member)
    role = world.add_role(town.guild, "새 역할")
    world.edit_role(role, name="역할")
    world.delete_role(role)
    category = world.add_channel(town.guild, "category", kind="category")
    world.move_channel(town.voice, category)
    world.rename_channel(town.voice, "대기실")
    world.set_afk_channel(town.guild, town.other)
    thread = world.add_thread(town.text, "thread")
    world.archive_thread(thread)
    world.delete_channel(thread)
    world.join_voice(town.ann, town.other)
    world.delete_channel(town.other)
    world.set_guild_available(town.guild, False)
    world.set_guild_available(town.guild, True)
    await inbox.wait(hikari.GuildAvailableEvent)
    joined = inbox.of(hikari.MemberCreateEvent)[0].member
    assert joined.display_name == "유나"
    updates = inbox.of(hikari.MemberUpdateEvent)
    assert town.role.id in updates[0].member.role_ids
    assert updates[1].member.display_name == "유나2"
    assert inbox.of(hikari.MemberDeleteEvent)[0].user_id == member.id
    assert inbox.of(hikari.RoleDeleteEvent)[0].role_id == role.id
    renamed = inbox.of(hikari.GuildChannelUpdateEvent)[-1].channel
    assert renamed.name == "대기실"
    assert renamed.parent_id == category.id
    assert inbox.of(hikari.GuildUpdateEvent)[0].guild.afk_channel_id == town.other.id
    assert inbox.of(hikari.GuildThreadDeleteEvent)[0].thread_id == thread.id
    assert inbox.of(hikari.GuildChannelDeleteEvent)[0].channel.id == town.other.id
    assert inbox.of(hikari.VoiceStateUpdateEvent)[-1].state.channel_id is None
    assert inbox.of(hikari.GuildUnavailableEvent)


async def test_it_resumes_after_a_cut_and_misses_nothing(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    inbox = Inbox(bot)
    sandbox.faults.cut_sockets()
    town.world.join_voice(town.minsu, town.voice)
    await inbox.wait(hikari.ShardResumedEvent)
    town.world.leave_voice(town.minsu)
    await inbox.wait(hikari.VoiceStateUpdateEvent, lambda event: event.state.channel_id is None)
    assert len(inbox.of(hikari.VoiceStateUpdateEvent)) == 2
    assert (sandbox.counters.identifies, sandbox.counters.resumes) == (1, 1)
    assert not inbox.of(hikari.GuildAvailableEvent)


@pytest.mark.parametrize("code", [4000, 4008, 1012])
async def test_it_resumes_after_a_close_that_allows_it(
    bot: hikari.GatewayBot, sandbox: Sandbox, town: Town, code: int
) -> None:
    inbox = Inbox(bot)
    sandbox.faults.close(code)
    await inbox.wait(hikari.ShardResumedEvent)
    assert sandbox.counters.identifies == 1


async def test_it_resumes_when_asked_to_reconnect(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    inbox = Inbox(bot)
    sandbox.faults.ask_reconnect()
    await inbox.wait(hikari.ShardResumedEvent)
    assert sandbox.counters.identifies == 1


async def test_an_invalid_session_brings_a_fresh_snapshot(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    inbox = Inbox(bot)
    town.world.join_voice(town.minsu, town.voice)
    await inbox.wait(hikari.VoiceStateUpdateEvent)
    sandbox.faults.invalidate_sessions(resumable=False)
    town.world.move_voice(town.minsu, town.other)
    await inbox.wait(hikari.ShardReadyEvent)
    snapshot = await inbox.wait(hikari.GuildAvailableEvent)
    assert snapshot.voice_states[hikari.Snowflake(town.minsu.id)].channel_id == town.other.id
    assert (sandbox.counters.identifies, sandbox.counters.resumes) == (2, 0)


async def test_a_resumable_invalid_session_is_resumed(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    inbox = Inbox(bot)
    sandbox.faults.invalidate_sessions(resumable=True)
    await inbox.wait(hikari.ShardResumedEvent)
    assert sandbox.counters.identifies == 1


async def test_without_heartbeat_acks_it_gives_the_connection_up_and_resumes() -> None:
    async with Sandbox(SandboxOptions(heartbeat_ms=100)) as sandbox:
        bot = bot_for(sandbox)
        inbox = Inbox(bot)
        await bot.start(check_for_updates=False)
        sandbox.faults.stop_heartbeat_acks()
        await inbox.wait(hikari.ShardDisconnectedEvent)
        sandbox.faults.stop_heartbeat_acks(False)
        await inbox.wait(hikari.ShardResumedEvent)
        await bot.close()


async def test_refused_connections_keep_it_out_until_they_are_accepted_again(
    bot: hikari.GatewayBot, sandbox: Sandbox, town: Town
) -> None:
    inbox = Inbox(bot)
    sandbox.faults.refuse_connections()
    sandbox.faults.cut_sockets()
    await inbox.wait(hikari.ShardDisconnectedEvent)
    assert sandbox.counters.connects == 1
    sandbox.faults.refuse_connections(False)
    await inbox.wait(hikari.ShardResumedEvent)


async def test_a_wrong_token_is_refused_by_rest(sandbox: Sandbox) -> None:
    head = sandbox.token.split(".", 1)[0]
    bot = bot_for(sandbox, token=f"{head}.wrong.wrong")
    with pytest.raises(hikari.UnauthorizedError):
        await bot.start(check_for_updates=False)
    await bot.close()


async def test_a_missing_privileged_intent_ends_the_shard_with_4014() -> None:
    async with Sandbox(SandboxOptions(members_intent_granted=False)) as sandbox:
        bot = bot_for(sandbox)
        with pytest.raises(hikari.GatewayServerClosedConnectionError) as closed:
            await bot.start(check_for_updates=False)
        assert closed.value.code == hikari.ShardCloseCode.DISALLOWED_INTENT
        await bot.close()


async def test_two_shards_see_all_guilds_between_them() -> None:
    async with Sandbox(SandboxOptions(shards=2)) as sandbox:
        guilds = {sandbox.world.add_guild(f"guild {n}").id for n in range(6)}
        bot = bot_for(sandbox)
        inbox = Inbox(bot)
        await bot.start(check_for_updates=False)
        for guild in guilds:
            event = await inbox.wait(hikari.GuildAvailableEvent, lambda e, wanted=guild: e.guild_id == wanted)  # type: ignore[misc]
            assert event.shard.id == (guild >> 22) % 2
        assert bot.shard_count == 2
        await bot.close()


async def test_a_direct_message_reaches_it_with_its_content(sandbox: Sandbox, town: Town) -> None:
    bot = bot_for(sandbox, INTENTS | hikari.Intents.DM_MESSAGES)
    inbox = Inbox(bot)
    await bot.start(check_for_updates=False)
    channel = await bot.rest.create_dm_channel(town.minsu.id)
    await bot.rest.create_message(channel.id, "hello")
    town.world.send_message(town.minsu.user, town.world.dm_channel(town.minsu.user), "answer")
    event = await inbox.wait(hikari.DMMessageCreateEvent, lambda e: e.author_id == town.minsu.id)
    assert event.content == "answer"
    await bot.close()


async def test_five_hundred_simultaneous_voice_changes_arrive_in_order(bot: hikari.GatewayBot, town: Town) -> None:
    inbox, world = Inbox(bot), town.world
    crowd = [world.add_member(town.guild, f"member{n}") for n in range(500)]
    for member in crowd:
        world.join_voice(member, town.voice)
    await inbox.wait(hikari.VoiceStateUpdateEvent, lambda event: event.state.user_id == crowd[-1].id)
    heard = [int(event.state.user_id) for event in inbox.of(hikari.VoiceStateUpdateEvent)]
    assert sorted(heard) == [member.id for member in crowd]


async def test_the_bot_can_join_a_voice_channel_itself(bot: hikari.GatewayBot, sandbox: Sandbox, town: Town) -> None:
    inbox = Inbox(bot)
    await bot.update_voice_state(town.guild.id, town.voice.id, self_deaf=True)
    await inbox.wait(hikari.VoiceServerUpdateEvent)
    me = sandbox.world.me(town.guild)
    assert me.voice is not None
    assert me.voice.channel_id == town.voice.id
    await bot.update_voice_state(town.guild.id, None)
    await inbox.wait(hikari.VoiceStateUpdateEvent, lambda event: event.state.channel_id is None)
    assert me.voice is None
