"""The members' commands as Discord is told of them."""

from __future__ import annotations

from typing import Any

from tests.discord.house import BoardHouse


async def test_they_are_offered_in_both_languages_to_everybody_and_in_servers_only(house: BoardHouse) -> None:
    await house.open()
    commands = {command["name"]: command for command in house.world.commands()}
    korean = {name: commands[name]["name_localizations"]["ko"] for name in ("studyroom", "leaderboard", "rank")}
    assert korean == {"studyroom": "스터디방확인", "leaderboard": "리더보드", "rank": "랭크"}
    for name in korean:
        assert commands[name]["contexts"] == [0]
        assert not commands[name].get("default_member_permissions")


async def test_the_leaderboards_options_can_all_be_left_out(house: BoardHouse) -> None:
    await house.open()
    board = next(command for command in house.world.commands() if command["name"] == "leaderboard")
    period, by, page = board["options"]
    assert not any(option.get("required") for option in board["options"])
    assert [o["name_localizations"]["ko"] for o in (period, by, page)] == ["기간", "기준", "페이지"]

    def choices(option: dict[str, Any]) -> list[tuple[str, str]]:
        return [(choice["value"], choice["name_localizations"]["ko"]) for choice in option["choices"]]

    assert choices(period) == [
        ("today", "오늘"),
        ("week", "이번 주"),
        ("month", "이번 달"),
        ("season", "이번 시즌"),
        ("all", "전체 기간"),
    ]
    assert choices(by) == [("exp", "경험치"), ("voice", "음성 시간"), ("messages", "메시지")]
    assert page["min_value"] == 1
