"""Gateway sessions: what is resumed has missed nothing, what is new is compared with the snapshot."""

from __future__ import annotations

from tests.discord.wire import Wire


async def connected(wire: Wire) -> None:
    await wire.start()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.intake.until(1, "voice.joined")


async def test_a_resumed_session_changes_nothing_and_misses_nothing(wire: Wire) -> None:
    await connected(wire)
    wire.sandbox.faults.cut_sockets()
    await wire.intake.when(lambda: bool(wire.intake.held))
    wire.world.move_voice(wire.ana, wire.study)
    wire.world.leave_voice(wire.ana)
    await wire.intake.when(lambda: not wire.intake.held)
    await wire.intake.until(1, "voice.left")
    assert wire.sandbox.counters.resumes == 1
    assert not wire.intake.of("tracker.lost", "tracker.returned")
    assert [e.type for e in wire.intake.events if e.user_id == wire.ana.id][-3:] == [
        "voice.joined",
        "voice.moved",
        "voice.left",
    ]


async def test_time_stands_still_from_the_cut_to_the_resume(wire: Wire) -> None:
    await connected(wire)
    wire.sandbox.faults.refuse_connections()
    wire.sandbox.faults.cut_sockets()
    await wire.intake.when(lambda: wire.intake.held == {("shard", 0)})
    wire.sandbox.faults.refuse_connections(False)
    await wire.intake.when(lambda: not wire.intake.held)
    assert not wire.intake.of("tracker.lost")


async def test_an_invalid_session_loses_the_guild_where_the_old_one_fell_silent(wire: Wire) -> None:
    await connected(wire)
    lost_at = wire.intake.clock.now()
    wire.sandbox.faults.invalidate_sessions()
    await wire.intake.when(lambda: bool(wire.intake.held))
    wire.intake.clock.ms += 60_000
    wire.world.move_voice(wire.ana, wire.study)
    returned = await wire.intake.until(1, "tracker.returned")
    assert returned[0].occurred_at == lost_at + 60_000
    assert [(e.type, e.channel_id, e.occurred_at - lost_at) for e in wire.intake.events if e.user_id == wire.ana.id][
        -2:
    ] == [
        ("voice.left", wire.talk.id, 0),
        ("voice.joined", wire.study.id, 60_000),
    ]
    assert wire.intake.of("tracker.lost")[0].occurred_at == lost_at
    assert not wire.intake.held


async def test_a_session_too_old_to_resume_is_bridged_like_any_absence(wire: Wire) -> None:
    await connected(wire)
    wire.sandbox.faults.cut_sockets()
    await wire.intake.when(lambda: bool(wire.intake.held))
    wire.sandbox.faults.invalidate_sessions()
    await wire.intake.until(1, "tracker.returned")
    await wire.settle()
    assert not wire.intake.of("voice.left")
    assert wire.whereabouts(wire.ana) == wire.talk.id


async def test_a_reconnect_that_discord_asks_for_is_resumed(wire: Wire) -> None:
    await connected(wire)
    wire.sandbox.faults.ask_reconnect()
    await wire.intake.when(lambda: bool(wire.intake.held))
    await wire.intake.when(lambda: not wire.intake.held)
    assert wire.sandbox.counters.resumes == 1
    assert not wire.intake.of("tracker.lost")


async def test_a_roll_call_that_a_cut_interrupts_is_made_again(wire: Wire) -> None:
    await connected(wire)
    wire.sandbox.faults.cut_sockets()
    cho = wire.world.add_member(wire.guild, "cho")
    await wire.know(4)
    assert cho.id in {e.user_id for e in wire.intake.of("member.joined")}
