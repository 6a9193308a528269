"""The real process tells of a level once, whenever it is killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import store.log
from store.deliveries import State, count_by_state
from store.engine import open_database
from tests.e2e.bot import PATIENCE_S
from tests.e2e.test_crashes import sandbox, start
from tests.e2e.town import Town
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberJoined
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import Ms, UserId, mint_event_id
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]


def until(condition: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.02)


class Party:
    """A town in whose log it stands that three members have just earned EXP, none of which is flushed yet."""

    def __init__(self, url: str, thread: SandboxThread, mode: str) -> None:
        self.url, self.mode = url, mode
        self.town = Town(thread, seed=4, members=3)
        self.channel = thread.call(self.town.world.add_channel, self.town.guild, "축하", kind="text")
        rules = {"mode": mode, "channel_id": str(self.channel.id), "card": True}
        tiers = {"list": [{"name": "전설", "role_id": str(self.town.role.id), "min_level": 50}]}
        document = {"locale": "ko", "announcements": rules, "tiers": tiers}
        facts = [self.fact(SettingsChanged(settings=document), None)]
        for number, member in enumerate(self.town.members, 1):
            facts.append(self.fact(MemberJoined(bot=False, name=member.display_name), member.id))
            facts.append(self.fact(ExpAdjusted(amount=100 * number, reason="", by=UserId(1)), member.id))
        database = open_database(url)
        store.log.append(database, facts, recorded_at=Ms(facts[0].occurred_at))
        database.close()

    def fact(self, data: Data, user: int | None) -> Event:
        at = Ms(time.time_ns() // 1_000_000 - 1_000)
        who = None if user is None else UserId(user)
        return Event(id=mint_event_id(at), guild_id=self.town.guild_id, user_id=who, occurred_at=at, data=data)

    def told(self) -> list[tuple[str, int]]:
        """What the bot said and with how many pictures, sorted."""
        call, world = self.town.thread.call, self.town.world
        channels: list[Any] = [self.channel]
        if self.mode == "dm":
            channels = [call(world.dm_channel, member.user) for member in self.town.members]
        found = [message for channel in channels for message in call(world.messages, channel)]
        return sorted((message.content, len(message.attachments)) for message in found)

    @property
    def wanted(self) -> list[tuple[str, int]]:
        if self.mode == "dm":
            return [(f"**{self.town.guild.name}** 서버에서 레벨 {level}에 도달했습니다!", 1) for level in (1, 2, 3)]
        members = enumerate(self.town.members, 1)
        return sorted((f"<@{member.id}> 님이 레벨 {level}에 도달했습니다!", 1) for level, member in members)

    def noted(self) -> dict[State, int]:
        database = open_database(self.url, create=False)
        try:
            return count_by_state(database)
        finally:
            database.close()


@pytest.mark.parametrize(
    ("mode", "kill_at"),
    [
        ("channel", "marking:3"),
        ("dm", "marking:1"),
        *(
            pytest.param(mode, kill_at, marks=pytest.mark.slow)
            for mode, kill_at in (("channel", None), ("dm", None), ("channel", "marking:1"), ("dm", "marking:3"))
        ),
    ],
)
def test_each_level_is_told_once_even_if_the_process_dies_before_it_is_noted(
    tmp_path: Path, sandbox: SandboxThread, mode: str, kill_at: str | None
) -> None:
    party = Party(f"sqlite:///{tmp_path / 'tracker.db'}", sandbox, mode)
    if kill_at is not None:
        with start(party.url, sandbox, kill_at=kill_at) as bot:
            assert bot.wait() == -signal.SIGKILL
        assert party.noted() != {"sent": 3}
    for _ in range(2):
        with start(party.url, sandbox) as bot:
            bot.wait_for("connected: counting")
            until(lambda: party.noted() == {"sent": 3})
            assert bot.terminate() == 0, bot.log
        assert party.told() == party.wanted
