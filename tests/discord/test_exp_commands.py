"""`/exp`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from tests.discord.ruled import RuledHouse
from tracker.events.rule import ExpAdjusted
from tracker.ids import UserId


async def test_voice_time_earns_what_is_said_everywhere_in_a_channel_or_a_category(ruled: RuledHouse) -> None:
    category = ruled.world.add_channel(ruled.guild, "공부", kind="category")
    await ruled.open()
    answer = await ruled.order("exp voice", {"exp": 2, "every": 10})
    assert answer == (
        "Voice EXP: **all other channels: 2 EXP for every 10 min** (before: all other channels: 1 EXP for every 5 min)"
    )
    room = f"<#{ruled.study.id}>"
    answer = await ruled.order(
        "exp voice", {"exp": 3, "every": 90, "unit": "seconds", "channel": ruled.study}, locale="ko"
    )
    assert answer == f"음성 경험치: **{room}: 90초마다 3** (이전: {room}: 따로 정한 규칙 없음)"
    await ruled.order("exp voice", {"exp": 0, "every": 1, "channel": category})
    assert ruled.document == {
        "voice": {
            "default": {"every_s": 600, "exp": 2},
            "channels": {str(ruled.study.id): {"every_s": 90, "exp": 3}},
            "categories": {str(category.id): {"every_s": 60, "exp": 0}},
        }
    }
    for channel in ({"channel": ruled.study}, {"channel": category}, {}):
        await ruled.order("exp voice-reset", channel)
    assert ruled.document == {}
    changes = await ruled.changes()
    assert len(changes) == 6
    assert {change.by for change in changes} == {UserId(ruled.boss.id)}


async def test_messages_and_interactions_earn_what_is_said(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("exp message", {"min": 15, "max": 25, "cooldown": 60}, locale="ko")
    assert answer == "메시지 경험치: **15~25, 60초에 한 번까지** (이전: 1, 60초에 한 번까지)"
    answer = await ruled.order("exp interaction", {"exp": 5, "cooldown": 30})
    assert answer == "Interaction EXP: **5 EXP, at most once in 30 s** (before: 0 EXP, at most once in 0 s)"
    assert ruled.document == {
        "messages": {"exp_min": 15, "exp_max": 25},
        "interactions": {"exp": 5, "cooldown_s": 30},
    }
    assert len(await ruled.changes()) == 2


async def test_what_cannot_be_is_refused_in_the_language_of_who_asked(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("exp message", {"min": 5, "max": 1, "cooldown": 0}, locale="ko")
    assert answer == "메시지 경험치의 최댓값은 최솟값보다 작을 수 없습니다. 바뀐 것은 없습니다."
    answer = await ruled.order("exp voice", {"exp": 1, "every": 1441})
    assert answer == "The time must be at least one second and at most 24 hours. Nothing was changed."
    assert await ruled.changes() == []


async def test_exp_given_by_hand_is_one_event_that_says_who_and_why(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("exp adjust", {"member": ruled.ana, "amount": 300, "reason": "quiz *night*"})
    assert answer == f"<@{ruled.ana.id}>: +300 EXP (quiz \\*night\\*)"
    answer = await ruled.order("exp adjust", {"member": ruled.boss, "amount": -5, "reason": "실수"}, locale="ko")
    assert answer == f"<@{ruled.boss.id}>: 경험치 -5 (실수)"
    answer = await ruled.order("exp adjust", {"member": ruled.beep, "amount": 1, "reason": "x"}, locale="ko")
    assert answer == "봇은 집계하지 않습니다."
    assert (await ruled.order("exp adjust", {"member": ruled.ana, "amount": 0, "reason": "x"})).startswith("The amount")
    stranger = ruled.minjun.user
    ruled.world.remove_member(ruled.minjun)
    answer = await ruled.order("exp adjust", {"member": stranger, "amount": 1, "reason": "x"})
    assert answer == "That person is not a member of this server. Nothing was changed."
    await ruled.desk.ingest.flush()
    adjusted = [(e.user_id, e.data) for e in ruled.desk.logged(ruled.guild_id) if isinstance(e.data, ExpAdjusted)]
    boss = UserId(ruled.boss.id)
    assert adjusted == [
        (ruled.ana.id, ExpAdjusted(amount=300, reason="quiz *night*", by=boss)),
        (ruled.boss.id, ExpAdjusted(amount=-5, reason="실수", by=boss)),
    ]
    assert await ruled.changes() == []
