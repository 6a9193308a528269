"""A report is there in words before its picture is drawn, and its picture never comes to another page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.discord.house import until
from tests.discord.reports import report
from tests.discord.test_report_presses import PNG, buttons
from tests.discord.wire import Wire
from tracker.discord.turns import Turns
from tracker.reports.model import Report
from tracker.sandbox import InteractionCall, Member, Message, Permission


@dataclass
class SlowPictures:
    """Draws when it is told to: `ready`. The first report of each kind waits; others are `at_once`."""

    png: bytes | None = PNG
    at_once: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    drawn: int = 0

    async def picture(self, report: Report, locale: str | None, *, scheduled: bool = False) -> bytes | None:
        if not self.at_once:
            await self.ready.wait()
        self.drawn += 1
        return self.png


class Desk:
    """Somebody who manages the server, and pictures that take their time."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        role = wire.world.add_role(wire.guild, "운영진", permissions=Permission.MANAGE_GUILD)
        self.boss: Member = wire.world.add_member(wire.guild, "boss", roles=[role])
        wire.reader.answer = report(["Ana", "민준"])
        self.pictures = SlowPictures()
        wire.pictures = self.pictures  # type: ignore[assignment]
        wire.front = wire.new_front()

    async def ask(self) -> tuple[Message, InteractionCall]:
        call = self.wire.world.use_command(self.boss, self.wire.text, "report", {"date": "2023-11-08"})
        message = await call.answered()
        assert message is not None
        return message, call

    async def draw(self, pictures: int) -> None:
        """Let them be drawn, and whatever follows of that happen."""
        self.pictures.ready.set()
        await until(lambda: self.pictures.drawn == pictures)
        await self.wire.settle()

    async def turn(self, message: Message) -> InteractionCall:
        call = self.wire.world.press_button(self.boss, message, next(iter(buttons(message).values()))["custom_id"])
        await call.until(lambda: call.revision >= 2, 15)
        return call


@pytest.fixture
async def desk(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("tracker.discord.report_showing._WORDS_FIRST_S", 0.05)
    desk = Desk(wire)
    await wire.start()
    await wire.front.registered()
    return desk


async def test_the_words_come_first_and_the_picture_when_it_is_drawn(desk: Desk) -> None:
    message, call = await desk.ask()
    assert message.embeds[0]["fields"]
    assert "image" not in message.embeds[0]
    desk.pictures.ready.set()
    await call.until(lambda: bool(message.attachments), 15)
    assert "report.png" in message.embeds[0]["image"]["url"]
    assert [file.content for file in message.attachments] == [PNG]


async def test_a_picture_that_is_quick_comes_with_the_words(desk: Desk) -> None:
    desk.pictures.at_once = True
    message, call = await desk.ask()
    assert "image" in message.embeds[0]
    assert call.revision == 2, "deferred, and answered once"


async def test_a_picture_that_comes_to_none_leaves_the_words(desk: Desk) -> None:
    desk.pictures.png = None
    message, call = await desk.ask()
    await desk.draw(1)
    assert "image" not in message.embeds[0]
    assert call.revision == 2


async def test_a_late_picture_does_not_turn_the_page_back(desk: Desk) -> None:
    message, first = await desk.ask()
    desk.pictures.at_once = True
    turned = await desk.turn(message)
    page = message.embeds[0]["description"]
    assert "image" in message.embeds[0]
    await desk.draw(2)
    assert message.embeds[0]["description"] == page
    assert (first.revision, turned.revision) == (2, 2)


async def test_of_two_quick_presses_the_last_one_is_shown(desk: Desk) -> None:
    desk.pictures.at_once = True
    message, _ = await desk.ask()
    desk.pictures.at_once = False
    first = await desk.turn(message)
    desk.pictures.at_once = True
    second = await desk.turn(message)
    page = message.embeds[0]["description"]
    await desk.draw(3)
    assert message.embeds[0]["description"] == page
    assert (first.revision, second.revision) == (2, 2)


def test_a_turn_is_the_last_one_until_the_next() -> None:
    turns = Turns()
    first = turns.first(1)
    assert first is not None
    assert turns.is_last(1, first)
    second = turns.turn(1)
    assert (turns.is_last(1, first), turns.is_last(1, second), turns.is_last(2, second)) == (False, True, False)
    assert turns.first(1) is None
