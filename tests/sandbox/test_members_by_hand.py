"""What admins and other bots do to members beside the bot, and what a PATCH leaves behind."""

from __future__ import annotations

import hikari

from tests.sandbox.clients import Inbox, Rest
from tests.sandbox.conftest import Town
from tests.sandbox.test_from_outside import Process
from tracker.sandbox import Sandbox, SandboxOptions

MEMBER = "PATCH /guilds/{guild}/members/{user}"


async def test_roles_that_somebody_else_gives_and_takes_are_heard_once(bot: hikari.GatewayBot, town: Town) -> None:
    inbox, other = Inbox(bot), town.world.add_role(town.guild, "other")
    for _ in range(2):
        town.world.give_role(town.ann, other)
    for _ in range(2):
        town.world.take_role(town.ann, other)
    town.world.set_nick(town.ann, "done")
    await inbox.wait(hikari.MemberUpdateEvent, lambda event: event.member.nickname == "done")
    heard = inbox.of(hikari.MemberUpdateEvent)
    assert [other.id in event.member.role_ids for event in heard] == [True, False, False]


async def test_a_patch_that_changes_nothing_is_told_to_nobody(bot: hikari.GatewayBot, town: Town) -> None:
    inbox = Inbox(bot)
    await bot.rest.edit_member(town.guild.id, town.minsu.id, roles=[town.role.id], nickname=None)
    await bot.rest.edit_member(town.guild.id, town.minsu.id, nickname="Minsu")
    await inbox.wait(hikari.MemberUpdateEvent)
    assert [event.member.nickname for event in inbox.of(hikari.MemberUpdateEvent)] == ["Minsu"]


async def test_a_managed_role_can_be_kept_but_neither_given_nor_taken(rest: Rest, town: Town) -> None:
    boost = town.world.add_role(town.guild, "boost", managed=True)
    town.world.set_roles(town.ann, [boost])
    path = f"/guilds/{town.guild.id}/members/{town.ann.id}"
    status, answer = await rest("PATCH", path, {"roles": [str(town.role.id)]})
    assert (status, answer["code"], town.ann.roles) == (403, 50013, [boost.id])
    status, _ = await rest("PATCH", path, {"roles": [str(boost.id), str(town.role.id)]})
    assert (status, town.ann.roles) == (200, [boost.id, town.role.id])
    status, answer = await rest("PATCH", f"/guilds/{town.guild.id}/members/{town.minsu.id}", {"roles": [str(boost.id)]})
    assert (status, answer["code"]) == (403, 50013)


async def test_the_new_owner_cannot_be_renamed(rest: Rest, town: Town) -> None:
    town.world.set_owner(town.guild, town.ann)
    for user, expected in ((town.ann.id, 403), (town.minsu.id, 200)):
        status, _ = await rest("PATCH", f"/guilds/{town.guild.id}/members/{user}", {"nick": "x"})
        assert status == expected


async def test_a_request_keeps_its_reason_and_is_counted(sandbox: Sandbox, bot: hikari.GatewayBot, town: Town) -> None:
    await bot.rest.edit_member(town.guild.id, town.ann.id, nickname="x", reason="레벨 3: Bronze")
    assert sandbox.requests[-1].reason == "레벨 3: Bronze"
    assert sandbox.calls[MEMBER, 200] == 1
    await bot.rest.fetch_my_user()
    assert sandbox.requests[-1].reason is None


async def test_a_fault_can_strike_each_third_request(sandbox: Sandbox) -> None:
    sandbox.faults.fail_rest(503, "/users/@me", times=2, every=3)
    async with Rest(sandbox) as rest:
        assert [(await rest("GET", "/users/@me"))[0] for _ in range(9)] == [200, 200, 503, 200, 200, 503, 200, 200, 200]


async def test_members_have_a_limit_for_each_guild() -> None:
    async with Sandbox(SandboxOptions(rate_limits=True, route_limits={MEMBER: (3, 60.0)})) as strict, Rest(strict) as r:
        guilds = [strict.world.add_guild(name) for name in ("a", "b")]
        members = [strict.world.add_member(guild, f"m{n}") for guild in guilds for n in range(4)]
        paths = [f"/guilds/{member.guild_id}/members/{member.id}" for member in members]
        answers = [(await r("PATCH", path, {"nick": "x"}))[0] for path in paths]
        assert answers == [200, 200, 200, 429] * 2


def test_roles_and_limits_are_set_from_outside() -> None:
    process = Process("--members", "2", "--rate-limits", "--route-limit", f"{MEMBER}=7/0.5")
    try:
        role = process.do(do="add_role", name="silver")["id"]
        member = process.ready["guilds"][0]["members"][1]
        assert process.do(do="set_roles", member=1, roles=[role])["ok"]
        assert process.do(do="looks")["members"][member] == {"roles": [role], "nick": None}
        assert process.do(do="state")["calls"] == {}
    finally:
        process.process.terminate()
        assert process.process.wait(10) == 0
