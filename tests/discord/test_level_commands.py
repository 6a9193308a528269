"""`/level curve`, with the real ingest on SQLite behind it."""

from __future__ import annotations

import pytest

from tests.discord.ruled import RuledHouse
from tracker.discord.commands.level import thresholds_of

ONCE = "\nNothing is saved before you press Confirm; that is possible for 10 minutes."


async def test_who_would_rise_and_fall_is_shown_before_the_curve_is_saved(ruled: RuledHouse) -> None:
    await ruled.open()
    ruled.give(ruled.ana, 250)
    ruled.give(ruled.minjun, 90)
    message, _ = await ruled.ask("level curve linear", {"exp": 90})
    assert message.content == (
        f"Levels: **90 EXP each** (now: 100 EXP each){ONCE}\n"
        "Members counted: 4\nLevels: 1 would rise, 0 would fall\n"
        "Tier roles: 0 would gain one, 0 would lose one"
    )
    assert (await ruled.press(message, "yes"))[0].content == "Levels: **90 EXP each** (before: 100 EXP each)"
    assert ruled.document == {"levels": {"kind": "linear", "exp_per_level": 90}}
    message, _ = await ruled.ask("level curve mee6", locale="ko")
    assert message.content.startswith(
        "레벨 곡선: **MEE6 (레벨 1은 경험치 100, 레벨 10은 4,675)** (현재: 레벨마다 경험치 90)"
    )
    assert "레벨: 0명 상승, 2명 하락" in message.content
    await ruled.press(message, "yes", locale="ko")
    answer = await ruled.confirmed("level curve thresholds", {"exp": "10,20 30;40, 50,60"})
    assert answer.startswith("Levels: **6 levels at 10, 20, 30, 40, 50, … EXP** (before: MEE6")
    assert ruled.document == {"levels": {"kind": "thresholds", "exp": [10, 20, 30, 40, 50, 60]}}
    await ruled.confirmed("level curve linear", {"exp": 100})
    assert ruled.document == {}
    assert len(await ruled.changes()) == 4


async def test_a_curve_that_stays_as_it_is_proposes_nothing(ruled: RuledHouse) -> None:
    await ruled.open()
    message, _ = await ruled.ask("level curve linear", {"exp": 100})
    assert message.content == "Levels: **100 EXP each**, as before. Nothing was changed."
    assert ruled.buttons(message) == []


async def test_costs_that_do_not_rise_are_refused(ruled: RuledHouse) -> None:
    await ruled.open()
    assert (await ruled.order("level curve thresholds", {"exp": "100, 50"})).startswith("Write up to 1,000 whole")
    answer = await ruled.order("level curve thresholds", {"exp": "백"}, locale="ko")
    assert answer.startswith("100, 250, 500처럼 점점 커지는 정수를")
    assert await ruled.changes() == []


@pytest.mark.parametrize(
    ("typed", "costs"),
    [
        ("100,250, 500", [100, 250, 500]),
        ("1 2\n3", [1, 2, 3]),
        (" 5, ", [5]),
        ("", None),
        ("0, 5", None),
        ("5, 5", None),
        ("-5", None),
        ("1.5", None),
        ("１００", None),
        ("1000000000000", [10**12]),
        ("1000000000001", None),
        (" ".join(map(str, range(1, 1_002))), None),
    ],
)
def test_thresholds_are_rising_whole_numbers(typed: str, costs: list[int] | None) -> None:
    assert thresholds_of(typed) == costs
