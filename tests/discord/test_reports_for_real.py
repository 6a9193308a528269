"""`/report` and its buttons with the real ingest on SQLite behind them: everything up to the second of the question."""

from __future__ import annotations

import csv
import io

from tests.discord.house import check_embed
from tests.discord.personal import PersonalHouse
from tracker.sandbox import Message

HOUR, MINUTE = 3_600_000, 60_000


def fields(message: Message) -> dict[str, str]:
    check_embed(message.embeds[0])
    return {field["name"]: field["value"] for field in message.embeds[0]["fields"]}


def button(message: Message, label: str) -> str:
    found = [b["custom_id"] for row in message.components for b in row["components"] if b["label"] == label]
    return str(found[0])


async def play(own: PersonalHouse) -> None:
    """Ana is in voice for two hours, and still there; 민준 writes."""
    await own.open()
    own.world.join_voice(own.ana, own.talk)
    await own.in_rooms(1)
    own.desk.clock.time += 2 * HOUR + 5 * MINUTE
    own.world.send_message(own.minjun, own.text)


async def test_a_report_is_of_the_second_in_which_it_was_asked_for(own: PersonalHouse) -> None:
    await play(own)
    message, call = await own.ask(own.boss, "report", {"role": own.guild.everyone}, locale="ko")
    assert call.deferred
    assert not call.ephemeral
    shown = fields(message)
    assert shown["한눈에 보기"].splitlines()[:2] == [
        "👥 활동 멤버 **4명 중 3명 (75%)** ▲ 75%p",
        "🎧 총 음성 시간 **2시간 5분** ▲ 2시간 5분",
    ]
    assert shown["활동 상위 2명"].splitlines()[0] == "🥇 **Ana** — 2시간 5분"
    own.desk.clock.time += 10 * MINUTE
    message, _ = await own.ask(own.ana, "report", locale="en-US")
    assert fields(message)["At a glance"].splitlines()[1] == "🎧 Total voice **2 h 15 min** ▲ 2 h 15 min"
    hours = [line.split("**")[2] for line in fields(message)["Busiest hours"].splitlines()]
    assert hours == [" — 1 h", " — 48 min", " — 26 min"]


async def test_one_member_is_told_their_own_figures(own: PersonalHouse) -> None:
    await play(own)
    message = await own.privately(own.ana, "report", {"member": own.ana, "period": "weekly"})
    assert message.embeds[0]["title"] == "Ana: the week"
    assert fields(message)["At a glance"].splitlines()[:2] == [
        "🏅 Place 1 of 4 in Everyone",
        "🎧 Total voice **2 h 5 min** ▲ 2 h 5 min",
    ]
    message = await own.privately(own.minjun, "report", {"member": own.ana})
    assert "You can only ask about yourself" in message.content
    message = await own.privately(own.boss, "report", {"member": own.minjun, "role": own.role})
    assert "not among the members who have this role" in message.content


async def test_pages_and_the_full_list_hold_what_the_database_holds(own: PersonalHouse) -> None:
    await play(own)
    message, _ = await own.ask(own.boss, "report", locale="en-US")
    turned, _ = await own.press(own.boss, message, button(message, "◀ Previous"))
    assert fields(turned)["At a glance"].splitlines()[1] == "🎧 Total voice **0 min** ±0"
    call = own.world.press_button(own.boss, turned, button(turned, "Month"), locale="ko")
    await call.until(lambda: call.revision >= 2, 15)
    call = own.world.press_button(own.boss, turned, button(turned, "Full list"), locale="ko")
    listed, _ = await own.answer(call)
    (file,) = listed.attachments
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row[:2] for row in rows[1:]] == [["1", "Ana"], ["2", "민준"], ["3", "Sandbox owner"], ["4", "Boss"]]
    assert rows[1][3] == "2:05:00"
