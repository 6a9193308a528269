"""`/announce` and `/boards`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from tests.discord.house import Options
from tests.discord.ruled import RuledHouse


async def test_levels_are_announced_in_a_channel_in_private_or_not_at_all(ruled: RuledHouse) -> None:
    await ruled.open()
    whole: Options = {"channel": ruled.text, "template": "{name} → {level}", "mentions": True, "card": True}
    answer = await ruled.order("announce channel", whole)
    assert answer == (
        f"Level announcements: **<#{ruled.text.id}> · {{name}} → {{level}} · mentions notify · with a card** "
        "(before: off)"
    )
    answer = await ruled.order("announce dm", {"card": False}, locale="ko")
    assert answer.startswith("레벨 알림: **개인 메시지 · {name} → {level} · 멘션 알림** (이전: ")
    answer = await ruled.order("announce channel")
    assert answer.startswith(
        "Level announcements: **Log channel · {name} → {level} · mentions notify** (before: direct"
    )
    assert answer.endswith(
        "\nNo log channel is set yet, so there is nowhere to post it: set one with /config log-channel."
    )
    assert await ruled.order("announce off", locale="ko") == (
        "레벨 알림: **꺼짐** (이전: 기록 채널 · {name} → {level} · 멘션 알림)"
    )
    assert [change.settings["announcements"].get("mode", "off") for change in await ruled.changes()] == [
        "channel", "dm", "channel", "off",
    ]  # fmt: skip


async def test_what_is_said_unless_asked_otherwise_is_shown_in_the_language_in_which_it_will_be_said(
    ruled: RuledHouse,
) -> None:
    await ruled.open()
    await ruled.order("config language", {"language": "ko"})
    answer = await ruled.order("announce channel", {"channel": ruled.text}, locale="ko")
    said = "{mention} 님이 레벨 {level}에 도달했습니다!"
    assert answer == f"레벨 알림: **<#{ruled.text.id}> · {said}** (이전: 꺼짐)"


async def test_a_template_with_an_unknown_placeholder_is_refused(ruled: RuledHouse) -> None:
    await ruled.open()
    answer = await ruled.order("announce dm", {"template": "{rank}!"})
    assert answer == (
        "The text must say something, and has no other placeholders than {mention}, {name}, {level}, {tier} and {exp}. "
        "Nothing was changed."
    )
    assert "뿐입니다" in await ruled.order("announce dm", {"template": "{rank}!"}, locale="ko")
    assert await ruled.changes() == []


async def test_boards_are_switched_off_and_on(ruled: RuledHouse) -> None:
    await ruled.open()
    assert await ruled.order("boards off") == "Leaderboards: **off** (before: on)"
    assert ruled.document == {"boards": {"enabled": False}}
    assert await ruled.order("boards on", locale="ko") == "순위 공개: **켜짐** (이전: 꺼짐)"
    assert ruled.document == {}
    assert len(await ruled.changes()) == 2
