"""`/report`, from the click to the answer, through the sandbox."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.discord.reports import entry, report
from tests.discord.wire import Wire
from tracker.discord.desk import ReportDesk
from tracker.errors import DatabaseError, NotFoundError
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed
from tracker.events.rule import SettingsChanged
from tracker.ids import GuildId, UserId, mint_event_id
from tracker.projections.days import local_day, previous_day
from tracker.reports.window import containing
from tracker.sandbox import Channel, InteractionCall, Member, Message, Overwrite, Permission, Role, User

UTC = ZoneInfo("UTC")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
Options = dict[str, str | int | float | bool | Role | Member | User | Channel]


async def registered(wire: Wire) -> None:
    await wire.start()
    await wire.front.registered()


def today(wire: Wire) -> int:
    return local_day(UTC, wire.intake.clock.now()).day


def boss(wire: Wire) -> Member:
    """Somebody who manages the server."""
    role = wire.world.add_role(wire.guild, "운영진", permissions=Permission.MANAGE_GUILD)
    return wire.world.add_member(wire.guild, "boss", roles=[role])


def fields(message: Message) -> dict[str, str]:
    return {field["name"]: field["value"] for field in message.embeds[0]["fields"]}


async def answer(call: InteractionCall) -> Message:
    message = await call.answered()
    assert message is not None
    assert call.acknowledged_ms is not None
    assert call.acknowledged_ms < 3000
    assert not call.errors
    return message


async def test_the_command_is_offered_in_both_languages_and_in_servers_only(wire: Wire) -> None:
    await registered(wire)
    (command,) = wire.world.commands()
    assert command["name"] == "report"
    assert command["name_localizations"]["ko"] == "보고서"
    assert command["contexts"] == [0]
    options = command["options"]
    names = [(option["name"], option["name_localizations"]["ko"]) for option in options]
    assert [name for name, _ in names] == ["role", "period", "date", "from", "to", "member"]
    assert [korean for _, korean in names] == ["역할", "기간", "날짜", "시작일", "종료일", "멤버"]
    assert [option["name"] for option in options if option.get("autocomplete")] == ["date", "from", "to"]
    assert not any(option.get("required") for option in options)
    assert not command.get("default_member_permissions")
    period = options[1]
    assert [(c["value"], c["name_localizations"]["ko"]) for c in period["choices"]] == [
        ("daily", "일간"),
        ("weekly", "주간"),
        ("monthly", "월간"),
    ]


@pytest.mark.parametrize(
    ("locale", "title"),
    [("ko", "스터디 일간 활동 보고서"), ("en-US", "스터디: daily report"), ("fr", "스터디: daily report")],
)
async def test_it_is_answered_in_the_language_of_who_asks(wire: Wire, locale: str, title: str) -> None:
    wire.reader.answer = report(["Ana", "민준"])
    await registered(wire)
    options: Options = {"role": wire.role, "period": "daily", "date": "2023-11-10"}
    call = wire.world.use_command(wire.ana, wire.text, "report", options, locale=locale)
    message = await answer(call)
    assert call.deferred
    assert message.embeds[0]["title"] == title
    assert wire.reader.asked == [(wire.guild.id, wire.role.id, "daily", 20231110)]
    assert wire.intake.flushes == 1
    assert call.ephemeral, "she does not manage the server"
    (used,) = wire.intake.of("interaction.used")
    assert (used.id, used.user_id, used.data) == (
        f"interaction:{call.id}",
        wire.ana.id,
        InteractionUsed(command="report"),
    )


@pytest.mark.parametrize(
    ("locale", "note"), [("ko", "과거 기록을 집계하고 있습니다"), ("en-US", "History was added to this server")]
)
async def test_it_says_so_while_history_that_was_added_is_being_counted(wire: Wire, locale: str, note: str) -> None:
    wire.reader.answer = report(["Ana"])
    await registered(wire)
    options: Options = {"role": wire.role, "period": "daily", "date": "2023-11-10"}
    plain = await answer(wire.world.use_command(wire.ana, wire.text, "report", options, locale=locale))
    assert note not in plain.embeds[0]["description"]
    wire.intake.sight.waiting = {GuildId(wire.guild.id)}
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", options, locale=locale))
    assert note in message.embeds[0]["description"]


async def test_everyone_is_no_role_and_what_is_left_out_is_everyone_and_today(wire: Wire) -> None:
    wire.reader.answer = report(["Ana"], role_id=None, role_name=None)
    await registered(wire)
    options: Options = {"role": wire.guild.everyone, "period": "weekly"}
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", options))
    await answer(wire.world.use_command(wire.ana, wire.text, "report", {}))
    assert wire.reader.asked == [
        (wire.guild.id, None, "weekly", containing("weekly", today(wire), UTC).first_day),
        (wire.guild.id, None, "daily", today(wire)),
    ]
    assert message.embeds[0]["title"].startswith("전체 멤버")


@pytest.mark.parametrize("date", ["2026-02-30", "some day", "18.2.2026", "**@everyone**", "1999-01-01", "2199-01-01"])
async def test_a_bad_date_is_refused_to_the_one_who_asks_only(wire: Wire, date: str) -> None:
    await registered(wire)
    options: Options = {"role": wire.role, "period": "daily", "date": date}
    call = wire.world.use_command(wire.ana, wire.text, "report", options, locale="en-US")
    message = await answer(call)
    assert "is not a date that I can use" in message.content
    assert "@everyone" not in message.content
    assert message.ephemeral_to == wire.ana.id
    assert not wire.reader.asked


@pytest.mark.parametrize(
    ("error", "locale", "said"),
    [
        (NotFoundError("no such role"), "en-US", "I know nothing of this role"),
        (NotFoundError("no such role"), "ko", "아직 이 역할을 모릅니다"),
        (DatabaseError("locked"), "en-US", "My database cannot be reached"),
        (DatabaseError("locked"), "ko", "데이터베이스에 연결할 수 없습니다"),
        (ZeroDivisionError(), "en-US", "Something went wrong on my side"),
    ],
)
async def test_what_goes_wrong_is_told_in_one_sentence(wire: Wire, error: Exception, locale: str, said: str) -> None:
    wire.reader.answer = error
    await registered(wire)
    options: Options = {"role": wire.role, "period": "daily"}
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", options, locale=locale))
    assert said in message.content
    assert not message.embeds


async def test_a_role_that_was_never_described_is_refused_at_once(wire: Wire) -> None:
    await registered(wire)
    wire.intake.state.guild(wire.guild_id).role_names.clear()
    options: Options = {"role": wire.role, "period": "daily"}
    call = wire.world.use_command(wire.ana, wire.text, "report", options, locale="en-US")
    assert "I know nothing of this role" in (await answer(call)).content
    assert call.ephemeral
    assert not wire.reader.asked


async def test_a_database_that_does_not_answer_is_away(wire: Wire) -> None:
    forever = asyncio.Event()
    started = 0

    async def flush() -> None:
        nonlocal started
        started += 1
        await forever.wait()

    wire.intake.flush = flush  # type: ignore[method-assign]
    desk = ReportDesk(wire.intake, wire.reader, patience_s=0.05)
    asked = [desk.report(wire.guild_id, None, "daily", None) for _ in range(20)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, DatabaseError) for result in results)
    assert started == 2, "flushes that wait are shared, not piled up"
    forever.set()


async def test_any_two_dates_make_a_report_and_words_are_dates_too(wire: Wire) -> None:
    wire.reader.answer = report(["Ana"])
    await registered(wire)
    for options in ({"from": "2023-10-05", "to": "2023-10-20"}, {"from": "어제"}, {"date": "Yesterday"}):
        call = wire.world.use_command(wire.ana, wire.text, "report", dict[str, Any](options))
        message = await answer(call)
    day = today(wire)
    assert [(period, days) for _, _, period, days in wire.reader.asked] == [
        ("range", 2023100520231020), ("range", previous_day(day) * 10**8 + day), ("daily", previous_day(day)),
    ]  # fmt: skip
    assert message.ephemeral_to == wire.ana.id


@pytest.mark.parametrize(
    ("options", "english", "korean"),
    [
        ({"to": "2023-10-20"}, "give the first day (from) too", "시작일도 적어 주세요"),
        ({"date": "2023-10-20", "from": "2023-10-20"}, "Give either a date, or from and to", "함께 쓸 수 없습니다"),
        ({"from": "2023-10-20", "to": "2023-10-19"}, "The last day is before the first", "시작일보다 앞섭니다"),
        ({"from": "soon"}, "soon is not a date that I can use", "soon 은(는) 쓸 수 없는 날짜입니다"),
    ],
)
async def test_dates_that_make_no_window_are_refused_to_who_asks(
    wire: Wire, options: Options, english: str, korean: str
) -> None:
    await registered(wire)
    for locale, said in (("en-US", english), ("ko", korean)):
        message = await answer(wire.world.use_command(wire.ana, wire.text, "report", options, locale=locale))
        assert said in message.content
        assert message.ephemeral_to == wire.ana.id
    assert not wire.reader.asked


@pytest.mark.parametrize(("locale", "first"), [("en-US", "today · "), ("ko", "오늘 · ")])
async def test_dates_are_proposed_while_they_are_typed(wire: Wire, locale: str, first: str) -> None:
    await registered(wire)
    for option in ("date", "from", "to"):
        call = wire.world.type_command(wire.ana, wire.text, "report", option, {option: ""}, locale=locale)
        await call.acknowledged()
        assert call.choices is not None
        assert len(call.choices) == 25
        assert call.choices[0]["name"].startswith(first)


async def test_who_manages_the_server_answers_to_everybody_with_everything(wire: Wire) -> None:
    wire.reader.answer = report(["Ana", "민준"])
    manager = boss(wire)
    await registered(wire)
    call = wire.world.use_command(manager, wire.text, "report", {"role": wire.role}, locale="en-US")
    message = await answer(call)
    assert not call.ephemeral
    assert {"Top 2", "Low activity · 3 did nothing"} <= set(fields(message))


async def test_anybody_else_sees_the_first_if_there_are_boards_and_never_the_last(wire: Wire) -> None:
    wire.reader.answer = report(["Ana", "민준"])
    await registered(wire)
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", {}, locale="en-US"))
    assert list(fields(message)) == ["At a glance", "Top 2"]
    assert [bool(drawn.top) for drawn in wire.pictures.drawn] == [True]
    now = wire.intake.clock.now()
    settings = SettingsChanged(settings={"boards": {"enabled": False}})
    wire.intake.accept(Event(id=mint_event_id(now), guild_id=wire.guild_id, occurred_at=now, data=settings))
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", {}, locale="en-US"))
    assert list(fields(message)) == ["At a glance"]
    assert "Ana" not in str(message.embeds)
    assert [(bool(drawn.top), bool(drawn.low)) for drawn in wire.pictures.drawn] == [(True, False), (False, False)]


async def test_a_member_sees_their_own_report_and_managers_anybodys(wire: Wire) -> None:
    own = replace(entry(4, "Ana", interactions=0), user_id=UserId(wire.ana.id))
    wire.reader.answer = report([], top=(own,), role_id=None, role_name=None)
    manager = boss(wire)
    await registered(wire)
    asked: Options = {"member": wire.ana, "period": "weekly"}
    for who, locale, title, figures in (
        (wire.ana, "ko", "Ana 님의 주간 활동", KOREAN),
        (manager, "en-US", "Ana: the week", ENGLISH),
    ):
        call = wire.world.use_command(who, wire.text, "report", asked, locale=locale)
        message = await answer(call)
        assert call.ephemeral
        assert message.embeds[0]["title"] == title
        (lines,) = fields(message).values()
        assert lines.splitlines() == [line.format(at=(own.last_seen or 0) // 1000) for line in figures]
    message = await answer(wire.world.use_command(wire.minjun, wire.text, "report", asked, locale="ko"))
    assert "다른 멤버의 기록은 서버 관리자만" in message.content
    message = await answer(wire.world.use_command(manager, wire.text, "report", {"member": wire.beep}, locale="ko"))
    assert "봇은 집계하지 않습니다" in message.content
    mine: Options = {"member": wire.minjun, "role": wire.role}
    message = await answer(wire.world.use_command(wire.minjun, wire.text, "report", mine, locale="ko"))
    assert "이 역할을 가진 멤버 중에 없습니다" in message.content


KOREAN = [
    "🏅 전체 멤버 24명 중 4위",
    "🎧 총 음성 시간 **1시간** ▼ 1분",
    "⏱️ 평균 접속 시간 **30분**",
    "🚪 음성 접속 **2** ±0",
    "💬 메시지 **12** ±0",
    "⌨️ 명령어 사용 **0** ±0",
    "✨ 경험치 **24** ▲ 3",
    "👀 마지막 활동 <t:{at}:f>",
]
ENGLISH = [
    "🏅 Place 4 of 24 in Everyone",
    "🎧 Total voice **1 h** ▼ 1 min",
    "⏱️ Average session **30 min**",
    "🚪 Sessions **2** ±0",
    "💬 Messages **12** ±0",
    "⌨️ Interactions **0** ±0",
    "✨ EXP **24** ▲ 3",
    "👀 Last seen <t:{at}:f>",
]


async def test_the_picture_is_shown_in_the_embed(wire: Wire) -> None:
    wire.reader.answer, wire.pictures.png = report(["Ana"]), PNG
    await registered(wire)
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", {}))
    (file,) = message.attachments
    assert (file.filename, file.content) == ("report.png", PNG)
    assert "report.png" in message.embeds[0]["image"]["url"]


async def test_where_the_bot_may_not_attach_files_nothing_is_drawn(wire: Wire) -> None:
    wire.reader.answer, wire.pictures.png = report(["Ana"]), PNG
    bot_role = next(role for role in wire.guild.roles.values() if role.managed)
    wire.world.set_overwrite(wire.text, Overwrite(id=bot_role.id, deny=int(Permission.ATTACH_FILES)))
    await registered(wire)
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", {}))
    assert not message.attachments
    assert not wire.pictures.drawn
    assert message.embeds
