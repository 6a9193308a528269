"""A lively guild in a sandbox, for tests that start, kill and restart the real bot against it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import store.log
import store.rebuild
import store.state
from store.engine import Database
from tracker.events.message import MessageSent
from tracker.ids import GuildId, partition_of
from tracker.projections.state import PartitionState
from tracker.sandbox.model import Member
from tracker.sandbox.thread import SandboxThread


class Town:
    """A guild with members, voice channels and a chat; `stir` lets one of them do something."""

    def __init__(self, thread: SandboxThread, seed: int, members: int = 12) -> None:
        self.thread = thread
        self.world = thread.sandbox.world
        self.dice = random.Random(seed)
        call = thread.call
        self.guild = call(self.world.add_guild, "모여서 공부")
        self.role = call(self.world.add_role, self.guild, "스터디원")
        self.rooms = [
            call(self.world.add_channel, self.guild, n, kind="voice") for n in ("🎙️대화", "📝-공부방", "대기실")
        ]
        self.chat = call(self.world.add_channel, self.guild, "잡담", kind="text")
        self.members = [
            call(self.world.add_member, self.guild, f"회원 {n}", roles=(self.role,)) for n in range(members)
        ]

    @property
    def guild_id(self) -> GuildId:
        return GuildId(self.guild.id)

    def stir(self) -> None:
        """One random change by one random member."""
        member, world, dice = self.dice.choice(self.members), self.world, self.dice
        there = self.where(member)
        acts: list[Callable[[], Any]] = [lambda: world.send_message(member, self.chat, "안녕")]
        if there is None:
            acts += [lambda: world.join_voice(member, dice.choice(self.rooms))] * 3
        else:
            acts += [lambda: world.leave_voice(member), lambda: world.switch_device(member)]
            acts += [lambda: world.set_voice_flags(member, self_mute=dice.random() < 0.5)]
            acts += [lambda: world.move_voice(member, dice.choice([r for r in self.rooms if r.id != there]))]
        self.thread.call(dice.choice(acts))

    def where(self, member: Member) -> int | None:
        """The voice channel the member is in, by the world's own truth."""
        return None if member.voice is None else member.voice.channel_id

    def in_voice(self) -> dict[int, int]:
        """user id → voice channel, by the world's own truth."""
        return {m.user.id: there for m in self.members if (there := self.where(m)) is not None}

    def message_ids(self) -> list[int]:
        """Every message the members wrote."""
        ours = {m.user.id for m in self.members}
        return [m.id for m in self.thread.call(self.world.messages, self.chat) if m.author.id in ours]


def folded(database: Database, guild: GuildId) -> PartitionState:
    """The state that a restart would begin with."""
    return store.state.recover(database, partition_of(guild, database.partitions))[0]


def logged_messages(database: Database) -> list[int]:
    """The messages in the log, as often as they are there."""
    return [
        int(r.event.id.removeprefix("message:"))
        for p in database.all_partitions
        for r in store.log.read(database, p)
        if isinstance(r.event.data, MessageSent)
    ]


def check(database: Database) -> None:
    """No hole, no second copy, and the live tables are what a fresh fold of the log gives."""
    store.log.check_contiguity(database)
    messages = logged_messages(database)
    assert len(messages) == len(set(messages))
    assert store.rebuild.verify(database) == []


def wait_until_gone(process: Any, seconds: float) -> bool:
    """Whether the process ended by itself in that time."""
    with suppress(Exception):
        process.wait(seconds)
    return process.poll() is not None
