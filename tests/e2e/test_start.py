"""The real process says what it finds at a start, what it brings in line, and who left for how much EXP."""

from __future__ import annotations

import time
from pathlib import Path

import store.log
from store.engine import open_database
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.test_crashes import sandbox, start
from tests.e2e.town import Town
from tests.store.test_leftovers import abandoned
from tracker.clock import PlayClock
from tracker.events.envelope import Data, Event
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import Ms, UserId, mint_event_id
from tracker.sandbox import Channel
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]


def fact(town: Town, data: Data, user: int | None = None) -> Event:
    """Something that happened an hour ago."""
    at = Ms(time.time_ns() // 1_000_000 - 3_600_000)
    who = None if user is None else UserId(user)
    return Event(id=mint_event_id(at), guild_id=town.guild_id, user_id=who, occurred_at=at, data=data)


def said(bot: BotProcess, start_of: str) -> str:
    """The rest of the next log line that has `guild …: <start_of>` in it."""
    return start_of + bot.wait_for(f": {start_of}").partition(f": {start_of}")[2]


def prepared(url: str, town: Town, channel: int) -> int:
    """A log in which eight of the twelve members have earned a tier; gives the tier's role."""
    tier = town.thread.call(town.world.add_role, town.guild, "Bronze")
    document = {
        "locale": "ko",
        "log_channel_id": str(channel),
        "tiers": {"list": [{"name": "Bronze", "role_id": str(tier.id), "min_level": 1}]},
        "nickname": {"template": "[{tier}] {name}", "enabled": True},
    }
    facts = [fact(town, SettingsChanged(settings=document))]
    facts += [fact(town, ExpAdjusted(amount=150, reason="", by=UserId(1)), m.id) for m in town.members[:8]]
    database = open_database(url)
    store.log.append(database, facts, recorded_at=facts[0].occurred_at)
    database.close()
    return tier.id


def summaries(town: Town, channel: Channel, count: int) -> list[list[str]]:
    """What the summaries in the channel say of members, voice and roles, once there are so many."""
    until = time.monotonic() + PATIENCE_S
    while len(found := [m.embeds[0] for m in town.thread.call(town.world.messages, channel) if m.embeds]) < count:
        assert time.monotonic() < until
        time.sleep(0.05)
    return [[field["value"] for field in embed["fields"]][:3] for embed in found]


def test_a_start_is_told_line_by_line_and_so_is_what_was_changed_by_hand_meanwhile(
    tmp_path: Path, sandbox: SandboxThread
) -> None:
    url, town = f"sqlite:///{tmp_path / 'tracker.db'}", Town(sandbox, seed=2)
    world = town.world
    channel = sandbox.call(world.add_channel, town.guild, "출석-로그", kind="text")
    tier = prepared(url, town, channel.id)
    sandbox.call(world.join_voice, town.members[0], town.rooms[1])
    with start(url, sandbox) as bot:
        assert bot.wait_for(" ready; guilds known: 1")
        assert said(bot, "voice: ") == "voice: 0 sessions taken over, 1 begun, 0 closed"
        assert said(bot, "13 members known") == "13 members known, 13 new, 0 gone"
        assert said(bot, "tier roles") == "tier roles and nicknames: 8 to change, 0 already right"
        outcome = "tier roles and nicknames: changed 8, already right 0, failed 0, blocked 0"
        assert said(bot, "tier roles and nicknames: changed") == outcome
        assert summaries(town, channel, 1)[0] == [
            "13명",
            "이어서 집계 0건 · 새로 시작 1건 · 종료 0건",
            "변경 8명 · 이미 맞음 0명",
        ]
        assert bot.terminate() == 0, bot.log
    # Meanwhile: one loses the role, one is renamed, one is given the role, one leaves, one comes.
    world_roles = town.guild.roles
    sandbox.call(world.set_roles, town.members[1], [world_roles[town.role.id]])
    sandbox.call(world.set_nick, town.members[2], "손으로 바꾼 이름")
    sandbox.call(world.set_roles, town.members[9], [world_roles[tier]])
    sandbox.call(world.remove_member, town.members[11])
    sandbox.call(world.add_member, town.guild, "newcomer")
    sandbox.call(world.leave_voice, town.members[0])
    real = time.time_ns() // 1_000_000
    later = PlayClock(points=((real, real + 660_000), (real + 1, real + 660_001)))  # eleven minutes on
    where = {"token": sandbox.sandbox.token, "rest_url": sandbox.sandbox.rest_url}
    with BotProcess(url, environ={"TRACKER_CLOCK": later.text()}, **where) as bot:
        assert said(bot, "voice: ").startswith("voice: 0 sessions taken over, 0 begun, 1 closed (away 00:11:0")
        assert said(bot, "13 members known") == "13 members known, 1 new, 1 gone"
        assert said(bot, "tier roles") == "tier roles and nicknames: 3 to change, 6 already right"
        outcome = "tier roles and nicknames: changed 3, already right 6, failed 0, blocked 0"
        assert said(bot, "tier roles and nicknames: changed") == outcome
        assert summaries(town, channel, 2)[1] == [
            "13명 · 새로 온 멤버 1명 · 나간 멤버 1명",
            "이어서 집계 0건 · 새로 시작 0건 · 종료 1건",
            "변경 3명 · 이미 맞음 6명",
        ]
        assert bot.terminate() == 0, bot.log
    assert town.members[1].nick == "[Bronze] 회원 1"
    assert tier in town.members[1].roles
    assert town.members[2].nick == "[Bronze] 손으로 바꾼 이름"
    assert tier not in town.members[9].roles


def test_what_a_killed_rebuild_or_archiving_left_is_removed_before_anything_else(
    tmp_path: Path, sandbox: SandboxThread
) -> None:
    url = f"sqlite:///{tmp_path / 'tracker.db'}"
    database = open_database(url)
    file = abandoned(database, tmp_path / "archive")
    database.close()
    with start(url, sandbox) as bot:
        assert bot.wait_for(file.name).split(" INFO ")[1].lstrip().startswith("tracker: removed what a process")
        assert not file.exists()
        assert bot.terminate() == 0, bot.log


def test_who_leaves_is_told_with_what_was_committed(tmp_path: Path, sandbox: SandboxThread) -> None:
    url, town = f"sqlite:///{tmp_path / 'tracker.db'}", Town(sandbox, seed=2)
    document = {"voice": {"default": {"every_s": 1, "exp": 7}}}
    database = open_database(url)
    change = fact(town, SettingsChanged(settings=document))
    store.log.append(database, [change], recorded_at=change.occurred_at)
    database.close()
    member = town.members[0]
    with start(url, sandbox) as bot:
        bot.wait_for("connected: counting")
        sandbox.call(town.world.join_voice, member, town.rooms[1])
        time.sleep(1.1)
        sandbox.call(town.world.leave_voice, member)
        line = bot.wait_for("left: user ")
        assert bot.terminate() == 0, bot.log
    database = open_database(url, create=False)
    with database.read() as connection:
        ((exp, lasted),) = connection.exec_driver_sql("SELECT exp, ended_at - started_at FROM sessions").all()
    database.close()
    assert exp >= 7
    seconds = lasted // 1_000  # one, or more where the machine is busy
    assert line.endswith(f"left: user {member.id} after 00:00:{seconds:02} in 📝-공부방: {exp} EXP committed"), line
