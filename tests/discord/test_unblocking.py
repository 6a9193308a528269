"""Reports that Discord refused come late, in their order and once, as soon as somebody has put right what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hikari
import pytest

from tests.discord.house import BoardHouse, until
from tests.reports.test_due import SEOUL, local
from tracker.discord import poster, unblocking
from tracker.discord.channel_access import ChannelAccess
from tracker.discord.outbox import Outbox
from tracker.discord.unblocking import News, Unblocking
from tracker.errors import DatabaseError
from tracker.events.rule import SettingsChanged
from tracker.ids import ChannelId, GuildId, RoleId
from tracker.ingest.blocked_runs import BlockedRuns
from tracker.ingest.posts import Posts
from tracker.ingest.reader import Reader
from tracker.ingest.report_runs import ReportRuns
from tracker.sandbox import Channel, Overwrite, Permission
from tracker.schedule import ReportSchedule

BEGIN = "2026-02-18T12:00"
SEND = int(Permission.SEND_MESSAGES)
MINUTE, HOUR = 60_000, 3_600_000


class Office:
    """A house with a daily report for everyone into a channel of its own, and a process that posts."""

    def __init__(self, house: BoardHouse) -> None:
        self.house = house
        house.desk.clock.time = local(SEOUL, BEGIN)
        self.channel = house.world.add_channel(house.guild, "출석-로그", kind="text")
        self.bot_role = next(role for role in house.guild.roles.values() if role.managed)
        self.next_process()

    def next_process(self) -> None:
        """What another process would have: it knows the database, and nothing else. The gateway stays connected."""
        desk, front = self.house.desk, self.house.front
        self.posts = Posts(desk.database, desk.ingest)
        reader = Reader(desk.database, desk.clock)
        self.news = News()
        self.outbox = Outbox(
            rest=front.rest,
            intake=desk.ingest,
            reports=reader,
            deliveries=self.posts,
            has_role=front.surroundings.has_role,
        )
        self.runs = BlockedRuns(desk.database, self.posts)
        self.unblocking = Unblocking(
            intake=desk.ingest,
            blocked=self.runs,
            access=ChannelAccess(lambda: front.rest, front.hierarchy),
            news=self.news,
            has_role=front.surroundings.has_role,
        )
        self.schedule = ReportSchedule(
            desk.clock, desk.ingest.sight, ReportRuns(desk.database, desk.ingest, self.posts)
        )

    async def open(self, **entry: Any) -> None:
        self.rule({"channel_id": str(self.channel.id)} | entry)
        await self.house.open()
        self.news.subscribe(self.house.front._bot.gated)
        await self.go_to(BEGIN)

    def rule(self, *reports: dict[str, Any], log: Channel | None = None) -> None:
        log_channel = None if log is None else str(log.id)
        document = {"timezone": "Asia/Seoul", "log_channel_id": log_channel, "reports": list(reports)}
        self.house.fact(SettingsChanged(settings=document))

    async def go_to(self, at: str) -> None:
        """The tracker's rounds at this hour."""
        self.house.desk.clock.time = local(SEOUL, at)
        await self.round()

    async def later(self, ms: int) -> None:
        self.house.desk.clock.time += ms
        await self.round()

    async def round(self) -> None:
        await self.unblocking.look()
        await self.schedule.look()
        while await self.outbox.deliver():
            await self.unblocking.look()
            await self.schedule.look()

    async def miss(self, *days: int) -> None:
        """The midnights at the ends of these days of February, at which Discord refuses."""
        for day in days:
            await self.go_to(f"2026-02-{day + 1}T00:00:02")
            await self.later(5_000)

    async def news_came(self) -> None:
        """Wait until the gateway has told of what was done last."""
        world, sight, text = self.house.world, self.house.desk.ingest.sight, self.house.text
        world.rename_channel(text, text.name + "!")

        def renamed() -> bool:
            known = sight.channel(self.house.guild_id, ChannelId(text.id))
            return known is not None and known.name == text.name

        await until(renamed)

    def states(self) -> dict[str, str]:
        """What became of each window, by its day."""
        with self.house.desk.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT key, state FROM deliveries WHERE kind = 'report' ORDER BY key")
            return {key[-2:]: state for key, state in rows}

    def posted(self, channel: Channel | None = None) -> list[int]:
        """The days that the reports in the channel are about, in the order of the messages; 0: nobody noted which."""
        with self.house.desk.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT message_id, key FROM deliveries WHERE message_id IS NOT NULL")
            days = {message: int(key[-2:]) for message, key in rows}
        return [days.get(m.id, 0) for m in self._reports(channel or self.channel)]

    def late(self) -> list[bool]:
        return ["🕗" in m.embeds[0]["description"] for m in self._reports(self.channel)]

    def _reports(self, channel: Channel) -> list[Any]:
        return [m for m in self.house.world.messages(channel) if m.embeds]

    def posts_tried(self) -> int:
        calls = self.house.sandbox.calls.items()
        return sum(n for (route, _), n in calls if route.startswith("POST") and route.endswith("/messages"))


@pytest.fixture
async def office(house: BoardHouse) -> Office:
    return Office(house)


def deny(office: Office) -> None:
    office.house.world.set_overwrite(office.channel, Overwrite(id=office.house.guild.id, deny=SEND))


def allow(office: Office) -> None:
    office.house.world.set_overwrite(office.channel, Overwrite(id=office.house.guild.id, deny=0))


def allow_the_bot(office: Office) -> None:
    office.house.world.set_overwrite(office.channel, Overwrite(id=office.bot_role.id, allow=SEND))


def allow_a_role_of_the_bot(office: Office) -> None:
    world, guild = office.house.world, office.house.guild
    poster_role = world.add_role(guild, "poster", permissions=Permission.ADMINISTRATOR)
    world.set_roles(world.me(guild), [office.bot_role, poster_role])


@pytest.mark.parametrize("put_right", [allow, allow_the_bot, allow_a_role_of_the_bot])
async def test_as_soon_as_the_permission_is_there_what_was_refused_is_posted_oldest_first_and_once(
    office: Office, put_right: Callable[[Office], None]
) -> None:
    await office.open()
    deny(office)
    await office.miss(18, 19, 20)
    assert office.states() == {"18": "blocked", "19": "blocked", "20": "blocked"}
    put_right(office)
    await office.news_came()
    await office.later(unblocking._APART_MS)
    assert office.states() == {"18": "sent", "19": "sent", "20": "sent"}
    assert office.posted() == [18, 19, 20]
    for _ in range(3):
        await office.later(HOUR)
    assert office.posted() == [18, 19, 20]


async def test_what_is_posted_after_it_was_refused_says_that_it_is_late(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18)
    allow(office)
    await office.miss(19)
    assert office.posted() == [18, 19]
    assert office.late() == [True, False]


async def test_what_is_put_right_within_minutes_is_not_late(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18)
    allow(office)
    await office.news_came()
    await office.later(MINUTE)
    assert (office.posted(), office.late()) == ([18], [False])


async def test_a_report_whose_channel_was_deleted_is_posted_where_the_entry_is_moved_to(office: Office) -> None:
    await office.open()
    office.house.world.delete_channel(office.channel)
    await office.miss(18, 19)
    assert set(office.states().values()) == {"blocked"}
    other = office.house.world.add_channel(office.house.guild, "보고서", kind="text")
    await office.later(HOUR)
    assert set(office.states().values()) == {"blocked"}, "nobody has said where it should go now"
    office.rule({"channel_id": str(other.id)})
    await office.later(unblocking._APART_MS)
    await office.miss(20)
    assert office.posted(other) == [18, 19, 20]


async def test_a_report_without_any_channel_is_posted_once_there_is_a_log_channel(office: Office) -> None:
    await office.open(channel_id=None)
    await office.miss(18)
    assert office.states() == {"18": "blocked"}
    office.rule({}, log=office.channel)
    await office.later(unblocking._APART_MS)
    assert office.posted() == [18]


async def test_what_lies_further_back_than_catch_up_is_given_up(office: Office) -> None:
    await office.open(catch_up=2)
    deny(office)
    await office.miss(18, 19, 20, 21)
    allow(office)
    await office.news_came()
    await office.later(unblocking._APART_MS)
    assert office.states() == {"18": "dropped", "19": "dropped", "20": "sent", "21": "sent"}
    assert office.posted() == [20, 21]


async def test_with_nothing_to_catch_up_only_what_is_not_late_yet_is_tried_again(office: Office) -> None:
    await office.open(catch_up=0)
    deny(office)
    await office.miss(18, 19)
    allow(office)
    await office.news_came()
    await office.later(MINUTE)
    assert office.states() == {"18": "dropped", "19": "sent"}


async def test_what_was_taken_off_the_schedule_meanwhile_is_given_up(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18)
    office.rule({"channel_id": str(office.channel.id), "period": "weekly"})
    await office.later(unblocking._APART_MS)
    assert office.states() == {"18": "dropped"}
    assert office.posted() == []


async def test_a_report_of_a_role_that_is_gone_is_not_tried_again(office: Office) -> None:
    await office.open(role_id=str(office.house.role.id))
    role = office.house.role
    office.house.world.delete_role(role)
    await until(lambda: not office.house.front.surroundings.has_role(office.house.guild_id, RoleId(role.id)))
    await office.miss(18)
    for _ in range(2):
        await office.later(HOUR)
    assert office.states() == {"18": "blocked"}
    assert office.posts_tried() == 0


async def test_as_long_as_something_is_missing_nothing_is_sent_to_the_channel(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18)
    tried = office.posts_tried()
    office.house.world.set_overwrite(
        office.channel, Overwrite(id=office.bot_role.id, deny=int(Permission.EMBED_LINKS), allow=SEND)
    )
    await office.news_came()
    for _ in range(3):
        await office.later(HOUR)
    office.next_process()
    await office.round()
    assert office.states() == {"18": "blocked"}
    assert office.posts_tried() == tried


async def test_what_the_gateway_did_not_tell_is_found_within_the_hour(office: Office) -> None:
    await office.open()
    deny(office)
    await office.news_came()
    await office.miss(18)
    await office.later(unblocking._SOON_MS)
    allow(office)
    await office.news_came()
    office.news.take()
    await office.later(HOUR // 2)
    assert office.states() == {"18": "blocked"}
    await office.later(HOUR // 2)
    assert office.states() == {"18": "sent"}


async def test_what_was_put_right_while_it_was_being_refused_is_found_a_minute_later(office: Office) -> None:
    await office.open()
    deny(office)
    await office.news_came()
    await office.later(MINUTE)
    await office.miss(18)
    allow(office)
    await office.news_came()
    office.news.take()  # it came before anybody knew that there was something blocked
    await office.later(unblocking._SOON_MS)
    assert office.states() == {"18": "sent"}


async def test_a_start_looks_at_what_was_refused_before_it(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18, 19)
    allow(office)
    await office.news_came()
    office.next_process()
    await office.miss(20)
    assert office.posted() == [18, 19, 20]


async def test_a_guild_that_is_not_seen_waits_until_it_is(office: Office) -> None:
    house = office.house
    await office.open()
    deny(office)
    await office.miss(18)
    allow(office)
    house.world.set_guild_available(house.guild, False)
    await until(lambda: house.desk.ingest.sight.lost_at(house.guild_id) is not None)
    await office.later(HOUR)
    assert office.states() == {"18": "blocked"}
    house.world.set_guild_available(house.guild, True)
    await until(lambda: house.desk.ingest.sight.lost_at(house.guild_id) is None)
    await office.later(unblocking._APART_MS)
    assert office.posted() == [18]


async def test_a_process_that_dies_after_it_reopened_a_report_leaves_it_to_the_next(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18, 19)
    allow(office)
    await office.news_came()
    office.house.desk.clock.time += unblocking._APART_MS
    assert await office.unblocking.look() == 2
    assert office.states() == {"18": "pending", "19": "pending"}
    office.next_process()
    await office.round()
    assert office.posted() == [18, 19]


@pytest.mark.parametrize("others", [0, 9], ids=["a quiet channel", "a busy channel"])
async def test_a_process_that_dies_before_it_noted_the_post_does_not_post_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    monkeypatch.setattr(poster, "_LOOK_BACK", 3)
    await office.open()
    deny(office)
    await office.miss(18)
    for _ in range(others):
        office.house.world.send_message(office.house.ana, office.channel)
    allow(office)
    await office.news_came()

    async def away(*_: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(office.posts, "mark_sent", away)
    with pytest.raises(DatabaseError):
        await office.later(unblocking._APART_MS)
    assert (office.posted(), office.states()) == ([0], {"18": "pending"})
    office.house.world.nonces.clear()  # Discord has forgotten it
    office.next_process()
    await office.later(10 * MINUTE)
    assert (office.posted(), office.states()) == ([18], {"18": "sent"})


async def test_what_another_process_posted_meanwhile_is_left_alone(office: Office) -> None:
    await office.open()
    deny(office)
    await office.miss(18)
    (run,) = await office.runs.blocked(office.house.guild_id)
    with office.house.desk.database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'sent', message_id = 5")
    allow(office)
    await office.news_came()
    await office.later(unblocking._APART_MS)
    assert run.key.endswith("20260218")
    assert (office.posted(), office.states()) == ([], {"18": "sent"})
    assert await office.runs.guilds() == set()


async def test_discord_that_does_not_answer_is_asked_again_in_a_minute(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.open()
    deny(office)
    await office.miss(18)
    allow(office)
    await office.news_came()
    lacking = office.unblocking._access.lacking

    async def silent(_guild: GuildId, _channel: int) -> tuple[str, ...]:
        raise hikari.HTTPError("no answer")

    monkeypatch.setattr(office.unblocking._access, "lacking", silent)
    await office.later(unblocking._APART_MS)
    assert office.states() == {"18": "blocked"}
    monkeypatch.setattr(office.unblocking._access, "lacking", lacking)
    await office.later(unblocking._SOON_MS)
    assert office.posted() == [18]


async def test_a_report_that_is_refused_for_a_reason_nobody_can_see_is_tried_hourly_and_no_more_often(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.open()
    refusal = office.house.sandbox.faults.fail_rest(
        403, f"/channels/{office.channel.id}/messages", method="POST", times=None
    )
    await office.miss(18)
    seen = []
    for _ in range(4):
        await office.later(30 * MINUTE)
        seen.append(refusal.hits)
    assert seen == [2, 2, 3, 3]
    office.house.sandbox.faults.clear()
    await office.later(HOUR)
    assert office.posted() == [18]
