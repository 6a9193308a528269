"""Who holds what in the sandbox, against what follows from the figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import member_sync
from store.engine import Database
from tracker.clock import PlayClock
from tracker.demo import ledger
from tracker.demo.cast import MUSIC_BOT, PEOPLE
from tracker.demo.holding import Holding, holdings, patches
from tracker.demo.script import write_script
from tracker.demo.stage import TIERS, Stage, set_stage
from tracker.demo.timetable import START
from tracker.ids import GuildId
from tracker.sandbox.model import Member
from tracker.sandbox.server import Sandbox

MEMBER = "/guilds/{guild}/members/{user}"


@pytest.fixture
def stage() -> Stage:
    return set_stage(Sandbox(clock=PlayClock(points=((0, START), (1, START + 1)))))


@pytest.fixture
def database(stage: Stage, tmp_path: Path) -> Iterator[Database]:
    """The day before has been counted; the bot has not started."""
    with ledger.opened_new(f"sqlite:///{tmp_path / 'demo.db'}", stage, write_script(2)) as opened:
        yield opened


def _risen(database: Database, stage: Stage) -> dict[int, str]:
    """Who has reached a tier the day before, and that tier's name."""
    noted = member_sync.desired(database, GuildId(stage.guild.id)).values()
    tiers = {stage.roles[name].id: name for name in TIERS}
    return {s.user_id: tiers[s.tier_roles[0]] for s in noted if s.tier_roles}


def _bring_in_line(database: Database, stage: Stage) -> list[Member]:
    """What the bot would do."""
    risen = _risen(database, stage)
    for user, tier in risen.items():
        member = stage.guild.members[user]
        member.roles.append(stage.roles[tier].id)
        member.nick = f"[{tier}] {member.user.global_name}"
    return [stage.guild.members[user] for user in risen]


def _wrong(database: Database, stage: Stage) -> list[Holding]:
    return [line for line in holdings(database, stage) if line.problem]


def test_the_day_before_has_brought_some_into_a_tier_and_is_announced_to_nobody(
    database: Database, stage: Stage
) -> None:
    assert 0 < len(_risen(database, stage)) < len(PEOPLE) / 2
    assert ledger.owed(database) == member_sync.counts(database)["pending"]


def test_before_the_bot_everybody_who_should_hold_something_lacks_it(database: Database, stage: Stage) -> None:
    wrong = _wrong(database, stage)
    names = {stage.guild.members[user].user.global_name for user in _risen(database, stage)}
    assert {line.name for line in wrong} == names
    assert all("no tier role" in (line.problem or "") for line in wrong)


def test_roles_and_nicknames_that_follow_from_the_figures_are_no_problem(database: Database, stage: Stage) -> None:
    members = _bring_in_line(database, stage)
    assert _wrong(database, stage) == []
    shown = [line.nick for line in holdings(database, stage) if line.held]
    assert sorted(map(str, shown)) == sorted(str(member.nick) for member in members)


def test_a_nickname_that_does_not_follow_is_named(database: Database, stage: Stage) -> None:
    member = _bring_in_line(database, stage)[0]
    due, member.nick = member.nick, "someone else"
    [line] = _wrong(database, stage)
    assert line.problem == f"{line.name} has the nickname someone else, by the figures it should be {due}"


def test_a_tier_role_that_nobody_earned_is_named_also_on_the_other_bot(database: Database, stage: Stage) -> None:
    _bring_in_line(database, stage)
    stage.people[MUSIC_BOT.username].roles.append(stage.roles[TIERS[2]].id)
    [line] = _wrong(database, stage)
    assert line.problem == f"DJ봇 holds {TIERS[2]}, by the figures it should be no tier role"


def test_a_nickname_that_nobody_may_change_is_no_problem_and_its_reason_is_short(
    database: Database, stage: Stage
) -> None:
    first = _bring_in_line(database, stage)[0]
    first.nick = None
    [sync] = [s for s in member_sync.due(database, START) if s.user_id == first.id]
    member_sync.mark_blocked(database, sync, "They stand above. The roles are right.", managed=False, set_nick=None)
    assert _wrong(database, stage) == []
    assert [line.block for line in holdings(database, stage) if line.block] == ["They stand above"]


def test_changes_are_counted_by_whether_discord_took_them(stage: Stage) -> None:
    calls = stage.sandbox.calls
    calls[f"PATCH {MEMBER}", 200] += 5
    calls[f"PATCH {MEMBER}", 403] += 1
    calls[f"PATCH {MEMBER}", 429] += 2
    calls[f"GET {MEMBER}", 200] += 7
    assert patches(stage) == (5, 3)
