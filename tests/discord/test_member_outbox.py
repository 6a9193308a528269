"""Members come to hold what they have earned: one call each, nothing of others touched, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from store.engine import Database
from store.member_sync import MemberSync
from tests.discord.house import until
from tests.discord.synced import MEMBER, Died, SyncHouse
from tests.ingest.support import make_desk
from tracker.discord.member_plan import RolePlan, plan_roles
from tracker.errors import DatabaseError
from tracker.events.member import MemberOptedOut
from tracker.ids import UserId
from tracker.sandbox import Permission, Sandbox, SandboxOptions
from tracker.sandbox.faults import Scope
from tracker.sandbox.rest import members

NICKNAMES = {"template": "[{tier}] {name}", "enabled": True}
SCOPES: tuple[Scope, ...] = ("user", "shared", "global")
FAST = {MEMBER: (40, 1.0), "GET /gateway/bot": (50, 1.0)}


@pytest.fixture
async def house(sqlite: Database) -> AsyncIterator[SyncHouse]:
    desk = make_desk(sqlite, commit_ms=0)
    async with Sandbox(SandboxOptions(rate_limits=True, route_limits=FAST), clock=desk.clock) as sandbox:
        house = SyncHouse(desk, sandbox)
        yield house
        await house.outbox.close()
        await house.front.close()
        await house.desk.ingest.close(5)


async def test_a_tier_role_comes_with_one_call_and_nothing_else_is_touched(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 150)
    await house.bring()
    assert house.names(house.ana) == {"스터디", "Bronze"}
    assert await house.state(house.ana) == ("sent", None)
    assert [(p.status, p.reason) for p in house.patches] == [(200, "Activity tracker: level 1")]
    await house.bring()
    assert (len(house.patches), house.looks) == (1, 0)


async def test_rising_and_falling_changes_tier_roles_and_no_others(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 250)
    await house.bring()
    assert house.names(house.ana) == {"스터디", "Silver"}
    house.world.give_role(house.ana, house.other)
    await house.heard()
    house.give(house.ana, -100)
    await house.bring()
    assert house.names(house.ana) == {"스터디", "other", "Bronze"}
    house.give(house.ana, -100)
    await house.bring()
    assert house.names(house.ana) == {"스터디", "other"}
    assert len(house.patches) == 3


async def test_who_looks_right_already_is_noted_without_a_call(house: SyncHouse) -> None:
    await house.open()
    house.world.give_role(house.ana, house.bronze)
    await house.heard()
    house.give(house.ana, 100)
    await house.bring()
    assert (await house.state(house.ana), house.patches) == (("sent", None), [])


async def test_who_is_gone_costs_no_call_and_is_served_when_they_come_back(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 100)
    house.world.remove_member(house.ana)
    await until(lambda: house.desk.ingest.sight.member(house.guild_id, UserId(house.ana.id)) is None)
    await house.bring()
    assert house.patches == []
    back = house.world.add_member(house.guild, "ana", user=house.ana.user)
    await until(lambda: house.desk.ingest.sight.member(house.guild_id, UserId(back.id)) is not None)
    await house.bring()
    assert house.names(back) == {"Bronze"}


async def test_who_leaves_unheard_is_dropped(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 100)
    house.sandbox.faults.pause_gateway()
    house.world.remove_member(house.ana)
    await house.flush()
    await house.outbox.deliver()
    await house.outbox.done()
    assert [p.code for p in house.patches] == [10007]
    assert await house.state(house.ana) == ("sent", None)
    house.sandbox.faults.resume_gateway()


# -- nicknames -------------------------------------------------------------------------------------------------------


async def test_role_and_nickname_come_in_one_call_and_the_prefix_never_doubles(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    for member in (house.ana, house.minjun):
        house.give(member, 100)
    await house.bring()
    assert (house.ana.nick, house.minjun.nick) == ("[Bronze] Ana", "[Bronze] 민준")
    assert (house.names(house.minjun), len(house.patches)) == ({"Bronze"}, 2)
    for member in (house.ana, house.minjun):
        house.give(member, 100)
    await house.bring()
    assert (house.ana.nick, house.minjun.nick) == ("[Silver] Ana", "[Silver] 민준")
    assert len(house.patches) == 4


async def test_switched_off_everybody_is_called_as_before(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    for member in (house.ana, house.minjun):
        house.give(member, 100)
    await house.bring()
    house.change(nickname={**NICKNAMES, "enabled": False})
    await house.bring()
    assert (house.ana.nick, house.minjun.nick) == (None, "민준")
    house.change(nickname=NICKNAMES)
    await house.bring()
    assert (house.ana.nick, house.minjun.nick) == ("[Bronze] Ana", "[Bronze] 민준")


async def test_a_name_that_members_choose_is_their_original_from_then_on(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.give(house.minjun, 100)
    await house.bring()
    house.world.set_nick(house.minjun, "민준이")
    await house.heard()
    await house.bring()
    assert house.minjun.nick == "[Bronze] 민준이"
    house.change(nickname={**NICKNAMES, "enabled": False})
    await house.bring()
    assert house.minjun.nick == "민준이"


async def test_another_bot_that_changes_a_nickname_back_each_time_has_its_way_in_the_end(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.give(house.minjun, 100)
    await house.bring()
    for _ in range(8):
        house.world.set_nick(house.minjun, "민준 ⭐")
        await house.heard()
        await house.bring()
    assert house.minjun.nick == "민준 ⭐"
    assert len(house.patches) == 1 + 5
    state, reason = await house.state(house.minjun)
    assert state == "blocked"
    assert "keeps changing this nickname back" in str(reason)
    house.later(3_600_000)
    house.give(house.minjun, 100)
    await house.bring()
    assert (house.minjun.nick, house.names(house.minjun)) == ("[Silver] 민준 ⭐", {"Silver"})


async def test_a_name_that_is_not_ours_is_left_when_nicknames_are_switched_off(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.give(house.minjun, 100)
    await house.bring()
    house.change(nickname={**NICKNAMES, "enabled": False})
    house.world.set_nick(house.minjun, "chosen")
    await house.heard()
    await house.bring()
    assert house.minjun.nick == "chosen"


async def test_without_a_tier_nobody_is_renamed_or_even_looked_at(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.give(house.minjun, 50)
    await house.bring()
    assert (house.minjun.nick, house.looks, house.patches) == ("민준", 0, [])
    house.give(house.minjun, 50)
    await house.bring()
    house.give(house.minjun, -50)
    await house.bring()
    assert (house.minjun.nick, house.names(house.minjun)) == ("민준", set())


async def test_a_nickname_of_ours_that_nobody_remembers_gets_no_second_prefix(house: SyncHouse) -> None:
    house.ana.nick = "[Bronze] Ana"
    await house.open(nickname=NICKNAMES)
    house.give(house.ana, 100)
    await house.bring()
    house.give(house.ana, 100)
    await house.bring()
    assert house.ana.nick == "[Silver] Ana"


async def test_a_nickname_that_discord_tidies_is_ours_all_the_same(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = members._CHECKS["nick"]
    tidied = lambda *about: taken(*about).replace("\u200b", "")  # noqa: E731
    monkeypatch.setitem(members._CHECKS, "nick", tidied)
    await house.open(nickname={**NICKNAMES, "template": "[\u200b{tier}] {name}"})
    house.give(house.minjun, 100)
    await house.bring()
    assert house.minjun.nick == "[Bronze] 민준"
    await house.bring()
    assert len(house.patches) == 1
    house.give(house.minjun, 100)
    await house.bring()
    assert (house.minjun.nick, len(house.patches)) == ("[Silver] 민준", 2)


# -- who and what is out of reach ------------------------------------------------------------------------------------


async def test_the_owner_gets_the_role_and_keeps_the_name_without_a_call_for_it(house: SyncHouse) -> None:
    owner = house.guild.members[house.guild.owner_id]
    await house.open(nickname=NICKNAMES)
    house.give(owner, 100)
    await house.bring()
    assert (owner.nick, house.names(owner), house.looks) == (None, {"Bronze"}, 0)
    state, reason = await house.state(owner)
    assert state == "blocked"
    assert reason is not None
    assert "owner" in reason
    assert [p.status for p in house.patches] == [200]


async def test_a_higher_member_keeps_the_name_until_the_bot_stands_above(house: SyncHouse) -> None:
    high = house.world.add_role(house.guild, "high", position=20)
    house.world.give_role(house.ana, high)
    await house.open(nickname=NICKNAMES)
    house.give(house.ana, 100)
    await house.bring()
    assert (house.ana.nick, house.names(house.ana)) == (None, {"스터디", "high", "Bronze"})
    assert (await house.state(house.ana))[0] == "blocked"
    house.world.edit_role(house.mine, position=30)
    await until(lambda: not house.front.hierarchy.above_bot(house.guild_id, high.id))  # type: ignore[arg-type]
    await house.bring()
    assert (house.ana.nick, await house.state(house.ana)) == ("[Bronze] Ana", ("sent", None))
    assert [p.status for p in house.patches] == [200, 200]


async def test_a_member_who_is_higher_no_more_gets_the_name(house: SyncHouse) -> None:
    high = house.world.add_role(house.guild, "high", position=20)
    house.world.give_role(house.ana, high)
    await house.open(nickname=NICKNAMES)
    house.give(house.ana, 100)
    await house.bring()
    house.world.take_role(house.ana, high)
    await house.heard()
    await house.rounds()
    assert (house.ana.nick, await house.state(house.ana)) == ("[Bronze] Ana", ("sent", None))
    house.world.give_role(house.ana, high)
    await house.heard()
    await house.rounds()
    assert house.ana.nick == "[Bronze] Ana"


@pytest.mark.parametrize(
    ("permission", "word"),
    [(Permission.MANAGE_ROLES, "Manage Roles"), (Permission.MANAGE_NICKNAMES, "Manage Nicknames")],
)
async def test_a_permission_that_was_taken_blocks_and_given_back_lets_through(
    house: SyncHouse, permission: Permission, word: str
) -> None:
    await house.open(nickname=NICKNAMES)
    before = house.mine.permissions
    house.world.edit_role(house.mine, permissions=before & ~permission)
    await until(lambda: not house.front.hierarchy.bot_permissions(house.guild_id) & permission)
    house.give(house.ana, 100)
    await house.bring()
    state, reason = await house.state(house.ana)
    assert (state, house.ana.nick, word in (reason or "")) == ("blocked", None, True)
    assert all(p.status == 200 for p in house.patches)
    house.world.edit_role(house.mine, permissions=before)
    await until(lambda: bool(house.front.hierarchy.bot_permissions(house.guild_id) & permission))
    await house.bring()
    assert (house.ana.nick, house.names(house.ana)) == ("[Bronze] Ana", {"스터디", "Bronze"})
    assert all(p.status == 200 for p in house.patches)


async def test_a_tier_role_above_the_bots_own_is_not_even_tried(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.world.edit_role(house.silver, position=40)
    await until(lambda: house.front.hierarchy.above_bot(house.guild_id, house.silver.id))  # type: ignore[arg-type]
    house.give(house.ana, 100)
    house.give(house.minjun, 200)
    await house.bring()
    assert (house.names(house.ana), house.names(house.minjun)) == ({"스터디", "Bronze"}, set())
    state, reason = await house.state(house.minjun)
    assert state == "blocked"
    assert reason is not None
    assert "Silver" in reason
    assert len(house.patches) == 1
    house.world.edit_role(house.mine, position=41)
    await until(lambda: not house.front.hierarchy.above_bot(house.guild_id, house.silver.id))  # type: ignore[arg-type]
    await house.bring()
    assert house.names(house.minjun) == {"Silver"}


async def test_a_tier_role_that_was_deleted_blocks_until_the_tier_has_another(house: SyncHouse) -> None:
    await house.open(locale="ko")
    house.world.delete_role(house.silver)
    await until(lambda: house.front.hierarchy.role(house.guild_id, house.silver.id) is None)  # type: ignore[arg-type]
    house.give(house.ana, 200)
    await house.bring()
    state, reason = await house.state(house.ana)
    assert (state, str(house.silver.id) in (reason or ""), "삭제" in (reason or "")) == ("blocked", True, True)
    assert house.patches == []
    house.change(tiers={"list": [house.tier("Silver", house.other, 2)]})
    await house.bring()
    assert house.names(house.ana) == {"스터디", "other"}


async def test_a_role_of_an_integration_cannot_be_a_tiers(house: SyncHouse) -> None:
    boost = house.world.add_role(house.guild, "boost", managed=True)
    await house.open(tiers={"list": [house.tier("Boost", boost, 1)]})
    house.give(house.ana, 100)
    await house.bring()
    assert (await house.state(house.ana))[0] == "blocked"
    assert house.patches == []


async def test_a_role_taken_out_of_the_tiers_is_not_touched_any_more(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 100)
    await house.bring()
    house.change(tiers={"list": [house.tier("Silver", house.silver, 1)]})
    await house.bring()
    assert house.names(house.ana) == {"스터디", "Bronze", "Silver"}


# -- trouble ---------------------------------------------------------------------------------------------------------


async def test_trouble_is_tried_again_after_growing_pauses(house: SyncHouse) -> None:
    await house.open()
    fault = house.sandbox.faults.fail_rest(503, "/members/", times=None, method="PATCH")
    house.give(house.ana, 100)
    await house.bring()
    for pause in (5_000, 10_000, 20_000):
        assert await house.state(house.ana) == ("failed", "HTTP 503")
        hits = fault.hits
        house.later(pause - 1)
        await house.rounds()
        assert fault.hits == hits
        house.later(1)
        await house.rounds()
        assert fault.hits == hits + 1
    house.sandbox.faults.clear()
    house.later(40_000)
    await house.rounds()
    assert (house.names(house.ana), await house.state(house.ana)) == ({"스터디", "Bronze"}, ("sent", None))


async def test_an_answer_that_was_lost_costs_no_second_call(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.sandbox.faults.drop_rest("/members/", method="PATCH")
    house.give(house.ana, 100)
    await house.bring()
    assert (await house.state(house.ana))[0] == "failed"
    house.later(5_000)
    await house.rounds()
    assert await house.state(house.ana) == ("sent", None)
    assert (house.ana.nick, len(house.patches)) == ("[Bronze] Ana", 1)


async def test_a_refusal_that_nobody_could_foresee_blocks_after_one_look(house: SyncHouse) -> None:
    await house.open()
    house.sandbox.faults.fail_rest(403, "/members/", times=None, method="PATCH")
    house.give(house.ana, 100)
    await house.bring()
    state, reason = await house.state(house.ana)
    assert (state, "HTTP 403" in (reason or "")) == ("blocked", True)
    assert (len(house.patches), house.looks) == (1, 1)
    house.later(86_400_000)
    await house.rounds()
    assert len(house.patches) == 1


async def test_a_role_that_came_unheard_and_cannot_be_taken_is_kept(house: SyncHouse) -> None:
    boost = house.world.add_role(house.guild, "boost", managed=True)
    await house.open()
    house.sandbox.faults.pause_gateway()
    house.world.give_role(house.ana, boost)
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await house.outbox.done()
    house.sandbox.faults.resume_gateway()
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "boost", "Bronze"}
    assert await house.state(house.ana) == ("sent", None)


async def test_the_round_ends_with_the_database_and_nothing_is_lost(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.open()

    async def away(*_: Any, **__: Any) -> None:
        raise DatabaseError("away")

    for member in (house.ana, house.minjun):
        house.give(member, 100)
    await house.flush()
    with monkeypatch.context() as broken:
        broken.setattr(house.members, "mark_sent", away)
        await house.outbox.deliver()
        await house.outbox.done()
        assert len(house.patches) == 1
    await house.heard()
    await house.rounds()
    assert (house.names(house.ana), house.names(house.minjun)) == ({"스터디", "Bronze"}, {"Bronze"})
    assert len(house.patches) == 2


async def test_a_guild_that_is_not_seen_waits_until_it_is(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 100)
    house.world.set_guild_available(house.guild, False)
    await until(lambda: not house.front.hierarchy.knows(house.guild_id))
    await house.bring()
    assert house.patches == []
    house.world.set_guild_available(house.guild, True)
    await house.seen()
    house.later(60_000)
    await house.bring()
    assert house.names(house.ana) == {"스터디", "Bronze"}


async def test_a_guild_that_is_held_up_holds_up_no_other(house: SyncHouse) -> None:
    await house.open()
    house.give(house.minjun, 100)
    await house.bring()  # hikari sends nothing beside the first call of a kind: it does not know the limit yet
    fault = house.sandbox.faults.delay_rest(20, f"/guilds/{house.guild.id}/members/", method="PATCH", times=1)
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await until(lambda: fault.hits == 1)
    far = SyncHouse(house.desk, house.sandbox, beside=house)
    await far.seen()
    await far.heard()
    far.change()
    far.give(far.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await until(lambda: far.names(far.ana) == {"스터디", "Bronze"})
    assert house.names(house.ana) == {"스터디"}


async def test_stopping_does_not_wait_for_a_limit_and_the_next_process_goes_on(house: SyncHouse) -> None:
    await house.open()
    fault = house.sandbox.faults.fail_rest(429, "/members/", method="PATCH", retry_after=60.0)
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await until(lambda: fault.hits == 1)
    async with asyncio.timeout(300):
        await house.outbox.close()
    await house.outbox.deliver()
    await house.another_process()
    await house.bring()
    assert house.names(house.ana) == {"스터디", "Bronze"}


async def test_a_client_that_is_closed_first_ends_the_work_quietly(
    house: SyncHouse, caplog: pytest.LogCaptureFixture
) -> None:
    await house.open()
    fault = house.sandbox.faults.fail_rest(429, "/members/", method="PATCH", retry_after=0.3, scope="shared")
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await until(lambda: fault.hits == 1)
    await house.front.close()
    async with asyncio.timeout(300):
        await house.outbox.done()
    assert "could not be brought in line" not in caplog.text


# -- others change the same member at the same moment ----------------------------------------------------------------


async def held_up(house: SyncHouse) -> None:
    """A change of Ana's roles waits for Discord's limit."""
    fault = house.sandbox.faults.fail_rest(429, f"/members/{house.ana.id}$", method="PATCH", retry_after=0.4)
    fault.scope = "shared"
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await until(lambda: fault.hits == 1)


async def test_a_role_that_is_given_while_ours_waits_is_given_back(house: SyncHouse) -> None:
    await house.open()
    await held_up(house)
    house.world.give_role(house.ana, house.other)
    await house.outbox.done()
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "other", "Bronze"}
    assert [p.status for p in house.patches] == [429, 200, 200]
    await house.bring()
    assert len(house.patches) == 3


async def test_a_role_that_is_taken_while_ours_waits_stays_taken(house: SyncHouse) -> None:
    await house.open()
    await held_up(house)
    house.world.take_role(house.ana, house.role)
    await house.outbox.done()
    await house.rounds()
    assert house.names(house.ana) == {"Bronze"}


async def test_what_was_given_and_taken_again_meanwhile_is_not_given_back(house: SyncHouse) -> None:
    await house.open()
    await held_up(house)
    house.world.give_role(house.ana, house.other)
    house.world.take_role(house.ana, house.other)
    await house.outbox.done()
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "Bronze"}
    assert [p.status for p in house.patches] == [429, 200]


async def test_a_change_that_the_gateway_tells_late_is_put_right_too(house: SyncHouse) -> None:
    await house.open()
    house.sandbox.faults.pause_gateway()
    house.world.give_role(house.ana, house.other)
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await house.outbox.done()
    assert house.names(house.ana) == {"스터디", "Bronze"}
    house.sandbox.faults.resume_gateway()
    await until(lambda: house.outbox.losses == 1)
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "other", "Bronze"}


async def test_what_has_not_been_heard_of_our_own_change_is_not_forgotten(house: SyncHouse) -> None:
    await house.open()
    house.sandbox.faults.pause_gateway()
    for amount in (100, 100, -100):
        house.give(house.ana, amount)
        await house.flush()
        await house.outbox.deliver()
        await house.outbox.done()
    assert house.names(house.ana) == {"스터디", "Bronze"}
    house.sandbox.faults.resume_gateway()
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "Bronze"}
    assert await house.state(house.ana) == ("sent", None)


async def test_a_loss_of_the_last_role_that_was_not_heard_counts_too(house: SyncHouse) -> None:
    await house.open()
    house.give(house.minjun, 100)
    await house.bring()
    house.sandbox.faults.pause_gateway()
    for amount in (-100, 100):
        house.give(house.minjun, amount)
        await house.flush()
        await house.outbox.deliver()
        await house.outbox.done()
    assert house.names(house.minjun) == {"Bronze"}
    house.sandbox.faults.resume_gateway()


async def test_trouble_while_putting_right_is_tried_again(house: SyncHouse) -> None:
    await house.open()
    await held_up(house)
    house.world.give_role(house.ana, house.other)
    fault = house.sandbox.faults.fail_rest(503, "/members/", method="PATCH", every=2)
    await house.outbox.done()
    await house.heard()
    if not fault.hits:  # the answer came before the gateway told of it
        await house.outbox.deliver()
        await house.outbox.done()
    assert fault.hits == 1
    assert (house.outbox.losses, house.names(house.ana)) == (1, {"스터디", "Bronze"})
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "other", "Bronze"}


async def test_a_role_given_before_a_call_whose_answer_is_lost_is_given_back_too(house: SyncHouse) -> None:
    await house.open()
    house.sandbox.faults.pause_gateway()
    house.world.give_role(house.ana, house.other)
    house.sandbox.faults.drop_rest("/members/", method="PATCH")
    house.give(house.ana, 100)
    await house.flush()
    await house.outbox.deliver()
    await house.outbox.done()
    assert house.names(house.ana) == {"스터디", "Bronze"}
    house.sandbox.faults.resume_gateway()
    await until(lambda: house.outbox.losses == 1)
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "other", "Bronze"}


async def test_a_guild_that_goes_while_a_call_is_on_its_way_is_served_when_it_is_back(house: SyncHouse) -> None:
    await house.open()
    await held_up(house)
    house.world.set_guild_available(house.guild, False)
    await until(lambda: not house.front.hierarchy.knows(house.guild_id))
    await house.outbox.done()
    house.world.set_guild_available(house.guild, True)
    await house.seen()
    house.later(60_000)
    await house.bring()
    assert (house.names(house.ana), await house.state(house.ana)) == ({"스터디", "Bronze"}, ("sent", None))


async def test_one_member_with_whom_something_is_wrong_holds_up_no_other(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await house.open()

    def broken(sync: MemberSync, *about: Any) -> RolePlan:
        if sync.user_id == house.ana.id:
            raise ValueError("a bug")
        return plan_roles(sync, *about)

    for member in (house.ana, house.minjun):
        house.give(member, 100)
    with monkeypatch.context() as patched:
        patched.setattr("tracker.discord.member_outbox.plan_roles", broken)
        await house.bring()
    assert (await house.state(house.ana), house.names(house.minjun)) == (("failed", "ValueError"), {"Bronze"})
    assert "a bug" in caplog.text
    house.later(5_000)
    await house.rounds()
    assert house.names(house.ana) == {"스터디", "Bronze"}


async def test_of_who_opted_out_the_roles_are_asked_for(house: SyncHouse) -> None:
    await house.open()
    house.give(house.ana, 200)
    await house.bring()
    house.fact(MemberOptedOut(), house.ana)
    house.world.give_role(house.ana, house.other)  # not listened to
    await house.bring()
    house.change(tiers={"list": [house.tier("Gold", house.bronze, 2), house.tier("Silver", house.silver, 9)]})
    await house.bring()
    assert house.names(house.ana) == {"스터디", "other", "Bronze"}


# -- a process that dies at any step ---------------------------------------------------------------------------------


async def die(house: SyncHouse, step: str, *, noted: bool = False) -> None:
    """Deliver, and die at this step."""
    house.members.step, house.members.noted = step, noted
    await house.flush()
    await house.outbox.deliver()
    with pytest.raises(Died):
        await house.outbox.done()


STEPS = {
    "before the nickname is meant": ("mark_meant", False),
    "between the meaning and the call": ("mark_meant", True),
    "between the call and its note": ("mark_sent", False),
    "after the note": ("mark_sent", True),
}


@pytest.mark.parametrize("when", STEPS)
@pytest.mark.parametrize("rises", [False, True], ids=["as they were", "risen meanwhile"])
async def test_a_death_leaves_nothing_doubled_and_nothing_undone(house: SyncHouse, when: str, rises: bool) -> None:
    await house.open(nickname=NICKNAMES)
    house.give(house.minjun, 100)
    step, noted = STEPS[when]
    await die(house, step, noted=noted)
    await house.another_process()
    if rises:
        house.give(house.minjun, 100)
        await die(house, step, noted=noted)  # and dies again at the same step
        await house.another_process()
    await house.bring()
    tier = "Silver" if rises else "Bronze"
    assert (house.minjun.nick, house.names(house.minjun)) == (f"[{tier}] 민준", {tier})
    assert await house.state(house.minjun) == ("sent", None)
    sync = (await house.members.desired(house.guild_id))[UserId(house.minjun.id)]
    assert (sync.managed, sync.set_nick, sync.original_nick) == (True, f"[{tier}] 민준", "민준")
    assert sum(p.status == 200 for p in house.patches) == 1 + (rises and step == "mark_sent")
    house.change(nickname={**NICKNAMES, "enabled": False})
    await house.bring()
    assert house.minjun.nick == "민준"


async def test_a_death_after_the_original_was_put_back_leaves_it_there(house: SyncHouse) -> None:
    await house.open(nickname=NICKNAMES)
    house.give(house.minjun, 100)
    await house.bring()
    house.change(nickname={**NICKNAMES, "enabled": False})
    await die(house, "mark_sent")
    assert house.minjun.nick == "민준"
    await house.another_process()
    await house.bring()
    sync = (await house.members.desired(house.guild_id))[UserId(house.minjun.id)]
    assert (house.minjun.nick, sync.managed, sync.state) == ("민준", False, "sent")


# -- many ------------------------------------------------------------------------------------------------------------


async def everybody(house: SyncHouse, count: int) -> None:
    """So many members rise to Silver or Bronze in a storm of refusals; a role report holds all against what is due."""
    crowd = [house.world.add_member(house.guild, f"m{n}", roles=[house.other] * (n % 2)) for n in range(count)]
    await house.open(members=count)
    for number, member in enumerate(crowd):
        house.give(member, 100 + 100 * (number % 3))  # levels 1, 2, 3
    for scope in SCOPES:
        house.sandbox.faults.fail_rest(
            429, "/members/", method="PATCH", times=None, every=90, retry_after=0.05, scope=scope
        )  # fmt: skip
    before = sum(house.sandbox.calls.values())
    await house.bring()
    report = {m.id: house.names(m) for m in crowd}
    assert report == {
        m.id: {"Silver" if n % 3 else "Bronze"} | ({"other"} if n % 2 else set()) for n, m in enumerate(crowd)
    }
    assert await house.members.counts(house.guild_id) == {"sent": count}
    assert house.sandbox.calls[MEMBER, 200] == count
    assert sum(n for (route, _), n in house.sandbox.calls.items() if route == MEMBER) <= 1.05 * count
    assert sum(house.sandbox.calls.values()) - before <= 1.05 * count + 2


async def test_three_hundred_members_rise_in_a_storm_of_429(house: SyncHouse) -> None:
    await everybody(house, 300)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_five_thousand_members_rise_in_a_storm_of_429(house: SyncHouse) -> None:
    await everybody(house, 5_000)
