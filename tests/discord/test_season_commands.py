"""`/season`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from tests.discord.ruled import RuledHouse
from tracker.events.rule import SeasonStarted
from tracker.ids import UserId


async def started(house: RuledHouse) -> list[SeasonStarted]:
    await house.desk.ingest.flush()
    return [e.data for e in house.desk.logged(house.guild_id) if isinstance(e.data, SeasonStarted)]


async def test_a_season_is_begun_when_it_is_confirmed_and_says_who(ruled: RuledHouse) -> None:
    await ruled.open()
    assert await ruled.order("season show", locale="ko") == (
        "진행 중인 시즌이 없습니다. /시즌 시작으로 시작해 주세요.\n"
        "등급은 시즌을 기준으로 하지 않습니다. /등급 기준에서 바꿀 수 있습니다."
    )
    message, _ = await ruled.ask("season start", {"name": "  Spring   2026 "})
    assert message.content == (
        "The season **Spring 2026** begins when you press Confirm (possible for 10 minutes): season EXP counts from 0 "
        "for everybody. All EXP ever earned, levels, reports and the whole history are kept."
    )
    assert await started(ruled) == []
    answered, _ = await ruled.press(message, "yes")
    assert answered.content == "The season **Spring 2026** has begun."
    assert await started(ruled) == [SeasonStarted(name="Spring 2026", by=UserId(ruled.boss.id))]
    since = ruled.desk.clock.time // 1000
    assert (await ruled.order("season show")).startswith(f"Running: Spring 2026 (since <t:{since}:D>)\n")
    message, _ = await ruled.ask("season start", {"name": "여름"}, locale="ko")
    assert message.content.endswith(f"\n진행 중인 시즌은 끝납니다: Spring 2026 (<t:{since}:D>부터).")
    await ruled.press(message, "no", locale="ko")
    assert len(await started(ruled)) == 1


async def test_who_would_lose_a_role_is_shown_when_tiers_go_by_the_season(ruled: RuledHouse) -> None:
    await ruled.open()
    await ruled.confirmed("season start", {"name": "one"})
    ruled.desk.clock.time += 1_000
    ruled.give(ruled.ana, 450)
    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    message, _ = await ruled.ask("tier basis", {"basis": "season"})
    assert f"Silver <@&{ruled.role.id}> (from level 4): 1 hold it now, 1 would" in message.content
    assert "No season" not in message.content
    await ruled.press(message, "yes")
    message, _ = await ruled.ask("season start", {"name": "two"}, locale="ko")
    assert message.content.endswith("등급 역할: 0명 획득, 1명 상실")
    await ruled.press(message, "yes", locale="ko")
    ruled.desk.clock.time += 1_000
    assert "1 hold it now, 0 would" in await ruled.order("tier preview")
    ruled.give(ruled.ana, 400)
    assert "1 hold it now, 1 would" in await ruled.order("tier preview")
    assert "Tiers go by the EXP of the season." in await ruled.order("season show")


async def test_it_is_not_begun_twice_over_or_without_a_name(ruled: RuledHouse) -> None:
    await ruled.open()
    assert (
        await ruled.order("season start", {"name": "   "}, locale="ko")
        == "시즌 이름을 적어 주세요. 바뀐 것은 없습니다."
    )
    first, _ = await ruled.ask("season start", {"name": "one"})
    second, _ = await ruled.ask("season start", {"name": "two"})
    await ruled.press(first, "yes")
    answered, _ = await ruled.press(second, "yes")
    assert answered.content.startswith("The settings were changed in the meantime")
    assert [season.name for season in await started(ruled)] == ["one"]
