"""What a start finds is said in a line each, members are brought in line, and one summary is owed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from store.member_sync import State
from tests.discord.intake import FoldIntake
from tests.discord.wire import Wire
from tracker.discord import startup
from tracker.discord.bot import Front
from tracker.discord.start_embed import StartPost, SyncFigures
from tracker.discord.startup import StartUp
from tracker.discord.texts import translate
from tracker.errors import DatabaseError
from tracker.events.envelope import Event
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, GuildId, RoleId, UserId, mint_event_id
from tracker.sandbox import Sandbox


@dataclass(frozen=True, kw_only=True)
class Member:
    """How a member should look."""

    tier_roles: tuple[RoleId, ...] = ()
    state: State = "sent"
    error: str | None = None
    managed: bool = False
    set_nick: str | None = None


@dataclass
class Office:
    """Members who are desired something, and summaries that are owed. `outcome`: what becomes of the pending ones.

    `broken`: how many of the next calls raise. `slow`: while set, pending ones stay so.
    """

    rows: dict[UserId, Member] = field(default_factory=dict)
    owed: dict[str, tuple[ChannelId, StartPost]] = field(default_factory=dict)
    outcome: dict[UserId, State] = field(default_factory=dict)
    broken: int = 0
    slow: bool = False
    asked: int = 0

    async def desired(self, guild: GuildId) -> Mapping[UserId, Member]:
        if self.broken:
            self.broken -= 1
            raise DatabaseError("database tracker.db is locked")
        return dict(self.rows)

    async def make_pending(self, guild: GuildId, users: Collection[UserId]) -> int:
        for user in users:
            self.rows[user] = replace(self.rows.get(user, Member()), state="pending")
        return len(users)

    async def counts(self, guild: GuildId | None = None) -> Mapping[State, int]:
        self.asked += 1
        if not self.slow:
            for user, row in self.rows.items():
                if row.state == "pending":
                    self.rows[user] = replace(row, state=self.outcome.get(user, "sent"))
        return {"pending": sum(row.state == "pending" for row in self.rows.values())}

    async def owe(self, guild: GuildId, channel: ChannelId, *, key: str, payload: str) -> bool:
        post = msgspec.json.decode(payload, type=StartPost)
        return self.owed.setdefault(key, (channel, post))[1] is post


class Rising(Wire):
    """The town, whose start is followed."""

    def __init__(self, intake: FoldIntake, sandbox: Sandbox) -> None:
        self.office = Office()
        self.startup = StartUp(intake, synced=self.office, owe=self.office.owe)
        super().__init__(intake, sandbox)
        self.tier = self.world.add_role(self.guild, "Bronze")

    def new_front(self, *, token: str | None = None, rest_url: str | None = None) -> Front:
        self.startup = StartUp(self.intake, synced=self.office, owe=self.office.owe)
        return Front(
            token=self.sandbox.token,
            intake=self.intake,
            reader=self.reader,
            startup=self.startup,
            rest_url=self.sandbox.rest_url,
            rest_retries=0,
        )

    def rules(self, **document: Any) -> None:
        """Settings of the guild."""
        now = self.intake.clock.now()
        self.intake.accept(
            Event(
                id=mint_event_id(now),
                guild_id=self.guild_id,
                occurred_at=now,
                data=SettingsChanged(settings={"log_channel_id": str(self.text.id), **document}),
            )
        )

    def tiers(self) -> None:
        tier = {"name": "Bronze", "role_id": str(self.tier.id), "min_level": 1}
        self.rules(tiers={"list": [tier]})

    async def summary(self) -> StartPost:
        """The one summary that is owed, once it is."""
        async with asyncio.timeout(300):
            while not self.office.owed:
                await asyncio.sleep(0.005)
        ((channel, post),) = self.office.owed.values()
        assert channel == self.text.id
        return post

    def want(self, user: Any, *, tier: bool, state: State = "sent") -> None:
        roles = (RoleId(self.tier.id),) if tier else ()
        self.office.rows[UserId(user.id)] = Member(tier_roles=roles, state=state)


@pytest.fixture
async def wire(intake: FoldIntake, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger="tracker.start")
    rising = Rising(intake, sandbox)
    yield rising
    await rising.front.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said, without which guild it was about."""
    return [r.getMessage().partition(": ")[2] for r in caplog.records if r.getMessage().startswith("guild ")]


async def test_a_first_start_is_told_in_a_line_each_and_in_one_summary(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    wire.rules()
    wire.world.join_voice(wire.ana, wire.talk)
    await wire.start()
    post = await wire.summary()
    known = len(list(wire.intake.sight.members(wire.guild_id)))
    assert lines(caplog) == [
        "voice: 0 sessions taken over, 1 begun, 0 closed",
        f"{known} members known, {known} new, 0 gone",
        "tier roles and nicknames: none are set up",
    ]
    assert "slash commands: 1 synchronised" in caplog.messages
    assert post == StartPost(
        at=wire.intake.clock.now(), away_ms=None, taken_over=0, begun=1, closed=0, known=known, new=known,
        sync_off=True, commands=1,
    )  # fmt: skip


async def test_a_restart_says_for_how_long_it_was_away_and_what_changed_meanwhile(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    wire.rules()
    leaver = wire.world.add_member(wire.guild, "leaver")
    for member in (wire.ana, leaver, wire.minjun):
        wire.world.join_voice(member, wire.talk)
    await wire.start()
    await wire.summary()
    wire.office.owed.clear()
    await wire.restart(away_ms=190_000)
    caplog.clear()
    wire.world.move_voice(wire.minjun, wire.study)
    wire.world.remove_member(leaver)
    for name in ("one", "two"):
        wire.world.add_member(wire.guild, name)
    await wire.start()
    post = await wire.summary()
    assert lines(caplog)[:2] == [
        "voice: 1 sessions taken over, 1 begun, 2 closed (away 00:03:10)",
        f"{post.known} members known, 2 new, 1 gone",
    ]
    assert (post.away_ms, post.taken_over, post.begun, post.closed) == (190_000, 1, 1, 2)
    assert (post.new, post.gone) == (2, 1)


async def test_only_those_whose_roles_are_not_right_are_changed_and_all_are_counted(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    wire.tiers()
    crowd = [wire.world.add_member(wire.guild, f"m{n}", roles=[wire.tier] if n < 4 else []) for n in range(8)]
    for number, member in enumerate(crowd):  # the tier was taken from 4 to 7 by hand, or never given
        wire.want(member, tier=number != 3)
    wire.office.outcome = {UserId(crowd[4].id): "failed", UserId(crowd[5].id): "blocked"}
    await wire.start()
    post = await wire.summary()
    assert lines(caplog)[2:] == [
        "tier roles and nicknames: 5 to change, 3 already right",
        "tier roles and nicknames: changed 3, already right 3, failed 1, blocked 1",
    ]
    assert post.sync == SyncFigures(to_change=5, unchanged=3, changed=3, failed=1, blocked=1)
    assert not post.sync_off


async def test_the_owner_whom_nobody_can_rename_is_as_right_as_can_be(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    wire.tiers()
    for member in (wire.ana, wire.minjun):
        wire.want(member, tier=True)
    owner = UserId(wire.ana.id)
    wire.office.outcome = {owner: "blocked"}
    wire.office.rows[owner] = replace(wire.office.rows[owner], error=translate("ko")("sync.block.owner"))
    await wire.start()
    assert (await wire.summary()).sync == SyncFigures(to_change=1, unchanged=1, changed=1)
    assert lines(caplog)[-1] == "tier roles and nicknames: changed 1, already right 1, failed 0, blocked 0"


async def test_progress_is_told_at_intervals_and_the_summary_does_not_wait_for_ever(
    wire: Rising, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "_FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(startup, "_LONGEST_LOOK_S", 0.001)
    monkeypatch.setattr(startup, "_BETWEEN_LINES_S", 0.0)
    wire.startup._patience_s = 0.1
    wire.tiers()
    for member in (wire.ana, wire.minjun):
        wire.want(member, tier=True)
    wire.office.slow = True
    await wire.start()
    post = await wire.summary()
    assert post.sync == SyncFigures(to_change=2, unchanged=0, left=2)
    wire.office.slow = False
    async with asyncio.timeout(300):
        while "tier roles and nicknames: changed 2, already right 0, failed 0, blocked 0" not in lines(caplog):
            await asyncio.sleep(0.005)
    assert "tier roles and nicknames: 0 of 2 done" in lines(caplog)
    assert len(wire.office.owed) == 1


async def test_commands_that_discord_does_not_take_are_not_waited_for(wire: Rising) -> None:
    wire.rules()
    wire.startup._patience_s = 0.1
    wire.sandbox.faults.fail_rest(500, "/commands", times=None)
    await wire.start()
    assert (await wire.summary()).commands is None


async def test_without_a_log_channel_there_are_lines_and_no_summary(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    await wire.start()
    await wire.front.registered()
    (tell,) = [t for t in asyncio.all_tasks() if t.get_name().startswith("tell of the start")]
    await tell
    assert wire.office.owed == {}
    assert len(lines(caplog)) == 3


async def test_a_bot_that_starts_again_and_again_posts_one_summary_in_ten_minutes(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    wire.rules()
    wire.intake.clock.ms = wire.intake.clock.ms // 600_000 * 600_000
    await wire.start()
    await wire.summary()
    for _ in range(2):
        await wire.restart(away_ms=60_000)
        caplog.clear()
        await wire.start()
        async with asyncio.timeout(300):
            while "no summary of this start: there was one a few minutes ago" not in lines(caplog):
                await asyncio.sleep(0.005)
    assert len(wire.office.owed) == 1
    await wire.restart(away_ms=600_000)
    await wire.start()
    async with asyncio.timeout(300):
        while len(wire.office.owed) < 2:
            await asyncio.sleep(0.005)


async def test_a_new_gateway_session_is_followed_too_but_makes_no_second_summary(
    wire: Rising, caplog: pytest.LogCaptureFixture
) -> None:
    wire.rules()
    await wire.start()
    await wire.summary()
    caplog.clear()
    wire.sandbox.faults.invalidate_sessions()
    async with asyncio.timeout(300):
        while len(lines(caplog)) < 3:
            await asyncio.sleep(0.005)
    assert lines(caplog)[0].startswith("voice: 0 sessions taken over, 0 begun, 0 closed (away ")
    assert lines(caplog)[1].endswith("0 new, 0 gone")
    assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("tell of the start")]


async def test_a_database_that_is_away_is_asked_again(
    wire: Rising, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "_AGAIN_S", 0.001)
    wire.tiers()
    wire.want(wire.ana, tier=True)
    wire.office.broken = 2
    await wire.start()
    post = await wire.summary()
    assert post.sync == SyncFigures(to_change=1, unchanged=0, changed=1)
    assert lines(caplog).count("tier roles and nicknames: database tracker.db is locked; trying again") == 2


async def test_a_guild_that_is_lost_is_followed_no_more(wire: Rising) -> None:
    wire.tiers()
    wire.want(wire.ana, tier=True)
    wire.office.slow = True
    await wire.start()
    async with asyncio.timeout(300):
        while not wire.office.asked:
            await asyncio.sleep(0.005)
    wire.world.set_guild_available(wire.guild, False)
    async with asyncio.timeout(300):
        while [t for t in asyncio.all_tasks() if t.get_name().startswith(("bring up", "tell of"))]:
            await asyncio.sleep(0.005)
    assert wire.office.owed == {}
