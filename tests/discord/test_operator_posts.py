"""The summary of a start and the daily notice as they stand in the log channel, in both languages."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.discord.house import BoardHouse, check_embed, until
from tests.store.test_outlook import member
from tracker.discord.bot import Front
from tracker.discord.desk import ReportDesk
from tracker.discord.notice import render_notice
from tracker.discord.notices import Notices
from tracker.discord.outbox import Outbox
from tracker.discord.start_embed import render_start
from tracker.discord.startup import StartUp
from tracker.discord.texts import translate
from tracker.events.rule import SettingsChanged
from tracker.ingest.members import Members
from tracker.ingest.outlook import Outlook
from tracker.ingest.posts import Posts
from tracker.ingest.reader import Reader
from tracker.sandbox import Overwrite, Permission

MORNING = 1_771_373_400_000  # 2026-02-18 09:10 in Seoul


class Office:
    """A house whose posts are delivered, whose start is followed, and whose troubles are told."""

    def __init__(self, house: BoardHouse, locale: str) -> None:
        self.house = house
        house.desk.clock.time = MORNING
        desk = house.desk
        reader = Reader(desk.database, desk.clock)
        self.posts = Posts(desk.database, desk.ingest)
        startup = StartUp(
            desk.ingest,
            synced=Members(desk.database, desk.ingest),
            owe=partial(self.posts.owe_post, kind="start"),
        )
        house.front = Front(
            token=house.sandbox.token,
            intake=desk.ingest,
            reader=reader,
            startup=startup,
            rest_url=house.sandbox.rest_url,
        )
        self.outbox = Outbox(
            rest=house.front.rest,
            intake=desk.ingest,
            reports=ReportDesk(desk.ingest, reader),
            deliveries=self.posts,
            renderers={"start": render_start, "notice": render_notice},
        )
        outlook = Outlook(desk.database, reader, desk.ingest.health)
        self.notices = Notices(desk.ingest, outlook, partial(self.posts.owe_post, kind="notice"))
        self.rules = {"timezone": "Asia/Seoul", "locale": locale, "log_channel_id": str(house.text.id)}

    async def open(self) -> None:
        self.house.desk.ingest.accept(self.house.desk.fact(SettingsChanged(settings={}), None, None))  # another guild
        self.house.fact(SettingsChanged(settings=self.rules))
        self.house.world.join_voice(self.house.ana, self.house.talk)
        await self.house.open(3)

    async def owed(self) -> None:
        """Deliver as soon as something is owed."""
        due: list[Any] = []

        async def look() -> None:
            due[:] = await self.posts.due(self.house.desk.clock.now())

        await look()
        while not due:
            await until(lambda: True)
            await look()
        await self.outbox.deliver()

    def embeds(self) -> list[Any]:
        return [m.embeds[0] for m in self.house.world.messages(self.house.text) if m.embeds]


@pytest.mark.parametrize(
    ("locale", "title", "members", "voice", "sync"),
    [
        (
            "en",
            "Counting from now on",
            "3 known",
            "0 taken over · 1 begun · 0 closed",
            "None are set up.",
        ),
        (
            "ko",
            "이제부터 집계합니다",
            "3명",
            "이어서 집계 0건 · 새로 시작 1건 · 종료 0건",
            "사용하지 않습니다.",
        ),
    ],
)
async def test_a_start_is_summed_up_in_the_log_channel(
    house: BoardHouse, locale: str, title: str, members: str, voice: str, sync: str
) -> None:
    office = Office(house, locale)
    await office.open()
    await office.owed()
    (embed,) = office.embeds()
    check_embed(embed)
    assert embed["title"] == title
    values = [field["value"] for field in embed["fields"]]
    assert values[:3] == [members, voice, sync]
    assert values[3] in ("1 synchronised", "1개 동기화 완료")


@pytest.mark.parametrize(
    ("locale", "title", "heading"),
    [
        ("en", "Something needs your attention", "Tier roles and nicknames: 12 members"),
        ("ko", "확인이 필요합니다", "등급 역할과 별명: 멤버 12명"),
    ],
)
async def test_what_is_blocked_is_told_in_the_log_channel_once_a_day(
    house: BoardHouse, locale: str, title: str, heading: str
) -> None:
    office = Office(house, locale)
    await office.open()
    await office.owed()
    reason = translate(locale)("sync.block.role_above", role="Gold")
    for user in range(1, 13):
        member(house.desk.database, user, "blocked", guild=house.guild_id, error=reason)
    for _ in range(3):
        await office.notices.look()
        await office.outbox.deliver()
    _, embed = office.embeds()
    check_embed(embed)
    assert (embed["title"], [field["name"] for field in embed["fields"]]) == (title, [heading])
    value = embed["fields"][0]["value"]
    assert all(f"<@{user}>" in value for user in range(1, 11))
    assert "<@11>" not in value
    assert value.startswith(f"• {reason}".split("→", maxsplit=1)[0])


async def test_a_log_channel_that_is_closed_to_the_bot_gets_no_notice(house: BoardHouse) -> None:
    office = Office(house, "ko")
    await office.open()
    bot_role = next(role for role in house.guild.roles.values() if role.managed)
    house.world.set_overwrite(house.text, Overwrite(id=bot_role.id, deny=int(Permission.SEND_MESSAGES)))
    await office.owed()
    member(house.desk.database, 5, "blocked", guild=house.guild_id, error="no")
    await office.notices.look()
    assert await office.posts.due(house.desk.clock.now()) == []
    assert office.embeds() == []
    assert house.desk.ingest.health.outbox["posts"]["blocked"] == 1
