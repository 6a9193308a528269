"""The world by itself: ids, time, permissions."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from tests.sandbox.conftest import Town
from tracker.ids import Ms, snowflake_ms
from tracker.sandbox import Overwrite, Permission, Sandbox, World
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.permissions import in_channel, in_guild, outranks, outranks_role, top_role


@dataclass(slots=True)
class Hand:
    """A clock that is set by hand."""

    ms: int = 1_790_000_000_000

    def now(self) -> Ms:
        return Ms(self.ms)


def world_at(clock: Hand) -> World:
    return World(clock=clock, options=SandboxOptions())


def test_ids_rise_and_show_the_played_time() -> None:
    clock = Hand()
    world = world_at(clock)
    first = [world.next_id() for _ in range(5_000)]
    assert first == sorted(set(first))
    assert snowflake_ms(first[-1]) == clock.ms
    clock.ms += 90_000
    message_id = world.next_id()
    assert snowflake_ms(message_id) == clock.ms
    clock.ms -= 90_000
    assert world.next_id() == message_id + 1


@pytest.mark.parametrize("shards", [2, 3, 7, 16])
def test_guilds_spread_evenly_over_shards(shards: int) -> None:
    world = world_at(Hand())
    counts = [0] * shards
    for n in range(shards * 3):
        counts[(world.add_guild(f"guild {n}").id >> 22) % shards] += 1
    assert counts == [3] * shards


async def test_the_token_names_the_application(sandbox: Sandbox) -> None:
    head = sandbox.token.split(".")[0]
    assert int(base64.b64decode(head + "=" * (-len(head) % 4))) == sandbox.world.application_id
    assert len(sandbox.token.split(".")) == 3


def test_overwrites_go_from_everyone_over_roles_to_the_member(town: Town) -> None:
    send = Permission.SEND_MESSAGES
    assert in_channel(town.guild, town.minsu, town.text) & send
    town.world.set_overwrite(town.text, Overwrite(id=town.guild.id, deny=send))
    assert not in_channel(town.guild, town.minsu, town.text) & send
    town.world.set_overwrite(town.text, Overwrite(id=town.role.id, allow=send))
    assert in_channel(town.guild, town.minsu, town.text) & send
    assert not in_channel(town.guild, town.ann, town.text) & send
    town.world.set_overwrite(town.text, Overwrite(id=town.minsu.id, member=True, deny=send))
    assert not in_channel(town.guild, town.minsu, town.text) & send


def test_who_cannot_see_a_channel_can_do_nothing_there_and_a_thread_follows_it(town: Town) -> None:
    thread = town.world.add_thread(town.text, "thread")
    town.world.set_overwrite(town.text, Overwrite(id=town.guild.id, deny=Permission.VIEW_CHANNEL))
    assert in_channel(town.guild, town.minsu, thread) == 0
    owner = town.guild.members[town.guild.owner_id]
    assert in_channel(town.guild, owner, thread) & Permission.SEND_MESSAGES


def test_an_administrator_holds_everything_and_a_timed_out_member_only_reads(town: Town) -> None:
    town.world.time_out(town.minsu, 2_000_000_000_000)
    assert in_guild(town.guild, town.minsu) == Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
    town.world.edit_role(town.role, permissions=Permission.ADMINISTRATOR)
    assert in_guild(town.guild, town.minsu) & Permission.BAN_MEMBERS


def test_of_two_roles_in_the_same_place_the_older_stands_higher(town: Town) -> None:
    older = town.world.add_role(town.guild, "older", position=5)
    younger = town.world.add_role(town.guild, "younger", position=5)
    town.world.set_roles(town.minsu, [younger])
    town.world.set_roles(town.ann, [older])
    assert top_role(town.guild, town.ann) is older
    assert outranks(town.guild, town.ann, town.minsu)
    assert not outranks(town.guild, town.minsu, town.ann)
    assert not outranks_role(town.guild, town.minsu, younger)


def test_a_new_role_comes_below_the_bots(town: Town) -> None:
    assert outranks_role(town.guild, town.world.me(town.guild), town.world.add_role(town.guild, "new"))


def test_nobody_can_connect_to_a_text_channel_or_leave_twice(town: Town) -> None:
    with pytest.raises(ValueError, match="no voice channel"):
        town.world.join_voice(town.minsu, town.text)
    town.world.join_voice(town.minsu, town.voice)
    town.world.leave_voice(town.minsu)
    with pytest.raises(ValueError, match="not connected"):
        town.world.leave_voice(town.minsu)


def test_a_stage_suppresses_who_joins(town: Town) -> None:
    stage = town.world.add_channel(town.guild, "stage", kind="stage")
    town.world.join_voice(town.minsu, stage)
    assert town.minsu.voice is not None
    assert town.minsu.voice.suppress


def test_a_deleted_role_is_taken_from_its_holders(town: Town) -> None:
    town.world.delete_role(town.role)
    assert town.minsu.roles == []
    assert in_guild(town.guild, town.minsu)
