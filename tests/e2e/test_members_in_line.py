"""The real process brings members in line, and does so once, whenever it is killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import store.log
from store import member_sync
from store.engine import open_database
from tests.e2e.bot import PATIENCE_S, BotProcess
from tests.e2e.test_crashes import sandbox, start
from tests.e2e.town import Town, check
from tracker.events.envelope import Data, Event
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.ids import Ms, UserId, mint_event_id
from tracker.sandbox.thread import SandboxThread

__all__ = ["sandbox"]

MEMBER = "PATCH /guilds/{guild}/members/{user}"
STEPS = ["before a nickname is meant", "before the call", "before the call is noted"]


def until(condition: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.02)


class Ladder:
    """A town in whose log it stands that half of the members have earned Bronze, and the others Silver."""

    def __init__(self, url: str, thread: SandboxThread) -> None:
        self.url = url
        self.town = Town(thread, seed=3, members=6)
        call, world = thread.call, self.town.world
        self.roles = {name: call(world.add_role, self.town.guild, name) for name in ("Bronze", "Silver")}
        document = {
            "levels": {"kind": "linear", "exp_per_level": 100},
            "tiers": {
                "list": [
                    {"name": name, "role_id": str(role.id), "min_level": level}
                    for level, (name, role) in enumerate(self.roles.items(), 1)
                ]
            },
            "nickname": {"template": "[{tier}] {name}", "enabled": True},
        }
        facts = [self.fact(SettingsChanged(settings=document), None)]
        for number, member in enumerate(self.town.members):
            facts.append(self.fact(ExpAdjusted(amount=100 + 100 * (number % 2), reason="", by=UserId(1)), member.id))
        database = open_database(url)
        store.log.append(database, facts, recorded_at=Ms(facts[0].occurred_at))
        database.close()

    def fact(self, data: Data, user: int | None) -> Event:
        at = Ms(time.time_ns() // 1_000_000 - 3_600_000)
        who = None if user is None else UserId(user)
        return Event(id=mint_event_id(at), guild_id=self.town.guild_id, user_id=who, occurred_at=at, data=data)

    def report(self) -> list[tuple[set[str], str | None]]:
        """Each member's roles and nickname, as the world has them."""
        roles = self.town.guild.roles
        return [({roles[role].name for role in member.roles}, member.nick) for member in self.town.members]

    @property
    def wanted(self) -> list[tuple[set[str], str | None]]:
        tiers = ["Silver" if number % 2 else "Bronze" for number in range(6)]
        return [({"스터디원", tier}, f"[{tier}] 회원 {number}") for number, tier in enumerate(tiers)]

    def noted(self) -> dict[member_sync.State, int]:
        database = open_database(self.url, create=False)
        try:
            return member_sync.counts(database)
        finally:
            database.close()


def killed_at(step: str, ladder: Ladder, sandbox: SandboxThread) -> None:
    """One process that comes as far as the step for the third member."""
    if step == "before the call":
        faults = sandbox.sandbox.faults
        third = f"/members/{ladder.town.members[2].id}$"
        hold = sandbox.call(lambda: faults.drop_rest(third, method="PATCH", times=None, after_processing=False))
        with start(ladder.url, sandbox) as bot:
            until(lambda: hold.hits > 0)
            bot.kill()
        sandbox.call(faults.clear)
        return
    point = {"before a nickname is meant": "meaning:3", "before the call is noted": "noting:3"}[step]
    with start(ladder.url, sandbox, kill_at=point) as bot:
        assert bot.wait() == -signal.SIGKILL


def finish(bot: BotProcess, ladder: Ladder) -> None:
    bot.wait_for("connected: counting")
    until(lambda: ladder.noted() == {"sent": 6})
    assert bot.terminate() == 0, bot.log


def test_a_second_process_finds_everything_right_and_calls_nobody(tmp_path: Path, sandbox: SandboxThread) -> None:
    ladder = Ladder(f"sqlite:///{tmp_path / 'tracker.db'}", sandbox)
    for _ in range(2):
        with start(ladder.url, sandbox) as bot:
            finish(bot, ladder)
        assert ladder.report() == ladder.wanted
        assert sandbox.sandbox.calls[MEMBER, 200] == 6


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_any_step_leaves_the_rest_to_the_next(
    tmp_path: Path, sandbox: SandboxThread, step: str
) -> None:
    ladder = Ladder(f"sqlite:///{tmp_path / 'tracker.db'}", sandbox)
    killed_at(step, ladder, sandbox)
    with start(ladder.url, sandbox) as again:
        finish(again, ladder)
    assert ladder.report() == ladder.wanted
    assert sandbox.sandbox.calls[MEMBER, 200] == 6
    database = open_database(ladder.url, create=False)
    check(database)
    found = member_sync.desired(database, ladder.town.guild_id)
    assert [found[UserId(m.id)].original_nick for m in ladder.town.members] == [None] * 6
    database.close()


def test_a_process_that_waits_for_a_limit_stops_when_told_and_the_next_goes_on(
    tmp_path: Path, sandbox: SandboxThread
) -> None:
    ladder = Ladder(f"sqlite:///{tmp_path / 'tracker.db'}", sandbox)
    faults = sandbox.sandbox.faults
    limit = sandbox.call(lambda: faults.fail_rest(429, "/members/", method="PATCH", retry_after=120.0, scope="shared"))
    with start(ladder.url, sandbox) as bot:
        until(lambda: limit.hits == 1)
        assert bot.terminate() == 0, bot.log
        assert not [line for line in bot.log if "Traceback" in line]
    with start(ladder.url, sandbox) as again:
        finish(again, ladder)
    assert ladder.report() == ladder.wanted
