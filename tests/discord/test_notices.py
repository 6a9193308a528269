"""Those who can change it are told once a day what is blocked, and nobody is told of nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD, HOUR
from tests.store.test_outlook import member, owe
from tracker.discord.notice import BlockedMember, BlockedPost, NoticePost
from tracker.discord.notices import Notices
from tracker.discord.texts import translate
from tracker.errors import DatabaseError
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, GuildId, Ms
from tracker.ingest.outlook import Outlook
from tracker.ingest.reader import Reader

LOG = ChannelId(900)
MORNING = Ms(1_771_373_400_000)  # 2026-02-18 09:10 in Seoul, ten minutes past midnight UTC


@dataclass
class Office:
    """A guild whose notices are kept."""

    desk: Desk
    notices: Notices = field(init=False)
    owed: dict[str, tuple[ChannelId, NoticePost]] = field(default_factory=dict)

    async def owe(self, _: GuildId, channel: ChannelId, *, key: str, payload: str) -> bool:
        post = msgspec.json.decode(payload, type=NoticePost)
        return self.owed.setdefault(key, (channel, post))[1] is post

    def rules(self, **document: object) -> None:
        self.desk.ingest.accept(self.desk.fact(SettingsChanged(settings=document), None, None))

    async def days(self) -> list[str]:
        """The days of the notices after another look."""
        await self.notices.look()
        return [key.rpartition(":")[2] for key in self.owed]


@pytest.fixture
async def office(database: Database, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Office]:
    caplog.set_level(logging.WARNING, logger="tracker.notice")
    desk = make_desk(database)
    desk.clock.time = MORNING
    reader = Reader(database, desk.clock)
    outlook = Outlook(database, reader, desk.ingest.health)

    office = Office(desk=desk)
    office.notices = Notices(desk.ingest, outlook, office.owe)
    office.rules(timezone="Asia/Seoul", locale="ko", log_channel_id=str(LOG))
    yield office
    reader.close()
    await desk.ingest.close(10)


async def test_who_and_what_is_blocked_is_named_in_one_notice_a_day(office: Office) -> None:
    db = office.desk.database
    member(db, 5, "blocked", guild=GUILD, error="no")
    owe(db, "r", "blocked", guild_id=GUILD, channel_id=ChannelId(7), at=MORNING - 1_772_000_000_000)
    assert await office.days() == ["20260218"]
    office.desk.clock.time += 60_000
    assert await office.days() == ["20260218"]
    ((channel, post),) = office.owed.values()
    assert channel == LOG
    assert post == NoticePost(
        at=MORNING,
        members=(BlockedMember(user_id="5", reason="no"),),
        posts=(BlockedPost(kind="report", channel_id="7", reason="HTTP 403"),),
    )
    office.desk.clock.time += 24 * HOUR
    assert await office.days() == ["20260218", "20260219"]


async def test_nobody_is_told_of_nothing(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    member(office.desk.database, 5, "failed", guild=GUILD)
    member(office.desk.database, 6, "blocked", guild=GUILD, error=translate("ko")("sync.block.owner"))
    assert await office.days() == []
    assert caplog.messages == []
    assert office.desk.ingest.health.outbox["members"]["blocked"] == 1


async def test_nobody_is_told_before_nine_in_the_morning(office: Office) -> None:
    member(office.desk.database, 5, "blocked", guild=GUILD)
    office.desk.clock.time = MORNING - 11 * 60_000
    assert await office.days() == []
    office.desk.clock.time += 60_000
    assert await office.days() == ["20260218"]


async def test_ten_are_named_and_the_others_counted(office: Office) -> None:
    for user in range(1, 14):
        member(office.desk.database, user, "blocked", guild=GUILD)
    await office.notices.look()
    ((_, post),) = office.owed.values()
    assert (len(post.members), post.more_members) == (10, 3)


async def test_a_log_channel_that_takes_nothing_gets_nothing_and_the_log_says_it(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    db = office.desk.database
    member(db, 5, "blocked", guild=GUILD)
    owe(db, "start:1", "blocked", guild_id=GUILD, channel_id=LOG, kind="start")
    assert await office.days() == []
    assert caplog.messages == [f"guild {GUILD}: blocked: 1 members, 0 posts; `tracker doctor` says why"]
    await office.notices.look()
    assert len(caplog.messages) == 1


async def test_without_a_log_channel_only_the_log_says_it(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.rules(locale="ko")
    office.desk.clock.time += 9 * HOUR  # its zone is UTC now
    member(office.desk.database, 5, "blocked", guild=GUILD)
    assert await office.days() == []
    assert len(caplog.messages) == 1


async def test_what_was_blocked_days_ago_is_history(office: Office) -> None:
    owe(office.desk.database, "r", "blocked", guild_id=GUILD, at=MORNING - 1_772_000_000_000 - 49 * HOUR)
    assert await office.days() == []


async def test_a_database_that_is_away_is_asked_another_time(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    member(office.desk.database, 5, "blocked", guild=GUILD)

    def away(_: object) -> object:
        raise DatabaseError("database tracker.db is locked")

    with monkeypatch.context() as broken:
        broken.setattr("store.outlook.counts", away)
        assert await office.days() == []
    assert caplog.messages == []
    assert await office.days() == ["20260218"]


async def test_an_announcement_is_named_with_the_channel_that_it_was_for(office: Office) -> None:
    office.rules(timezone="Asia/Seoul", log_channel_id=str(LOG), announcements={"mode": "channel", "channel_id": "8"})
    at = MORNING - 1_772_000_000_000
    owe(office.desk.database, "level:1", "blocked", guild_id=GUILD, channel_id=None, kind="level", at=at)
    await office.notices.look()
    ((_, post),) = office.owed.values()
    assert post.posts == (BlockedPost(kind="level", channel_id="8", reason="HTTP 403"),)
