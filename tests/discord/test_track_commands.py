"""`/track`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from tests.discord.ruled import RuledHouse
from tracker.ids import UserId


async def test_channels_are_left_out_and_taken_back_each_where_it_belongs(ruled: RuledHouse) -> None:
    category = ruled.world.add_channel(ruled.guild, "쉼터", kind="category")
    await ruled.open()
    answer = await ruled.order("track ignore", {"channel": ruled.study})
    assert answer == f"Channels not counted: **<#{ruled.study.id}>** (before: none)"
    await ruled.order("track ignore", {"channel": category})
    await ruled.order("track ignore", {"channel": ruled.text})
    assert ruled.document == {
        "voice": {"ignore": {"channels": [str(ruled.study.id)], "categories": [str(category.id)]}},
        "messages": {"ignore_channels": [str(ruled.text.id)]},
    }
    answer = await ruled.order("track ignore", {"channel": ruled.text}, locale="ko")
    assert "이전과 같아서 바꾸지 않았습니다." in answer
    for channel in (ruled.study, ruled.text, category):
        answer = await ruled.order("track include", {"channel": channel}, locale="ko")
    assert answer == f"집계하지 않는 채널: **없음** (이전: <#{category.id}>)"
    assert ruled.document == {}
    changes = await ruled.changes()
    assert len(changes) == 6
    assert {change.by for change in changes} == {UserId(ruled.boss.id)}


async def test_patterns_are_checked_added_and_removed(ruled: RuledHouse) -> None:
    await ruled.open()
    assert (await ruled.order("track pattern add", {"pattern": "("})).startswith("That is no valid pattern")
    refused = await ruled.order("track pattern add", {"pattern": "("}, locale="ko")
    assert refused == "올바른 패턴(정규식)이 아닙니다. 바뀐 것은 없습니다."
    await ruled.order("track pattern add", {"pattern": "휴게실"})
    call = ruled.world.type_command(ruled.boss, ruled.text, "track pattern remove", "pattern", {"pattern": "휴"})
    await call.acknowledged()
    assert call.choices is not None
    assert [choice["value"] for choice in call.choices] == ["휴게실"]
    listed = await ruled.order("track list", locale="ko")
    assert listed.startswith("집계하지 않는 채널: 없음\n집계하지 않는 이름 패턴: ")
    assert listed.endswith(", 휴게실")
    await ruled.order("track pattern remove", {"pattern": "휴게실"})
    assert ruled.document == {}
    assert len(await ruled.changes()) == 2


async def test_a_list_that_is_too_long_for_a_message_is_cut_and_saved_all_the_same(ruled: RuledHouse) -> None:
    await ruled.open()
    ruled.rules.change(
        ruled.guild_id,
        {"voice": {"ignore": {"patterns": [f"[*]{{{n}}}{'_' * 40}" for n in range(40)]}}},
        UserId(ruled.boss.id),
    )
    answer = await ruled.order("track pattern add", {"pattern": "라운지"})
    assert answer.endswith("…")
    assert len(answer) == 2000
    assert ruled.document["voice"]["ignore"]["patterns"][-1] == "라운지"
