"""What is confirmed is done once, by who asked, while it is still what was shown."""

from __future__ import annotations

from functools import partial

import pytest

from tests.discord.house import Options
from tests.discord.ruled import RuledHouse
from tests.ingest.support import HandClock
from tracker.discord.confirming import HOLDS_MS, Confirmations, Proposal
from tracker.discord.texts import translate
from tracker.errors import DatabaseError
from tracker.ids import UserId
from tracker.ingest.rules import Rules
from tracker.sandbox.permissions import Permission

LINEAR: Options = {"exp": 50}


async def test_pressed_twice_it_is_done_once(ruled: RuledHouse) -> None:
    await ruled.open()
    message, _ = await ruled.ask("level curve linear", LINEAR)
    (yes, _no) = ruled.buttons(message)
    calls = [ruled.world.press_button(ruled.boss, message, yes, locale="en-US") for _ in range(2)]
    answers = [await call.answered() for call in calls]
    said = [answer.content for answer in answers if answer is not None]
    assert sorted(said) == [
        "Levels: **50 EXP each** (before: 100 EXP each)",
        "That was decided already or has expired. If in doubt, see /config show.",
    ]
    assert len(await ruled.changes()) == 1
    assert message.content == "Levels: **50 EXP each** (before: 100 EXP each)"


async def test_nobody_else_can_decide_it(ruled: RuledHouse) -> None:
    role = ruled.world.add_role(ruled.guild, "운영진 2", permissions=Permission.MANAGE_GUILD)
    other = ruled.world.add_member(ruled.guild, "other", roles=[role])
    await ruled.open()
    message, _ = await ruled.ask("level curve linear", LINEAR)
    with pytest.raises(PermissionError):  # Discord shows it to nobody else
        await ruled.press(message, "yes", who=other)
    message.ephemeral_to = None
    for locale, said in (("en-US", "Only the person who ran"), ("ko", "명령어를 실행한 사람만")):
        answered, call = await ruled.press(message, "yes", who=other, locale=locale)
        assert answered.content.startswith(said)
        assert call.ephemeral
    assert await ruled.changes() == []
    await ruled.press(message, "yes")
    assert len(await ruled.changes()) == 1


async def test_it_is_not_saved_when_the_settings_changed_meanwhile(ruled: RuledHouse) -> None:
    await ruled.open()
    message, _ = await ruled.ask("level curve linear", LINEAR, locale="ko")
    await ruled.order("config timezone", {"zone": "Asia/Seoul"})
    answered, _ = await ruled.press(message, "yes", locale="ko")
    assert answered.content.startswith("그사이 설정이 바뀌어 미리 본 숫자가 더 이상 맞지 않습니다.")
    assert ruled.buttons(answered) == []
    assert ruled.document == {"timezone": "Asia/Seoul"}


async def test_it_is_not_saved_after_ten_minutes(ruled: RuledHouse) -> None:
    await ruled.open()
    late, _ = await ruled.ask("level curve linear", LINEAR)
    ruled.desk.clock.time += HOLDS_MS + 1
    answered, _ = await ruled.press(late, "yes")
    assert answered.content == ("That took longer than 10 minutes. Nothing was changed; please run the command again.")
    just, _ = await ruled.ask("level curve linear", LINEAR)
    ruled.desk.clock.time += HOLDS_MS
    await ruled.press(just, "yes")
    assert len(await ruled.changes()) == 1


async def test_another_process_knows_nothing_of_it(ruled: RuledHouse) -> None:
    await ruled.open()
    message, _ = await ruled.ask("level curve linear", LINEAR)
    await ruled.go_down()
    ruled.next_process()
    await ruled.open()
    answered, _ = await ruled.press(message, "yes")
    assert answered.content.startswith("That was decided already or has expired.")
    assert await ruled.changes() == []


async def test_a_database_that_is_away_is_told_and_proposes_nothing(
    ruled: RuledHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ruled.open()

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    await ruled.confirmed("tier add", {"role": ruled.role, "name": "Silver", "min_level": 4})
    await ruled.confirmed("tier basis", {"basis": "season"})
    monkeypatch.setattr("tracker.ingest.previews.read_people", away)
    monkeypatch.setattr("tracker.ingest.previews.read_footing", away)
    season: Options = {"name": "one"}
    for command, options in (
        ("level curve mee6", None),
        ("tier preview", None),
        ("season start", season),
        ("nickname on", None),
        ("nickname show", None),
    ):
        message, _ = await ruled.ask(command, options)
        assert message.content.startswith("My database cannot be reached")
        assert ruled.buttons(message) == []
    assert len(await ruled.changes()) == 2


async def test_what_fails_after_all_is_told(ruled: RuledHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    await ruled.open()
    message, _ = await ruled.ask("level curve linear", LINEAR)

    def broken(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Rules, "change", broken)
    answered, _ = await ruled.press(message, "yes", locale="ko")
    assert answered.content.startswith("봇에 문제가 생겨 로그에 남겼습니다.")


def test_the_oldest_gives_way_when_a_thousand_wait() -> None:
    waiting, done, t = Confirmations(HandClock()), list[int](), translate("en")
    for number in range(1_001):
        proposal = Proposal(asker=UserId(1), stands=lambda: True, apply=partial(done.append, number), done="", about="")
        waiting.ask(proposal, t)
    assert len(waiting) == 1_000
