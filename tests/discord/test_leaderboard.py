"""`/leaderboard` and its buttons, with the real ingest on SQLite behind them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.house import BoardHouse, check_embed
from tracker.discord.board_pages import BoardPage
from tracker.errors import DatabaseError
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberOptedOut
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.sandbox import InteractionCall, Member, Message

HOUR, MINUTE = 3_600_000, 60_000


def give(house: BoardHouse, member: Member, amount: int) -> None:
    house.fact(ExpAdjusted(amount=amount, reason="", by=None), member)


def crowd(house: BoardHouse, count: int) -> list[Member]:
    return [house.world.add_member(house.guild, f"m{n}", nick=f"member {n}") for n in range(1, count + 1)]


def buttons(message: Message) -> list[dict[str, Any]]:
    (row,) = message.components
    return list(row["components"])


def lines(message: Message) -> list[str]:
    return [line for line in message.embeds[0]["description"].split("\n") if " — " in line]


def bottom(message: Message) -> str:
    return str(message.embeds[0]["description"].split("\n")[-1])


async def test_it_shows_what_was_played_in_both_languages(house: BoardHouse) -> None:
    await house.open()
    house.world.join_voice(house.ana, house.talk)
    await house.in_rooms(1)
    house.desk.clock.time += HOUR + 5 * MINUTE
    house.world.send_message(house.minjun, house.text)
    message, call = await house.ask(house.minjun, "leaderboard")
    assert call.deferred
    assert not call.ephemeral
    assert lines(message) == ["🥇 **Ana** Lv. 0 — 13 EXP", "🥈 **민준** Lv. 0 — 1 EXP"]
    assert bottom(message) == "**민준** is number 2 of 2, with 1 EXP."
    message, _ = await house.ask(house.ana, "leaderboard", {"by": "voice", "period": "today"})
    assert lines(message) == ["🥇 **Ana** Lv. 0 — 1 h 5 min"]
    message, _ = await house.ask(house.ana, "leaderboard", {"by": "messages", "period": "week"}, locale="ko")
    assert message.embeds[0]["title"] == "메시지 순위"
    assert message.embeds[0]["footer"]["text"] == "1/1 페이지 · 멤버 1명"
    assert lines(message) == ["🥇 **민준** Lv.0 — 메시지 1개"]
    assert bottom(message) == f"<@{house.ana.id}> 님은 이 순위에 없습니다."
    assert all(button["disabled"] for button in buttons(message))


async def test_anybody_turns_the_pages_and_sees_their_own_place(house: BoardHouse) -> None:
    people = crowd(house, 25)
    await house.open(27)
    for n, person in enumerate(people, start=1):
        give(house, person, 100 - n)
    message, _ = await house.ask(people[22], "leaderboard")
    assert lines(message)[0] == "🥇 **member 1** Lv. 0 — 99 EXP"
    assert bottom(message) == "**member 23** is number 23 of 25, with 77 EXP."
    back, on = buttons(message)
    assert (back["disabled"], on.get("disabled", False)) == (True, False)
    message, call = await house.press(house.minjun, message, on["custom_id"], locale="ko")
    assert call.deferred
    assert lines(message)[0] == "`11` **member 11** Lv.0 — 경험치 89"
    assert bottom(message) == f"<@{house.minjun.id}> 님은 이 순위에 없습니다."
    message, _ = await house.press(house.ana, message, buttons(message)[1]["custom_id"])
    assert len(lines(message)) == 5
    back, on = buttons(message)
    assert (back.get("disabled", False), on["disabled"]) == (False, True)
    message, _ = await house.press(house.ana, message, back["custom_id"])
    assert lines(message)[0] == "`11` **member 11** Lv. 0 — 89 EXP"


async def test_a_button_works_after_a_restart(house: BoardHouse) -> None:
    people = crowd(house, 12)
    await house.open(14)
    for n, person in enumerate(people, start=1):
        give(house, person, 100 - n)
    message, _ = await house.ask(house.ana, "leaderboard")
    await house.go_down()
    house.next_process()
    await house.open(14)
    message, _ = await house.press(house.ana, message, buttons(message)[1]["custom_id"])
    assert lines(message) == ["`11` **member 11** Lv. 0 — 89 EXP", "`12` **member 12** Lv. 0 — 88 EXP"]


async def test_a_page_may_be_asked_for_and_one_too_far_is_the_last(house: BoardHouse) -> None:
    people = crowd(house, 12)
    await house.open(14)
    for person in people:
        give(house, person, 5)
    message, _ = await house.ask(house.ana, "leaderboard", {"page": 2})
    assert [line.split("**")[1] for line in lines(message)] == ["member 11", "member 12"], "ties go by user id"
    message, _ = await house.ask(house.ana, "leaderboard", {"page": 1_000_000})
    assert message.embeds[0]["footer"]["text"] == "Page 2 of 2 · 12 members"


async def test_the_departed_and_the_opted_out_are_left_out(house: BoardHouse) -> None:
    gone, shy = crowd(house, 2)
    await house.open(4)
    for person in (gone, shy, house.ana):
        give(house, person, 5)
    house.fact(MemberOptedOut(), shy)
    house.world.remove_member(gone)
    await house.without(gone)
    message, _ = await house.ask(shy, "leaderboard")
    assert lines(message) == ["🥇 **Ana** Lv. 0 — 5 EXP"]
    assert bottom(message) == f"<@{shy.id}> is not on this board."


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "Leaderboards are switched off in this server."),
        ("ko", "이 서버에서는 순위 보기가 꺼져 있습니다."),
    ],
)
async def test_where_boards_are_switched_off_command_and_button_are_refused(
    house: BoardHouse, locale: str, said: str
) -> None:
    people = crowd(house, 11)
    await house.open(13)
    for person in people:
        give(house, person, 5)
    shown, _ = await house.ask(house.ana, "leaderboard")
    before = shown.embeds
    house.fact(SettingsChanged(settings={"boards": {"enabled": False}}))
    message, call = await house.ask(house.ana, "leaderboard", locale=locale)
    assert (message.content, call.ephemeral) == (said, True)
    message, call = await house.press(house.ana, shown, buttons(shown)[1]["custom_id"], locale=locale)
    assert (message.content, call.ephemeral) == (said, True)
    assert shown.embeds == before


async def test_a_season_has_a_board_of_its_own_by_exp_only(house: BoardHouse) -> None:
    await house.open()
    give(house, house.minjun, 500)
    message, _ = await house.ask(house.ana, "leaderboard", {"period": "season"})
    assert "No season has been started in this server." in message.embeds[0]["description"]
    house.desk.clock.time += HOUR
    house.fact(SeasonStarted(name="봄 *시즌*"))
    give(house, house.ana, 250)
    message, _ = await house.ask(house.ana, "leaderboard", {"period": "season"}, locale="ko")
    since = house.desk.clock.time // 1000
    assert message.embeds[0]["description"].split("\n")[0] == f"**시즌 봄 \\*시즌\\* (<t:{since}:D>부터)**"
    assert lines(message) == ["🥇 **Ana** Lv.2 — 경험치 250"]
    message, _ = await house.ask(house.ana, "leaderboard", {"period": "all"})
    assert lines(message) == ["🥇 **민준** Lv. 5 — 500 EXP", "🥈 **Ana** Lv. 2 — 250 EXP"]
    message, call = await house.ask(house.ana, "leaderboard", {"period": "season", "by": "voice"}, locale="ko")
    assert call.ephemeral
    assert "시즌 순위는 경험치로만 볼 수 있습니다" in message.content
    assert BoardPage.parse("board/season/exp/0") is not None


async def test_what_is_asked_again_is_as_fresh_as_the_first_time(house: BoardHouse) -> None:
    await house.open()
    for amount in range(1, 6):
        give(house, house.ana, 1)
        message, _ = await house.ask(house.minjun, "leaderboard")
        assert lines(message) == [f"🥇 **Ana** Lv. 0 — {amount} EXP"]
    house.fact(MemberOptedOut(), house.ana)
    message, _ = await house.ask(house.minjun, "leaderboard")
    assert lines(message) == []


async def test_hostile_names_fit(house: BoardHouse) -> None:
    names = ["*" * 32, "👩‍👩‍👧‍👦" * 4, "مرحبا" * 6, "@everyone", "[x](https://evil.example)", "`" * 32, "\n\n\n"]
    people = [house.world.add_member(house.guild, f"m{n}", nick=names[n % len(names)]) for n in range(300)]
    await house.open(302)
    for person in people:
        give(house, person, 1_000_000_000)
    for page in (1, 30):
        message, _ = await house.ask(people[0], "leaderboard", {"page": page})
        check_embed(message.embeds[0])
        assert len(message.embeds[0]["description"].split("\n")) == 14
        assert "@everyone" not in message.embeds[0]["description"]
    assert message.embeds[0]["footer"]["text"] == "Page 30 of 30 · 300 members"


async def test_a_database_that_is_away_is_told_and_the_board_stays(
    house: BoardHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = crowd(house, 11)
    await house.open(13)
    for person in people:
        give(house, person, 5)
    shown, _ = await house.ask(house.ana, "leaderboard")
    before = shown.embeds

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr("store.board_queries.read_board", away)
    monkeypatch.setattr("store.board_queries.read_named", away)
    monkeypatch.setattr("tracker.ingest.kept_boards.read_named", away)
    message, _ = await house.ask(house.ana, "leaderboard", locale="ko")
    assert "데이터베이스에 연결할 수 없습니다" in message.content
    call: InteractionCall = house.world.press_button(house.ana, shown, buttons(shown)[1]["custom_id"], locale="ko")
    await call.until(lambda: bool(call.followups), 10)
    assert "데이터베이스에 연결할 수 없습니다" in call.followups[0].content
    assert call.followups[0].ephemeral_to == house.ana.id
    assert shown.embeds == before


@pytest.mark.parametrize(
    "custom_id",
    ["", "board", "board:all/exp", "board:all/exp/-1", "board:all/exp/x", "board:ever/exp/1", "a:all/exp/1"],
)
def test_a_button_that_is_none_of_ours_leads_nowhere(custom_id: str) -> None:
    assert BoardPage.parse(custom_id) is None


def test_a_button_leads_where_its_name_says() -> None:
    page = BoardPage(period="month", measure="voice", page=7)
    assert BoardPage.parse(page.custom_id) == page
    assert BoardPage.parse("board/month/voice/7") == page, "buttons of before the colon go on working"


async def test_a_press_counts_under_the_name_of_what_was_pressed_without_its_page(house: BoardHouse) -> None:
    people = crowd(house, 11)
    await house.open(13)
    for person in people:
        give(house, person, 5)
    message, _ = await house.ask(house.ana, "leaderboard")
    await house.press(house.ana, message, buttons(message)[1]["custom_id"])
    used = [event.data for event in house.desk.logged(house.guild_id) if event.type == "interaction.used"]
    assert InteractionUsed(command="board", kind="button") in used
