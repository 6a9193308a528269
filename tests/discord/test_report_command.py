"""`/report`, from the click to the answer, through the sandbox."""

from __future__ import annotations

import asyncio

import pytest

from tests.discord.reports import report
from tests.discord.wire import Wire
from tracker.discord.desk import ReportDesk
from tracker.errors import DatabaseError, NotFoundError
from tracker.events.interaction import InteractionUsed
from tracker.sandbox import Channel, InteractionCall, Member, Message, Role, User

Options = dict[str, str | int | float | bool | Role | Member | User | Channel]


async def registered(wire: Wire) -> None:
    await wire.start()
    await wire.front.registered()


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
    role, period, date = command["options"]
    assert (role["name"], role["name_localizations"]["ko"]) == ("role", "역할")
    assert [(c["value"], c["name_localizations"]["ko"]) for c in period["choices"]] == [
        ("daily", "일간"),
        ("weekly", "주간"),
        ("monthly", "월간"),
    ]
    assert not date.get("required")


@pytest.mark.parametrize(
    ("locale", "title"),
    [("ko", "스터디 일간 활동 보고서"), ("en-US", "스터디: daily report"), ("fr", "스터디: daily report")],
)
async def test_it_is_answered_in_the_language_of_who_asks(wire: Wire, locale: str, title: str) -> None:
    wire.reader.answer = report(["Ana", "민준"])
    await registered(wire)
    options: Options = {"role": wire.role, "period": "daily", "date": "2026-02-18"}
    call = wire.world.use_command(wire.ana, wire.text, "report", options, locale=locale)
    message = await answer(call)
    assert call.deferred
    assert message.embeds[0]["title"] == title
    assert wire.reader.asked == [(wire.guild.id, wire.role.id, "daily", 20260218)]
    assert wire.intake.flushes == 1
    (used,) = wire.intake.of("interaction.used")
    assert (used.id, used.user_id, used.data) == (
        f"interaction:{call.id}",
        wire.ana.id,
        InteractionUsed(command="report"),
    )


async def test_everyone_is_no_role_and_no_date_is_today(wire: Wire) -> None:
    wire.reader.answer = report(["Ana"], role_id=None, role_name=None)
    await registered(wire)
    options: Options = {"role": wire.guild.everyone, "period": "weekly"}
    message = await answer(wire.world.use_command(wire.ana, wire.text, "report", options))
    assert wire.reader.asked == [(wire.guild.id, None, "weekly", None)]
    assert message.embeds[0]["title"].startswith("전체 멤버")


@pytest.mark.parametrize("date", ["2026-02-30", "yesterday", "18.2.2026", "**@everyone**", "1999-01-01"])
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
