"""`/rank`, with the real ingest on SQLite behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.house import BoardHouse, check_embed
from tracker.discord.cards import RankFacts
from tracker.discord.rank_picture import rank_picture
from tracker.errors import DatabaseError
from tracker.events.member import MemberOptedOut
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.settings import parse_settings
from tracker.ids import Ms, UserId
from tracker.reports.boards import Standing
from tracker.sandbox import Message

HOUR, MINUTE, DAY = 3_600_000, 60_000, 86_400_000

TIERS: dict[str, Any] = {
    "list": [
        {"name": "브론즈", "role_id": "11", "min_exp": 100},
        {"name": "Silver", "role_id": "12", "min_exp": 300},
    ]
}


def fields(message: Message) -> dict[str, str]:
    embed: Any = message.embeds[0]
    check_embed(embed)
    return {field["name"]: field["value"] for field in embed["fields"]}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No card can be drawn: the words say it all."""

    def broken(_: object) -> bytes:
        raise OSError("no such font")

    monkeypatch.setattr("tracker.discord.cards.rank_card", broken)


async def play(house: BoardHouse) -> None:
    """Ana talks for 65 minutes and gets 300 EXP more a week ago; 민준 writes once."""
    await house.open()
    house.fact(ExpAdjusted(amount=300, reason="", by=None), house.ana)
    house.desk.clock.time += 7 * DAY
    house.world.join_voice(house.ana, house.talk)
    await house.in_rooms(1)
    house.desk.clock.time += HOUR + 5 * MINUTE
    house.world.leave_voice(house.ana)
    house.world.send_message(house.minjun, house.text)
    await house.in_rooms(0)


async def test_the_card_shows_it_and_the_words_beside_it_say_the_rest(house: BoardHouse) -> None:
    await play(house)
    message, call = await house.ask(house.ana, "rank")
    assert call.ephemeral
    (file,) = message.attachments
    assert (file.filename, file.content[:8]) == ("rank.png", b"\x89PNG\r\n\x1a\n")
    assert message.embeds[0]["image"]["url"].endswith("/rank.png")
    assert message.embeds[0]["description"] == "**Level 3** · 1 of 2"
    assert fields(message) == {"Last seen": f"<t:{house.desk.clock.time // 1000}:R>"}
    shown, call = await house.ask(house.minjun, "rank", {"member": house.ana}, locale="ko")
    assert not call.ephemeral
    assert shown.embeds[0]["description"] == "**레벨 3** · 2명 중 1위"
    assert len(shown.attachments) == 1
    assert shown.attachments[0].content != file.content, "what was done this week is not on it"


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("locale", ["en-US", "ko"])
def test_the_weeks_figures_are_on_the_card_only_where_they_may_be_seen(
    private: bool, locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[RankFacts] = []

    def drawing(facts: RankFacts) -> bytes:
        drawn.append(facts)
        return b""

    monkeypatch.setattr("tracker.discord.cards.rank_card", drawing)
    rules = parse_settings({"tiers": {**TIERS, "basis": "season"}})
    standing = Standing(
        user_id=UserId(5), name="민준🌸", exp=1250, basis_exp=310, place=3, total=95_476,
        week_voice_ms=5 * MINUTE, week_messages=1234, last_at=None, as_of=Ms(0),
    )  # fmt: skip
    rank_picture(standing, rules, locale, private=private)
    (facts,) = drawn
    assert (facts.level, facts.into, facts.span, facts.tier) == (12, 50, 100, "Silver")
    words = " ".join(f"{label}: {value}" for label, value in facts.figures)
    public = {"en-US": "EXP: 1,250 Place: #3", "ko": "경험치: 1,250 순위: 3위"}[locale]
    week = {
        "en-US": " Voice this week: 5 min Messages this week: 1,234",
        "ko": " 이번 주 음성 시간: 5분 이번 주 메시지: 1,234",
    }[locale]
    assert words == public + (week if private else "")


@pytest.mark.usefixtures("plain")
async def test_one_sees_all_of_ones_own_and_nobody_else_does(house: BoardHouse) -> None:
    await play(house)
    message, call = await house.ask(house.ana, "rank")
    assert call.ephemeral
    assert message.embeds[0]["title"] == "Ana"
    assert message.embeds[0]["description"] == "**Level 3**\n▰▰▱▱▱▱▱▱▱▱▱▱▱▱▱▱ 13 / 100 EXP"
    assert fields(message) == {
        "EXP": "313",
        "Place": "1 of 2",
        "Voice this week": "1 h 5 min",
        "Messages this week": "0",
        "Last seen": f"<t:{house.desk.clock.time // 1000}:R>",
    }
    message, _ = await house.ask(house.minjun, "rank", locale="ko")
    assert message.embeds[0]["description"] == "**레벨 0**\n▱▱▱▱▱▱▱▱▱▱▱▱▱▱▱▱ 경험치 1 / 100"
    assert fields(message)["순위"] == "2명 중 2위"
    assert fields(message)["이번 주 메시지"] == "1"


@pytest.mark.usefixtures("plain")
async def test_of_others_only_what_the_board_shows_is_seen(house: BoardHouse) -> None:
    await play(house)
    message, call = await house.ask(house.minjun, "rank", {"member": house.ana})
    assert not call.ephemeral
    assert fields(message) == {"EXP": "313", "Place": "1 of 2"}


@pytest.mark.usefixtures("plain")
async def test_who_manages_the_server_sees_all_alone(house: BoardHouse) -> None:
    await house.open()
    role = house.world.add_role(house.guild, "관리자", permissions=0x20)
    admin = house.world.add_member(house.guild, "admin", roles=[role])
    house.fact(MemberOptedOut(), house.minjun)
    house.fact(SettingsChanged(settings={"boards": {"enabled": False}}))
    for member in (house.ana, house.minjun):
        message, call = await house.ask(admin, "rank", {"member": member})
        assert call.ephemeral
        assert fields(message)["Last seen"] == "—"
        assert fields(message)["Place"] == "—"


@pytest.mark.parametrize(
    ("locale", "off", "nothing", "bot"),
    [
        (
            "en-US",
            "Leaderboards are switched off in this server.",
            "There is nothing to show of this member.",
            "Bots are not counted.",
        ),
        (
            "ko",
            "이 서버에서는 순위 보기가 꺼져 있습니다.",
            "이 멤버에 대해 보여 드릴 내용이 없습니다.",
            "봇은 집계하지 않습니다.",
        ),
    ],
)
async def test_what_may_not_be_seen_is_refused(
    house: BoardHouse, locale: str, off: str, nothing: str, bot: str
) -> None:
    await house.open()
    house.fact(MemberOptedOut(), house.ana)
    for member, said in ((house.ana, nothing), (house.beep, bot)):
        message, call = await house.ask(house.minjun, "rank", {"member": member}, locale=locale)
        assert (message.content, call.ephemeral) == (said, True)
    house.fact(SettingsChanged(settings={"boards": {"enabled": False}}))
    message, call = await house.ask(house.minjun, "rank", {"member": house.ana}, locale=locale)
    assert (message.content, call.ephemeral) == (off, True)
    message, _ = await house.ask(house.minjun, "rank", locale=locale)
    assert message.embeds, "one's own is always there"


@pytest.mark.usefixtures("plain")
async def test_levels_follow_the_guilds_curve_and_end_at_the_highest(house: BoardHouse) -> None:
    await house.open()
    house.fact(SettingsChanged(settings={"levels": {"kind": "thresholds", "exp": [10, 30]}}))
    house.fact(ExpAdjusted(amount=25, reason="", by=None), house.ana)
    message, _ = await house.ask(house.ana, "rank")
    assert message.embeds[0]["description"] == f"**Level 1**\n{'▰' * 12}▱▱▱▱ 15 / 20 EXP"
    house.fact(ExpAdjusted(amount=5, reason="", by=None), house.ana)
    message, _ = await house.ask(house.ana, "rank")
    assert message.embeds[0]["description"] == f"**Level 2**\n{'▰' * 16} the highest level"
    house.fact(ExpAdjusted(amount=-50, reason="", by=None), house.ana)
    message, _ = await house.ask(house.ana, "rank")
    assert message.embeds[0]["description"] == f"**Level 0**\n{'▱' * 16} 0 / 10 EXP"
    assert fields(message)["EXP"] == "−20"
    assert fields(message)["Place"] == "—"


@pytest.mark.parametrize(
    ("rules", "own", "others"),
    [
        ({}, "Silver", "Silver"),
        ({"basis": "season"}, "브론즈\n이번 시즌 경험치 기준: 120", "브론즈\n이번 시즌 경험치 기준"),
        (
            {"basis": "rolling", "rolling_days": 7},
            "아직 없음\n최근 7일 경험치 기준: 0",
            "아직 없음\n최근 7일 경험치 기준",
        ),
    ],
)
async def test_the_tier_is_shown_with_what_decides_it(
    house: BoardHouse, rules: dict[str, Any], own: str, others: str
) -> None:
    await house.open()
    house.fact(SettingsChanged(settings={"tiers": {**TIERS, **rules}}))
    house.fact(ExpAdjusted(amount=300, reason="", by=None), house.ana)
    house.fact(SeasonStarted(name="s"))
    house.fact(ExpAdjusted(amount=120, reason="", by=None), house.ana)
    message, _ = await house.ask(house.ana, "rank", locale="ko")
    assert fields(message)["등급"] == own
    message, _ = await house.ask(house.minjun, "rank", {"member": house.ana}, locale="ko")
    assert fields(message)["등급"] == others


async def test_a_database_that_is_away_is_told(house: BoardHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.open()

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr("store.board_queries.read_standing", away)
    message, _ = await house.ask(house.ana, "rank")
    assert "My database cannot be reached" in message.content
    assert not message.embeds
