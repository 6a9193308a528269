"""What comes through the real gateway client as which facts."""

from __future__ import annotations

import pytest

from tests.discord.wire import Wire
from tracker.events.channel import ChannelDescribed
from tracker.events.member import MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.voice import MUTE, SELF_MUTE, STREAM, Flags, VoiceFlagsChanged, VoiceJoined, VoiceMoved
from tracker.ids import ChannelId, RoleId, UserId, snowflake_ms

VOICE = ("voice.joined", "voice.moved", "voice.left", "voice.flags_changed")


async def test_at_the_first_start_the_guild_is_described_and_its_members_are_known(wire: Wire) -> None:
    await wire.start()
    described = {e.data.name for e in wire.intake.events if isinstance(e.data, ChannelDescribed)}
    assert {"🎙️대화", "📝-공부방", "잡담", "AFK"} <= described
    afk = wire.intake.sight.channel(wire.guild_id, ChannelId(wire.guild.afk_channel_id or 0))
    assert afk is not None
    assert afk.afk
    assert wire.intake.sight.role_name(wire.guild_id, RoleId(wire.role.id)) == "스터디"
    assert not wire.intake.of("tracker.returned")
    joined = {e.user_id for e in wire.intake.of("member.joined")}
    assert {wire.ana.id, wire.minjun.id} <= joined
    assert wire.beep.id not in joined
    roles = {e.user_id: e.data for e in wire.intake.of("member.roles_changed")}
    assert roles[UserId(wire.ana.id)] == MemberRolesChanged(role_ids=(RoleId(wire.role.id),))


async def test_a_member_joins_moves_and_leaves(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk, self_mute=True)
    wire.world.move_voice(wire.ana, wire.study)
    wire.world.leave_voice(wire.ana)
    await wire.intake.until(1, "voice.left")
    assert wire.seen(*VOICE) == [
        ("voice.joined", wire.ana.id, wire.talk.id),
        ("voice.moved", wire.ana.id, wire.study.id),
        ("voice.left", wire.ana.id, wire.study.id),
    ]
    joined, moved, _ = wire.intake.of(*VOICE)
    assert joined.data == VoiceJoined(flags=Flags(SELF_MUTE))
    assert moved.data == VoiceMoved(from_channel_id=ChannelId(wire.talk.id), flags=Flags(SELF_MUTE))


async def test_flags_change_without_ending_the_session_and_a_device_switch_is_nothing(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    wire.world.switch_device(wire.ana)
    wire.world.set_voice_flags(wire.ana, stream=True, mute=True)
    wire.world.set_voice_flags(wire.ana, stream=False, mute=False)
    await wire.intake.until(2, "voice.flags_changed")
    assert [e.data for e in wire.intake.of(*VOICE)] == [
        VoiceJoined(),
        VoiceFlagsChanged(flags=Flags(STREAM | MUTE)),
        VoiceFlagsChanged(),
    ]


async def test_bots_and_webhooks_make_no_events(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.beep, wire.talk)
    wire.world.send_message(wire.beep, wire.text, "beep")
    wire.world.send_message(wire.ana, wire.text, "hook", webhook=True)
    await wire.settle()
    assert not wire.intake.of(*VOICE)
    assert len(wire.intake.of("message.sent")) == 1


async def test_a_message_has_the_time_of_its_id_and_none_of_its_text(wire: Wire) -> None:
    await wire.start()
    wire.intake.clock.ms += 5000
    first = wire.world.send_message(wire.ana, wire.text, "secret words")
    wire.world.send_message(wire.minjun, wire.text, "답장", reply_to=first)
    sent, reply = await wire.intake.until(2, "message.sent")
    assert sent.id == f"message:{first.id}"
    assert sent.occurred_at == snowflake_ms(first.id)
    assert sent.data == MessageSent()
    assert reply.data == MessageSent(reply=True)


async def test_attachments_are_counted_where_discord_shows_them(wire: Wire) -> None:
    """Without the message content intent it shows them in messages that mention the bot only."""
    await wire.start()
    wire.world.send_message(wire.ana, wire.text, f"<@{wire.world.bot.id}>", attachments=2)
    assert (await wire.intake.until(1, "message.sent"))[0].data == MessageSent(attachments=2)


async def test_what_is_written_in_a_thread_counts_for_its_channel(wire: Wire) -> None:
    old = wire.world.add_thread(wire.text, "from before")
    await wire.start()
    new = wire.world.add_thread(wire.text, "new")
    wire.world.send_message(wire.ana, old, "a")
    wire.world.send_message(wire.ana, new, "b")
    events = await wire.intake.until(2, "message.sent")
    assert [e.channel_id for e in events] == [wire.text.id] * 2
    assert [e.data for e in events] == [
        MessageSent(thread_id=ChannelId(old.id)),
        MessageSent(thread_id=ChannelId(new.id)),
    ]


async def test_deleted_messages_are_told_one_by_one_and_in_bulk(wire: Wire) -> None:
    await wire.start()
    messages = [wire.world.send_message(wire.ana, wire.text, str(n)) for n in range(3)]
    wire.world.delete_message(messages[0])
    wire.world.bulk_delete(messages[1:])
    events = await wire.intake.until(3, "message.deleted")
    assert [e.id for e in events] == [f"message-deleted:{m.id}" for m in messages]
    assert events[0].data == MessageDeleted(message_id=messages[0].id)  # type: ignore[arg-type]
    assert events[0].user_id is None


async def test_members_come_change_and_go(wire: Wire) -> None:
    await wire.start()
    cho = wire.world.add_member(wire.guild, "cho")
    wire.world.set_nick(cho, "조")
    wire.world.set_nick(cho, "조")
    wire.world.set_roles(cho, [wire.role])
    wire.world.remove_member(cho)
    await wire.intake.until(1, "member.left")
    assert [e.type for e in wire.intake.events if e.user_id == cho.id] == [
        "member.joined",
        "member.renamed",
        "member.roles_changed",
        "member.left",
    ]


async def test_channels_and_roles_are_described_when_they_look_different_only(wire: Wire) -> None:
    await wire.start()
    before = len(wire.intake.of("channel.described", "role.described"))
    wire.world.rename_channel(wire.talk, "대기실")
    wire.world.tell_channel(wire.talk)
    wire.world.edit_role(wire.role, name="Study")
    wire.world.edit_role(wire.role, position=1)
    await wire.settle()
    new = wire.intake.of("channel.described", "role.described")[before:]
    assert [e.type for e in new] == ["channel.described", "role.described"]
    assert new[0].data == ChannelDescribed(name="대기실")


async def test_a_deleted_role_is_held_by_nobody(wire: Wire) -> None:
    other = wire.world.add_role(wire.guild, "other")
    wire.world.set_roles(wire.minjun, [other, wire.role])
    await wire.start()
    wire.world.delete_role(wire.role)
    await wire.settle()
    told = [(e.user_id, e.data.role_ids) for e in wire.intake.events if isinstance(e.data, MemberRolesChanged)][-2:]
    assert sorted(told) == sorted([(wire.ana.id, ()), (wire.minjun.id, (other.id,))])


async def test_another_afk_channel_redescribes_both(wire: Wire) -> None:
    await wire.start()
    old = wire.guild.afk_channel_id
    wire.world.set_afk_channel(wire.guild, wire.talk)
    wire.world.rename_guild(wire.guild, "studies")
    await wire.settle()
    told = [(e.channel_id, e.data.afk) for e in wire.intake.events if isinstance(e.data, ChannelDescribed)][-2:]
    assert told == [(old, False), (wire.talk.id, True)]


@pytest.mark.parametrize("away_ms", [1000, 600_000, 600_001])
async def test_after_a_restart_who_is_still_there_goes_on_up_to_the_bridge(wire: Wire, away_ms: int) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.intake.until(1, "voice.joined")
    gone_at = wire.intake.clock.now()
    await wire.restart(away_ms=away_ms)
    await wire.start()
    await wire.intake.until(1, "tracker.returned")
    bridged = away_ms <= 600_000
    assert len(wire.intake.of("voice.left")) == (0 if bridged else 1)
    assert len(wire.intake.of("voice.joined")) == (1 if bridged else 2)
    assert all(e.occurred_at == gone_at for e in wire.intake.of("voice.left", "tracker.lost"))
    assert wire.whereabouts(wire.ana) == wire.talk.id


async def test_after_a_restart_who_moved_or_went_or_came_is_where_they_are(wire: Wire) -> None:
    await wire.start()
    cho = wire.world.add_member(wire.guild, "cho")
    wire.world.join_voice(wire.ana, wire.talk)
    wire.world.join_voice(wire.minjun, wire.talk)
    await wire.intake.until(2, "voice.joined")
    await wire.restart(away_ms=1000)
    wire.world.move_voice(wire.ana, wire.study)
    wire.world.leave_voice(wire.minjun)
    wire.world.join_voice(cho, wire.talk)
    wire.world.join_voice(wire.beep, wire.talk)
    await wire.start()
    await wire.settle()
    assert [wire.whereabouts(m) for m in (wire.ana, wire.minjun, cho, wire.beep)] == [
        wire.study.id,
        None,
        wire.talk.id,
        None,
    ]
    assert len(wire.intake.of("voice.left")) == 2
    assert not wire.intake.held


async def test_who_left_the_guild_while_the_tracker_was_away_is_found_gone(wire: Wire) -> None:
    await wire.start()
    cho = wire.world.add_member(wire.guild, "cho")
    await wire.know(4)
    await wire.restart(away_ms=1000)
    wire.world.remove_member(cho)
    wire.world.set_nick(wire.ana, "아나")
    await wire.front.start()
    assert [e.user_id for e in await wire.intake.until(1, "member.left")] == [cho.id]
    assert [e.user_id for e in wire.intake.of("member.renamed")] == [wire.ana.id]


async def test_a_guild_that_is_unavailable_is_lost_until_it_is_back(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.intake.until(1, "voice.joined")
    wire.world.set_guild_available(wire.guild, False)
    await wire.intake.until(1, "tracker.lost")
    wire.world.leave_voice(wire.ana)
    wire.intake.clock.ms += 1000
    wire.world.set_guild_available(wire.guild, True)
    await wire.intake.until(1, "tracker.returned")
    assert [e.type for e in wire.intake.of("tracker.lost", "voice.left", "tracker.returned")] == [
        "tracker.lost",
        "voice.left",
        "tracker.returned",
    ]


async def test_a_bot_that_is_removed_closes_what_it_saw(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.intake.until(1, "voice.joined")
    wire.world.remove_guild(wire.guild)
    await wire.intake.until(1, "voice.left")
    assert wire.intake.sight.lost_at(wire.guild_id) is not None


async def test_a_guild_that_is_gone_at_the_next_start_is_closed_where_it_was_lost(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.intake.until(1, "voice.joined")
    lost_at = wire.intake.clock.now()
    await wire.restart(away_ms=1000)
    wire.world.remove_guild(wire.guild)
    await wire.front.start()
    assert (await wire.intake.until(1, "voice.left"))[0].occurred_at == lost_at


async def test_what_is_written_in_a_lost_guild_waits_for_its_snapshot(wire: Wire) -> None:
    """Otherwise it would push the guild's time beyond the instant at which unseen sessions must end."""
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.intake.until(1, "voice.joined")
    lost_at = wire.intake.clock.now()
    wire.intake.gone([wire.guild_id], lost_at)
    wire.intake.clock.ms += 5000
    wire.world.leave_voice(wire.ana)
    message = wire.world.send_message(wire.ana, wire.text)
    wire.world.set_guild_available(wire.guild, False)
    wire.world.set_guild_available(wire.guild, True)
    await wire.intake.until(1, "message.sent")
    assert [(e.type, e.occurred_at - lost_at) for e in wire.intake.events[-3:]] == [
        ("voice.left", 0),
        ("tracker.returned", 5000),
        ("message.sent", snowflake_ms(message.id) - lost_at),
    ]


async def test_a_bulk_of_guilds_is_told_apart(wire: Wire) -> None:
    other = wire.world.add_guild("other")
    room = wire.world.add_channel(other, "room", kind="voice")
    ana = wire.world.add_member(other, "ana", user=wire.ana.user)
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    wire.world.join_voice(ana, room)
    events = await wire.intake.until(2, "voice.joined")
    assert [(e.guild_id, e.channel_id) for e in events] == [(wire.guild.id, wire.talk.id), (other.id, room.id)]
