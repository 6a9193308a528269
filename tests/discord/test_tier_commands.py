"""`/tier`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.house import Options, until
from tests.discord.ruled import RuledHouse
from tracker.discord.hierarchy import DANGEROUS
from tracker.ids import RoleId, UserId
from tracker.sandbox import Permission, Role

ONCE = "\nNothing is saved before you press Confirm; that is possible for 10 minutes."


def low(house: RuledHouse, name: str, **about: Any) -> Role:
    """A role below the bot's own."""
    return house.world.add_role(house.guild, name, **about)


def may(house: RuledHouse, permissions: int) -> None:
    """Give Boss other permissions."""
    house.world.edit_role(house.guild.roles[house.boss.roles[0]], permissions=permissions)


def rights(house: RuledHouse) -> int:
    """What the front-end knows Boss's role to allow."""
    facts = house.front.hierarchy.role(house.guild_id, RoleId(house.boss.roles[0]))
    return 0 if facts is None else int(facts.permissions)


async def known(house: RuledHouse, role: Role) -> None:
    """Wait until the gateway has told of the role."""
    await until(lambda: house.front.hierarchy.role(house.guild_id, RoleId(role.id)) is not None)


async def test_who_would_get_a_role_is_shown_before_the_tier_is_saved(ruled: RuledHouse) -> None:
    bronze = low(ruled, "Bronze")
    await ruled.open()
    ruled.give(ruled.ana, 550)
    ruled.give(ruled.minjun, 499)
    asked: Options = {"role": bronze, "name": " Bronze ", "min_level": 5}
    message, _ = await ruled.ask("tier add", asked)
    assert message.content == (
        f"Tier: **Bronze <@&{bronze.id}> (from level 5)** (now: none){ONCE}\n"
        "Members counted: 4\n"
        "Tier roles: 1 would gain one, 0 would lose one\n"
        f"Bronze <@&{bronze.id}> (from level 5): 0 hold it now, 1 would"
    )
    assert ruled.document == {}
    answered, call = await ruled.press(message, "yes")
    assert answered.content == f"Tier: **Bronze <@&{bronze.id}> (from level 5)** (before: none)"
    assert ruled.buttons(answered) == []
    assert not call.errors
    assert ruled.document == {
        "tiers": {"list": [{"name": "Bronze", "role_id": str(bronze.id), "min_level": 5}]},
    }
    assert [change.by for change in await ruled.changes()] == [UserId(ruled.boss.id)]


async def test_it_is_asked_and_answered_in_korean(ruled: RuledHouse) -> None:
    bronze = low(ruled, "브론즈")
    await ruled.open()
    ruled.give(ruled.ana, 5_000)
    message, _ = await ruled.ask("tier add", {"role": bronze, "name": "브론즈", "min_exp": 5_000}, locale="ko")
    assert message.content == (
        f"등급: **브론즈 <@&{bronze.id}> (경험치 5,000부터)** (현재: 없음)\n"
        "확인을 누르기 전에는 저장되지 않습니다. 10분 안에 눌러 주세요.\n"
        "집계한 멤버: 4명\n등급 역할: 1명 획득, 0명 상실\n"
        f"브론즈 <@&{bronze.id}> (경험치 5,000부터): 현재 0명 → 적용 후 1명"
    )
    assert [button["label"] for row in message.components for button in row["components"]] == ["확인", "취소"]
    answered, _ = await ruled.press(message, "no", locale="ko")
    assert answered.content == "취소했습니다. 바뀐 것은 없습니다."
    assert await ruled.changes() == []


async def test_a_role_that_is_a_tier_already_gets_its_new_name_and_beginning(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Old", "min_level": 5})
    answer = await ruled.confirmed("tier add", {"role": ruled.role, "name": "New", "min_exp": 70})
    mention = f"<@&{ruled.role.id}>"
    assert answer == f"Tier: **New {mention} (from 70 EXP)** (before: Old {mention} (from level 5))"
    assert ruled.document["tiers"]["list"] == [{"name": "New", "role_id": str(ruled.role.id), "min_exp": 70}]


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "has permissions that nobody should get just for being active: Manage Roles, Ban Members."),
        ("ko", "역할에는 활동만으로 주면 위험한 권한이 있습니다: 역할 관리하기, 멤버 차단하기."),
    ],
)
async def test_a_dangerous_role_is_refused_unless_it_is_forced(ruled: RuledHouse, locale: str, said: str) -> None:
    mighty = low(ruled, "Mod", permissions=Permission.BAN_MEMBERS | Permission.MANAGE_ROLES | Permission.SPEAK)
    await ruled.open()
    asked: Options = {"role": mighty, "name": "Mod", "min_level": 5}
    answer = await ruled.order("tier add", asked, locale=locale)
    assert answer.startswith("Mod")
    assert said in answer
    assert await ruled.changes() == []
    may(ruled, Permission.MANAGE_GUILD | Permission.BAN_MEMBERS | Permission.MANAGE_ROLES)
    await until(lambda: bool(rights(ruled) & Permission.BAN_MEMBERS))
    await ruled.confirmed("tier add", {**asked, "force": True}, locale=locale)
    assert len(await ruled.changes()) == 1


async def test_nobody_can_force_what_they_may_not_do_themselves(ruled: RuledHouse) -> None:
    mighty = low(ruled, "Admin", permissions=Permission.ADMINISTRATOR | Permission.BAN_MEMBERS)
    await ruled.open()
    asked: Options = {"role": mighty, "name": "x", "min_level": 0, "force": True}
    assert await ruled.order("tier add", asked) == (
        "Admin has permissions that you do not have yourself: Administrator, Ban Members. Only somebody who has them "
        "can make it a tier. Nothing was changed."
    )
    may(ruled, Permission.MANAGE_GUILD | Permission.BAN_MEMBERS)
    await until(lambda: bool(rights(ruled) & Permission.BAN_MEMBERS))
    assert "본인에게 없는 권한이 있습니다: 관리자." in await ruled.order("tier add", asked, locale="ko")
    may(ruled, Permission.ADMINISTRATOR)
    await until(lambda: bool(rights(ruled) & Permission.ADMINISTRATOR))
    await ruled.confirmed("tier add", asked)
    assert len(await ruled.changes()) == 1


async def test_every_dangerous_permission_is_named_in_both_languages(ruled: RuledHouse) -> None:
    everything = 0
    for danger in DANGEROUS:
        everything |= int(danger)
    mighty = low(ruled, "All", permissions=everything)
    await ruled.open()
    answers = [
        await ruled.order("tier add", {"role": mighty, "name": "x", "min_level": 1}, locale=locale)
        for locale in ("en-US", "ko")
    ]
    for answer in answers:
        assert answer.count(", ") >= len(DANGEROUS) - 1
        assert "permission." not in answer
    assert "View Audit Log" in answers[0]
    assert "감사 로그 보기" in answers[1]


async def test_roles_that_cannot_be_given_are_refused_with_what_to_do(ruled: RuledHouse) -> None:
    world, guild = ruled.world, ruled.guild
    high = world.add_role(guild, "High", position=30)
    await ruled.open()
    await known(ruled, high)
    own = guild.roles[world.me(guild).roles[0]]
    refused = {
        guild.everyone.id: ("@everyone cannot be a tier", "@everyone은 모두가"),
        own.id: ("belongs to a bot, an integration or server boosting", "딸린 역할이라 줄 수 없습니다"),
        high.id: (f"drag {own.name} above High", f"{own.name} 역할을 High 위로 끌어 올린"),
    }
    for role_id, (english, korean) in refused.items():
        asked: Options = {"role": guild.roles[role_id], "name": "x", "min_level": 1, "force": True}
        assert english in await ruled.order("tier add", asked)
        assert korean in await ruled.order("tier add", asked, locale="ko")
    world.edit_role(own, permissions=int(own.permissions) & ~int(Permission.MANAGE_ROLES))
    await until(lambda: not ruled.front.hierarchy.bot_permissions(ruled.guild_id) & Permission.MANAGE_ROLES)
    fine: Options = {"role": ruled.role, "name": "x", "min_level": 1}
    assert f"Roles → {own.name}, switch on Manage Roles" in await ruled.order("tier add", fine)
    assert "'역할 관리하기'를 켠 뒤" in await ruled.order("tier add", fine, locale="ko")
    assert await ruled.changes() == []


async def test_a_tier_begins_at_one_level_or_one_amount_and_the_curve_must_have_it(ruled: RuledHouse) -> None:
    await ruled.open()
    both: Options = {"role": ruled.role, "name": "x", "min_level": 1, "min_exp": 1}
    none: Options = {"role": ruled.role, "name": "x"}
    for neither in (both, none):
        assert (await ruled.order("tier add", neither, locale="ko")).startswith("등급이 시작되는 최소레벨과")
    assert (await ruled.order("tier add", {"role": ruled.role, "name": " ", "min_exp": 1})).startswith("The tier needs")
    await ruled.confirmed("level curve thresholds", {"exp": "10, 20"})
    answer = await ruled.order("tier add", {"role": ruled.role, "name": "x", "min_level": 3})
    assert answer.startswith("The curve in force has no such level: its highest is 2.")
    assert len(await ruled.changes()) == 1


async def test_tiers_are_listed_suggested_and_removed(ruled: RuledHouse) -> None:
    gold, gone = low(ruled, "Gold"), low(ruled, "Gone")
    await ruled.open()
    empty = await ruled.order("tier list", locale="ko")
    assert empty == "등급 기준: 전체 경험치\n등급 역할: 가장 높은 것만\n없음"
    await ruled.confirmed("tier add", {"role": gold, "name": "Gold", "min_level": 9})
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    await ruled.confirmed("tier add", {"role": gone, "name": "Gone", "min_level": 2})
    ruled.world.delete_role(gone)
    await until(lambda: ruled.front.hierarchy.role(ruled.guild_id, RoleId(gone.id)) is None)
    assert await ruled.order("tier list") == (
        "Tiers go by: all EXP ever earned\nTier roles given: only the highest\n"
        f"Gold <@&{gold.id}> (from level 9)\nSilver <@&{ruled.role.id}> (from level 4)\n"
        f"Gone <@&{gone.id}> (from level 2) ⚠ the role was deleted: remove the tier"
    )
    assert await ruled.suggestions("tier remove", "tier", {"tier": "sil"}) == [("Silver", str(ruled.role.id))]
    assert (await ruled.order("tier remove", {"tier": "nothing"})).startswith("There is no such tier.")
    ruled.world.give_role(ruled.ana, gold)
    await until(lambda: gold.id in _roles(ruled))
    message, _ = await ruled.ask("tier remove", {"tier": "gold"})
    assert f"Those who hold <@&{gold.id}> keep it; I do not touch that role any more." in message.content
    assert "0 would gain one, 1 would lose one" in message.content  # Ana's Silver, and not her Gold
    await ruled.press(message, "yes")
    await ruled.confirmed("tier remove", {"tier": str(ruled.role.id)}, locale="ko")
    await ruled.confirmed("tier remove", {"tier": str(gone.id)})
    assert ruled.document == {}


def _roles(house: RuledHouse) -> tuple[int, ...]:
    found = house.desk.ingest.sight.member(house.guild_id, UserId(house.ana.id))
    return () if found is None else found.role_ids


async def test_basis_and_policy_say_what_they_would_change(ruled: RuledHouse) -> None:
    gold = low(ruled, "Gold")
    await ruled.open()
    ruled.give(ruled.ana, 900)
    await ruled.confirmed("tier add", {"role": gold, "name": "Gold", "min_level": 9})
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    message, _ = await ruled.ask("tier policy", {"policy": "stack"})
    assert message.content.startswith("Tier roles given: **all that were reached** (now: only the highest)")
    assert f"Silver <@&{ruled.role.id}> (from level 4): 1 hold it now, 1 would" in message.content
    await ruled.press(message, "yes")
    message, _ = await ruled.ask("tier basis", {"basis": "rolling", "days": 7}, locale="ko")
    assert message.content.startswith("등급 기준: **최근 7일의 경험치** (현재: 전체 경험치)")
    assert f"Gold <@&{gold.id}> (레벨 9부터): 현재 0명 → 적용 후 0명" in message.content
    assert "0명 획득, 1명 상실" in message.content
    await ruled.press(message, "yes", locale="ko")
    assert {k: ruled.document["tiers"][k] for k in ("policy", "basis", "rolling_days")} == {
        "policy": "stack", "basis": "rolling", "rolling_days": 7,
    }  # fmt: skip
    refused = await ruled.order("tier basis", {"basis": "season", "days": 7})
    assert refused == 'Days belong to the basis "EXP of the last days" only. Nothing was changed.'
    message, _ = await ruled.ask("tier basis", {"basis": "season"})
    assert "No season is running, so nobody has season EXP." in message.content
    answer = await ruled.order("tier basis", {"basis": "rolling", "days": 7})
    assert answer == "Tiers go by: **EXP of the last 7 whole days**, as before. Nothing was changed."


async def test_rolling_days_are_the_whole_ones_before_today(ruled: RuledHouse) -> None:
    await ruled.open()
    day = 86_400_000
    ruled.give(ruled.ana, 400)
    ruled.desk.clock.time += day
    ruled.give(ruled.minjun, 400)
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    counted = []
    for _ in range(4):
        answer = await ruled.order("tier preview", {"basis": "rolling", "days": 2})
        counted.append(answer.split("hold it now, ")[1][0])
        ruled.desk.clock.time += day
    assert counted == ["1", "2", "1", "0"]


async def test_a_preview_tells_of_the_rules_in_force_and_of_others_and_saves_nothing(ruled: RuledHouse) -> None:
    await ruled.open()
    ruled.give(ruled.minjun, 450)
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    message, _ = await ruled.ask("tier preview")
    assert message.content == (
        "Levels: **100 EXP each**\nTiers go by: **all EXP ever earned**\nTier roles given: **only the highest**\n"
        "Members counted: 4\nTier roles: 1 would gain one, 1 would lose one\n"
        f"Silver <@&{ruled.role.id}> (from level 4): 1 hold it now, 1 would\nNothing was changed."
    )
    assert ruled.buttons(message) == []
    other = await ruled.order("tier preview", {"linear": 200, "policy": "stack"}, locale="ko")
    assert "레벨 곡선: **레벨마다 경험치 200**" in other
    assert "레벨: 0명 상승, 1명 하락" in other
    assert "현재 1명 → 적용 후 0명" in other
    assert "MEE6 (level 1 at 100 EXP, level 10 at 4,675)" in await ruled.order("tier preview", {"mee6": True})
    assert "3 levels at 1, 2, 3 EXP" in await ruled.order("tier preview", {"thresholds": "1 2 3"})
    assert (await ruled.order("tier preview", {"thresholds": "3 2"})).startswith("Write up to 1,000 whole numbers")
    two: Options = {"linear": 5, "mee6": True}
    assert (await ruled.order("tier preview", two)).startswith("Name one curve only")
    assert len(await ruled.changes()) == 1


async def test_a_tier_out_of_the_bots_reach_is_marked(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    ruled.world.edit_role(ruled.role, position=30)
    await until(lambda: ruled.front.hierarchy.above_bot(ruled.guild_id, RoleId(ruled.role.id)))
    assert (await ruled.order("tier list")).endswith(
        "⚠ I cannot give this role: drag mine above it and allow me Manage Roles"
    )
    assert "⚠ 봇이 줄 수 없는 역할입니다." in await ruled.order("tier list", locale="ko")


async def test_a_tier_whose_role_became_dangerous_is_marked(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    ruled.world.edit_role(ruled.role, permissions=Permission.KICK_MEMBERS)
    await until(lambda: bool(ruled.front.hierarchy.dangerous(ruled.guild_id, RoleId(ruled.role.id))))
    assert (await ruled.order("tier list")).endswith("(from level 4) ⚠ it gives Kick Members")
    assert (await ruled.order("tier list", locale="ko")).endswith("⚠ 주는 권한: 멤버 추방하기")


async def test_of_many_tiers_a_preview_shows_the_highest(ruled: RuledHouse) -> None:
    await ruled.open()
    tiers = [{"name": "🅰" * 32, "role_id": str(10**18 + n), "min_level": 10**8 + n} for n in range(30)]
    ruled.rules.change(ruled.guild_id, {"tiers": {"list": tiers}}, UserId(ruled.boss.id))
    message, _ = await ruled.ask("level curve mee6")
    lines = message.content.split("\n")
    assert lines[-1] == "… and 22 lower tiers"
    assert f"<@&{10**18 + 29}>" in lines[-9]
    assert len(ruled.buttons(message)) == 2
    assert (await ruled.order("tier preview", locale="ko")).split("\n")[-2] == "… 그 아래 등급 22개"
