"""The buttons under a report, pressed in the sandbox by those who manage the server and by those who do not."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.discord.reports import entry, report
from tests.discord.wire import Wire
from tracker.discord.report_pages import ReportPage, report_buttons
from tracker.errors import DatabaseError
from tracker.events.interaction import InteractionUsed
from tracker.ids import Ms, RoleId
from tracker.reports.window import Period, between, containing
from tracker.sandbox import InteractionCall, Member, Message, Permission

SEOUL = ZoneInfo("Asia/Seoul")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def buttons(message: Message) -> dict[str, dict[str, Any]]:
    return {button["label"]: button for row in message.components for button in row["components"]}


def fields(message: Message) -> list[str]:
    return [field["name"] for field in message.embeds[0]["fields"]]


class Desk:
    """A report that Boss, who manages the server, had shown in the channel."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        role = wire.world.add_role(wire.guild, "운영진", permissions=Permission.MANAGE_GUILD)
        self.boss = wire.world.add_member(wire.guild, "boss", roles=[role])
        wire.reader.answer = report(["Ana", "민준"])

    async def shown(self, who: Member | None = None, locale: str = "ko") -> Message:
        call = self.wire.world.use_command(
            who or self.boss, self.wire.text, "report", {"role": self.wire.role, "date": "2023-11-08"}, locale=locale
        )
        message = await call.answered()
        assert message is not None
        return message

    async def press(self, who: Member, message: Message, label: str, locale: str = "ko") -> InteractionCall:
        call = self.wire.world.press_button(who, message, buttons(message)[label]["custom_id"], locale=locale)
        await call.acknowledged()
        assert call.acknowledged_ms is not None
        assert call.acknowledged_ms < 3000
        if call.deferred:
            await call.until(lambda: call.revision >= 2 or bool(call.followups), 15)
        assert not call.errors
        return call


@pytest.fixture
async def desk(wire: Wire) -> Desk:
    desk = Desk(wire)
    await wire.start()
    await wire.front.registered()
    return desk


async def test_who_manages_the_server_turns_the_page_for_everybody_and_its_language_stays(desk: Desk) -> None:
    desk.wire.pictures.png = PNG
    message = await desk.shown()
    assert list(buttons(message)) == ["◀ 이전", "다음 ▶", "전체 목록", "주간", "월간"]
    (drawn,) = message.attachments
    for label, period, day in (
        ("◀ 이전", "daily", 20231107),
        ("주간", "weekly", 20231106),
        ("월간", "monthly", 20231101),
    ):
        call = await desk.press(desk.boss, message, label, "en-US")
        assert call.message is None, "the message itself has changed"
        assert desk.wire.reader.asked[-1] == (desk.wire.guild_id, desk.wire.role.id, period, day)
    assert message.embeds[0]["title"] == "스터디 월간 활동 보고서"
    assert "활동이 적은 멤버 · 활동 없음 3명" in fields(message)
    (again,) = message.attachments
    assert again.id != drawn.id
    desk.wire.pictures.png = None
    await desk.press(desk.boss, message, "◀ 이전")
    assert not message.attachments
    assert "image" not in message.embeds[0]


async def test_anybody_else_gets_a_page_of_their_own_and_turns_it_alone(desk: Desk) -> None:
    message = await desk.shown()
    before = message.embeds
    call = await desk.press(desk.wire.ana, message, "◀ 이전", "en-US")
    own = call.message
    assert own is not None
    assert own is not message
    assert own.ephemeral_to == desk.wire.ana.id
    assert list(buttons(own)) == ["◀ Previous", "Next ▶", "Week", "Month"], "the full list is not for them"
    assert fields(own) == ["At a glance", "Top 2"]
    assert message.embeds is before
    call = await desk.press(desk.wire.ana, own, "Week", "en-US")
    assert call.message is None, "their own page has changed"
    assert own.embeds[0]["title"] == "스터디: weekly report"
    assert fields(own) == ["At a glance", "Top 2"]


async def test_the_full_list_is_a_file_for_who_manages_the_server_and_only_them(desk: Desk) -> None:
    message = await desk.shown()
    call = await desk.press(desk.boss, message, "전체 목록")
    listed = call.message
    assert listed is not None
    assert listed.ephemeral_to == desk.boss.id
    assert listed.content == "멤버 2명의 목록입니다. 엑셀에서 바로 열 수 있습니다."
    (file,) = listed.attachments
    assert file.filename == "activity-2023-11-08.csv"
    assert file.content.decode("utf-8-sig").splitlines()[1].startswith("1,Ana,")
    assert file.content.startswith(b"\xef\xbb\xbf")
    for locale, said in (("ko", "서버 관리자만 볼 수 있습니다"), ("en-US", "Only those who manage the server")):
        call = await desk.press(desk.wire.ana, message, "전체 목록", locale)
        assert call.message is not None
        assert said in call.message.content
        assert call.message.ephemeral_to == desk.wire.ana.id
        assert not call.message.attachments


async def test_a_list_that_discord_would_not_take_says_where_it_can_be_had(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.discord.report_presses._LARGEST_FILE", 10)
    call = await desk.press(desk.boss, await desk.shown(), "전체 목록")
    assert call.message is not None
    assert "tracker report --csv" in call.message.content


async def test_buttons_outlive_the_process_and_presses_count_as_activity_under_one_name(desk: Desk) -> None:
    message = await desk.shown()
    await desk.wire.restart(away_ms=60_000)
    await desk.wire.start()
    call = await desk.press(desk.boss, message, "◀ 이전")
    assert call.message is None, "the message itself has changed"
    assert desk.wire.reader.asked[-1][3] == 20231107
    used = [event.data for event in desk.wire.intake.of("interaction.used")]
    assert used[-1] == InteractionUsed(command="report", kind="button")


async def test_a_role_that_is_gone_is_said_to_be_gone(desk: Desk) -> None:
    message = await desk.shown()
    before = message.embeds
    desk.wire.world.delete_role(desk.wire.role)
    await desk.wire.settle()
    for label in ("◀ 이전", "전체 목록"):
        for locale, said in (("ko", "이제 서버에 없습니다"), ("en-US", "not in the server any more")):
            call = await desk.press(desk.boss, message, label, locale)
            assert call.message is not None
            assert said in call.message.content
            assert call.message.ephemeral_to == desk.boss.id
    assert message.embeds is before


async def test_what_goes_wrong_is_told_to_who_pressed_and_the_report_stays(desk: Desk) -> None:
    message = await desk.shown()
    before = message.embeds
    desk.wire.reader.answer = DatabaseError("locked")
    call = await desk.press(desk.boss, message, "◀ 이전", "en-US")
    assert "My database cannot be reached" in call.followups[0].content
    assert call.followups[0].ephemeral_to == desk.boss.id
    for who, label in ((desk.wire.ana, "◀ 이전"), (desk.boss, "전체 목록")):
        call = await desk.press(who, message, label, "en-US")
        assert call.message is not None
        assert "My database cannot be reached" in call.message.content
        assert call.message.ephemeral_to == who.id
    assert message.embeds is before


@pytest.mark.parametrize("period", ["daily", "weekly", "monthly"])
@pytest.mark.parametrize("role", [None, RoleId((1 << 63) - 1)])
def test_a_button_leads_where_its_name_says(period: Period, role: RoleId | None) -> None:
    for window in (containing(period, 20260218, SEOUL), between(20260115, 20260218, SEOUL)):
        for action in ("go", "list"):
            page = ReportPage.of(window, role, "ko-KR", action)
            assert len(page.custom_id) <= 100
            assert ReportPage.parse(page.custom_id) == page
            assert page.window(SEOUL) == window
            assert page.locale == "ko"


@pytest.mark.parametrize(
    "custom_id",
    [
        "",
        "report",
        "report:go",
        "report:go/ko/0/daily/2026-02-18",
        "report:go/ko/0/daily/2026-02-18_2026-02-30",
        "report:go/ko/0/daily/2026-02-18_2026-02-17",
        "report:go/ko/0/daily/2026-02-18_2026-02-18_2026-02-18",
        "report:go/ko/-1/daily/2026-02-18_2026-02-18",
        "report:go/ko/99999999999999999999/daily/2026-02-18_2026-02-18",
        "report:go/ko/0/hourly/2026-02-18_2026-02-18",
        "report:eat/ko/0/daily/2026-02-18_2026-02-18",
        "board:go/ko/0/daily/2026-02-18_2026-02-18",
    ],
)
def test_a_button_that_is_none_of_ours_leads_nowhere(custom_id: str) -> None:
    assert ReportPage.parse(custom_id) is None


def test_no_button_leads_into_the_future_or_before_all_time_and_no_two_are_alike() -> None:
    def shown(window: Any, as_of: int) -> list[Any]:
        found = report([], top=(entry(1, "Ana"),), window=window, as_of=Ms(as_of))
        return [button for row in report_buttons(found, "en") for button in row.components]

    day = containing("daily", 20260218, SEOUL)
    assert [b.is_disabled for b in shown(day, day.end - 1)] == [False, True, False, False, False]
    assert [b.is_disabled for b in shown(day, day.end)] == [False, False, False, False, False]
    assert shown(containing("daily", 20150101, SEOUL), day.end)[0].is_disabled
    days = between(20260210, 20260218, SEOUL)
    ids = [b.custom_id for b in shown(days, day.end)]
    assert len(set(ids)) == len(ids) == 6
    month = containing("monthly", 20260218, SEOUL)
    assert "weekly/2026-02-16_2026-02-22" in [b.custom_id for b in shown(month, day.start + 1)][4]
