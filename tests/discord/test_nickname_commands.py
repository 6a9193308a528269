"""`/nickname`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from tests.discord.house import until
from tests.discord.ruled import RuledHouse
from tracker.sandbox.permissions import Permission


async def test_who_asks_sees_what_they_would_be_called(ruled: RuledHouse) -> None:
    await ruled.open()
    ruled.give(ruled.boss, 450)
    answer = await ruled.order("nickname template", {"template": "Lv.{level} {name} · {exp}"})
    assert answer == (
        "Nicknames: **Lv.{level} {name} · {exp} (off)** (before: \\[{tier}\\] {name} (off))\n"
        "You would be called: Lv.4 boss · 450"
    )
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "실버", "min_level": 4})
    answer = await ruled.order("nickname template", {"template": "[{tier}] {name}"}, locale="ko")
    assert answer.endswith("\n내 별명: \\[실버\\] boss")
    answer = await ruled.order("nickname on", locale="ko")
    assert answer == "별명: **\\[{tier}\\] {name} (켜짐)** (이전: \\[{tier}\\] {name} (꺼짐))\n내 별명: \\[실버\\] boss"
    shown = await ruled.order("nickname show")
    assert shown == "Nicknames: **\\[{tier}\\] {name} (on)**\nYou would be called: \\[실버\\] boss"
    answer = await ruled.order("nickname off")
    assert answer.endswith("\nMembers get back the names that they had.")
    assert [change.settings.get("nickname") for change in await ruled.changes()] == [
        {"template": "Lv.{level} {name} · {exp}"},
        {"template": "Lv.{level} {name} · {exp}"},
        None,
        {"enabled": True},
        None,
    ]


async def test_a_placeholder_that_there_is_not_is_refused(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("nickname template", {"template": "{rank} {name}"})
    assert answer == "There is no placeholder {rank}, only {tier}, {name}, {level}, {exp}. Nothing was changed."
    answer = await ruled.order("nickname template", {"template": " "}, locale="ko")
    assert answer == "형식에 {tier}, {name}, {level}, {exp} 가운데 하나는 있어야 합니다. 바뀐 것은 없습니다."
    assert await ruled.changes() == []


async def test_what_keeps_names_from_changing_is_said(ruled: RuledHouse) -> None:
    await ruled.open()
    own = ruled.guild.roles[ruled.world.me(ruled.guild).roles[0]]
    assert "There are no tiers yet" in await ruled.order("nickname show")
    ruled.world.edit_role(own, permissions=int(own.permissions) & ~int(Permission.MANAGE_NICKNAMES))
    known = ruled.front.hierarchy
    await until(lambda: not known.bot_permissions(ruled.guild_id) & Permission.MANAGE_NICKNAMES)
    answer = await ruled.order("nickname on")
    assert f"⚠ I may not change nicknames here yet: in Server Settings → Roles → {own.name}" in answer
    assert "⚠ 봇에 별명을 바꿀 권한이 없습니다." in await ruled.order("nickname show", locale="ko")


async def test_who_stands_above_the_bot_hears_that_they_keep_their_name(ruled: RuledHouse) -> None:
    high = ruled.world.add_role(ruled.guild, "High", position=30)
    ruled.world.give_role(ruled.boss, high)
    await ruled.open()
    assert "Yours stays as it is" in await ruled.order("nickname show")
    assert "내 별명은 바뀌지 않습니다." in await ruled.order("nickname show", locale="ko")


async def test_a_nickname_of_our_making_is_not_decorated_again(ruled: RuledHouse) -> None:
    await ruled.open()
    partition = (ruled.guild_id >> 22) % ruled.desk.database.partitions
    with ruled.desk.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO member_sync (partition, guild_id, user_id, level, tier_roles, revision, state, "
            "next_attempt_at, managed, set_nick, original_nick) "
            f"VALUES ({partition}, {ruled.guild_id}, {ruled.boss.id}, 0, '', 1, 'sent', 0, 1, 'Lv.0 대장', '대장')"
        )
    await ruled.order("nickname template", {"template": "Lv.{level} {name}"})
    for nick, becomes in (("Lv.0 대장", "Lv.0 대장"), ("반장", "Lv.0 반장"), (None, "Lv.0 boss")):
        ruled.world.set_nick(ruled.boss, nick)
        assert (await ruled.order("nickname show")).endswith(f"You would be called: {becomes}")
