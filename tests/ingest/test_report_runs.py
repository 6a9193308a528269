"""What a schedule owes stands in the database: no restart, at whatever point, owes a window twice or leaves one out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

import store.lease
from store import deliveries
from store.deliveries import Delivery
from store.engine import Database
from tests.ingest.support import Desk, make_desk
from tests.projections.history import GUILD, HOUR
from tests.reports.test_due import SEOUL, local
from tracker.errors import DatabaseError
from tracker.events.rule import SettingsChanged
from tracker.events.ticks import TrackerReturned
from tracker.ids import ChannelId, GuildId, MessageId, Ms, partition_of
from tracker.ingest.posts import Posts
from tracker.ingest.report_runs import ReportRuns
from tracker.schedule import ReportSchedule

DAY = 24 * HOUR
DAILY = {"role_id": "7", "period": "daily", "at": "00:00", "channel_id": "100"}
WEEKLY = {"period": "weekly", "at": "09:00", "channel_id": "100"}
BEGIN = "2026-02-18T12:00"


@dataclass
class House:
    """A process: ends are clean or not, the database stays."""

    desk: Desk
    posts: Posts
    schedule: ReportSchedule

    async def look(self, at: str) -> None:
        self.desk.clock.time = local(SEOUL, at)
        await self.schedule.look()

    async def change(self, at: str, *reports: dict[str, Any], zone: str = "Asia/Seoul") -> None:
        self.desk.clock.time = local(SEOUL, at)
        document = {"timezone": zone, "log_channel_id": "1", "reports": list(reports)}
        self.desk.ingest.accept(self.desk.fact(SettingsChanged(settings=document), None, None))
        await self.desk.ingest.flush()

    async def due(self) -> list[Delivery]:
        return [*await self.posts.due(self.desk.clock.now())]

    def states(self) -> dict[str, str]:
        """What became of each window: entry and day → state."""
        with self.desk.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT key, state FROM deliveries ORDER BY created_at, key").all()
        return {key.removeprefix(f"report:{GUILD}:"): state for key, state in rows}

    async def send(self, most: int = 100) -> list[str]:
        """Post what is due, as the outbox would; gives the windows."""
        sent = (await self.due())[:most]
        for number, owed in enumerate(sent):
            await self.posts.mark_sent(owed, MessageId(number + 1))
        return [owed.key.removeprefix(f"report:{GUILD}:") for owed in sent]


def house(database: Database, at: str, *, back: bool = True, first_start: bool = False) -> House:
    """A new process at this hour. `back`: the guild's snapshot has come."""
    desk = make_desk(database)
    desk.clock.time = local(SEOUL, at)
    ingest = desk.ingest
    ingest.gone(list(ingest.sight.guilds()), Ms(0))
    if back and ingest.sight.lost_at(GUILD) is not None:
        ingest.accept(desk.fact(TrackerReturned(), None, None))
    posts = Posts(database, ingest)
    runs = ReportRuns(database, ingest, posts)
    return House(desk, posts, ReportSchedule(desk.clock, ingest.sight, runs, first_start=first_start))


async def test_each_window_is_owed_once_however_often_it_is_looked_for(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY, WEEKLY)
    for at in ("2026-02-18T12:01", "2026-02-19T00:00:01", "2026-02-19T00:00:06", "2026-02-23T09:00:01"):
        await one.look(at)
    assert one.states() == {
        "7:daily:100:20260218": "pending",
        "7:daily:100:20260219": "pending",
        "7:daily:100:20260220": "pending",
        "7:daily:100:20260221": "pending",
        "7:daily:100:20260222": "pending",
        "everyone:weekly:100:20260216": "pending",
    }
    late = {owed.key[-8:]: json.loads(owed.payload)["late"] for owed in await one.due()}
    assert late == {"20260218": False, "20260219": True, "20260220": True, "20260221": True, "20260222": True}
    again = house(database, "2026-02-23T09:05")
    await again.look("2026-02-23T09:05")
    assert again.states() == one.states()


async def test_what_is_owed_says_all_that_its_post_needs(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY, DAILY | {"channel_id": "200"}, WEEKLY)
    await one.look("2026-02-19T00:00:03")
    owed = min(await one.due(), key=lambda d: d.key)
    assert (owed.guild_id, owed.channel_id, owed.kind) == (GUILD, ChannelId(100), "report")
    assert owed.created_at <= one.desk.clock.time
    assert json.loads(owed.payload) == {
        "role_id": "7",
        "period": "daily",
        "day": 20260218,
        "late": False,
        "due_at": local(SEOUL, "2026-02-19T00:00"),
        "family": ["7:daily:100", "7:daily:200"],
    }


@pytest.mark.parametrize(
    ("back_at", "count"), [("2026-02-19T05:00", 1), ("2026-02-21T05:00", 3), ("2026-03-20T05:00", 7)],
    ids=["hours", "days", "weeks"],
)  # fmt: skip
async def test_what_was_missed_is_owed_late_and_comes_in_its_order(
    database: Database, back_at: str, count: int
) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    await one.look("2026-02-18T12:01")
    again = house(database, back_at)
    await again.look(back_at)
    sent: list[str] = []
    while part := await again.send(most=2):
        sent += part
    assert len(sent) == count
    assert sent == sorted(sent)
    newest = local(SEOUL, back_at[:10] + "T00:00") - DAY
    assert sent[-1] == f"7:daily:100:{_day(newest)}"
    third = house(database, back_at)
    await third.look(back_at)
    assert await third.send() == []


def _day(at: int) -> str:
    from tracker.clock import from_ms

    return f"{from_ms(at).astimezone(SEOUL):%Y%m%d}"


async def test_entries_of_one_channel_are_caught_up_in_the_order_of_their_hours(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, WEEKLY | {"weekday": "fri"}, DAILY)
    again = house(database, "2026-02-21T05:00")
    await again.look("2026-02-21T05:00")
    assert await again.send() == [
        "7:daily:100:20260218",
        "7:daily:100:20260219",
        "everyone:weekly:100:20260209",
        "7:daily:100:20260220",
    ]


async def test_a_missed_one_that_fails_is_not_overtaken_by_those_after_it(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    again = house(database, "2026-02-21T05:00")
    await again.look("2026-02-21T05:00")
    first, *_ = await again.due()
    await again.posts.mark_failed(first, "HTTP 503", Ms(again.desk.clock.time + HOUR))
    assert await again.due() == []
    again.desk.clock.time += HOUR
    assert await again.send() == [f"7:daily:100:2026021{n}" for n in (8, 9)] + ["7:daily:100:20260220"]


async def test_a_process_that_dies_while_catching_up_leaves_the_rest_to_the_next(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    second = house(database, "2026-02-22T05:00")
    await second.look("2026-02-22T05:00")
    sent = await second.send(most=2)
    third = house(database, "2026-02-22T05:01")
    await third.look("2026-02-22T05:01")
    sent += await third.send()
    assert sent == [f"7:daily:100:{day}" for day in (20260218, 20260219, 20260220, 20260221)]


async def test_a_process_that_dies_before_anything_is_owed_leaves_all_to_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    second = house(database, "2026-02-20T05:00")  # its flush moves the figures on, and then it is gone

    async def away(_: object) -> int:
        raise DatabaseError("away")

    monkeypatch.setattr(second.posts, "change", away)
    with pytest.raises(DatabaseError, match="away"):
        await second.look("2026-02-20T05:00")
    third = house(database, "2026-02-20T06:00")
    await third.look("2026-02-20T06:00")
    assert await third.send() == ["7:daily:100:20260218", "7:daily:100:20260219"]


async def test_windows_that_were_passed_over_stay_so_when_more_is_caught_up_later(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY | {"catch_up": 0})
    again = house(database, "2026-02-22T05:00")
    await again.look("2026-02-22T05:00")
    assert again.states() == {"7:daily:100:20260221": "dropped"}
    await again.change("2026-02-22T06:00", DAILY | {"catch_up": 7})
    await again.look("2026-02-22T06:01")
    assert again.states() == {"7:daily:100:20260221": "dropped"}
    await again.look("2026-02-23T00:00:02")
    assert await again.send() == ["7:daily:100:20260222"]


async def test_with_nothing_to_catch_up_what_is_on_time_is_owed(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY | {"catch_up": 0})
    again = house(database, "2026-02-22T00:03")
    await again.look("2026-02-22T00:03")
    assert again.states() == {"7:daily:100:20260221": "pending"}


async def test_before_the_first_start_nothing_was_missed(database: Database) -> None:
    one = house(database, BEGIN, first_start=True)
    await one.change("2026-02-10T12:00", DAILY)
    await one.look(BEGIN)
    assert one.states() == {"7:daily:100:20260217": "dropped"}
    await one.look("2026-02-19T00:00:02")
    assert await one.send() == ["7:daily:100:20260218"]


async def test_since_when_an_entry_exists_is_known_after_a_restart(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, WEEKLY)
    await one.change("2026-02-20T12:00", WEEKLY, DAILY)
    again = house(database, "2026-02-22T05:00")
    await again.look("2026-02-22T05:00")
    assert list(again.states()) == ["7:daily:100:20260220", "7:daily:100:20260221"]


async def test_a_window_owed_before_the_channel_changed_is_not_owed_in_the_new_one(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    await one.look("2026-02-19T00:00:03")
    await one.send()
    await one.change("2026-02-19T08:00", DAILY | {"channel_id": "200"})
    await one.look("2026-02-19T08:00:05")
    assert one.states() == {"7:daily:100:20260218": "sent"}
    again = house(database, "2026-02-20T05:00")
    await again.look("2026-02-20T05:00")
    assert await again.send() == ["7:daily:200:20260219"]


async def test_another_zone_posts_no_day_twice_and_leaves_none_out(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    await one.look("2026-02-19T00:00:03")
    await one.change("2026-02-19T08:00", DAILY, zone="America/New_York")
    for at in ("2026-02-19T14:00:03", "2026-02-20T14:00:03"):  # midnight in New York
        await one.look(at)
    await one.change("2026-02-21T12:00", DAILY, zone="Asia/Seoul")
    await one.look("2026-02-21T12:00:03")
    assert list(one.states()) == [f"7:daily:100:{day}" for day in (20260218, 20260219, 20260220)]


async def test_nothing_is_owed_or_posted_in_a_guild_whose_snapshot_has_not_come(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    await one.look("2026-02-19T00:00:03")
    again = house(database, "2026-02-20T05:00", back=False)
    await again.look("2026-02-20T05:00")
    assert await again.due() == []
    assert again.states() == {"7:daily:100:20260218": "pending"}, "the snapshot may be on its way"
    again.desk.clock.time += 30_000
    assert await again.due() == []
    found = deliveries.find(database, GUILD, f"report:{GUILD}:7:daily:100:20260218")
    assert found is not None
    assert (found.state, found.attempts) == ("failed", 0)
    assert found.error is not None
    assert found.error.startswith("the bot does not see the server")
    assert again.states() == {"7:daily:100:20260218": "failed"}
    again.desk.ingest.accept(again.desk.fact(TrackerReturned(), None, None))
    await again.look("2026-02-20T05:01")
    assert await again.send() == ["7:daily:100:20260218", "7:daily:100:20260219"]


async def test_what_is_owed_is_settled_in_the_figures_before(database: Database) -> None:
    one = house(database, BEGIN)
    await one.change(BEGIN, DAILY)
    await one.look("2026-02-19T00:00:03")
    with database.read() as connection:
        as_of = connection.exec_driver_sql(
            f"SELECT as_of FROM checkpoints WHERE partition = {partition_of(GUILD, database.partitions)}"
        ).scalar_one()
    assert as_of >= local(SEOUL, "2026-02-19T00:00")


async def test_many_guilds_are_owed_in_slices_and_all_of_them(database: Database) -> None:
    lease = store.lease.acquire(database, now=Ms(0))
    store.lease.release(database, lease)
    one = house(database, BEGIN)
    guilds = [GuildId(GUILD + (n << 22)) for n in range(120)]
    for guild in guilds:
        document = {"timezone": "Asia/Seoul", "reports": [DAILY, WEEKLY]}
        fact = one.desk.fact(SettingsChanged(settings=document), None, None)
        one.desk.ingest.accept(type(fact)(**{**_fields(fact), "guild_id": guild}))
    await one.look("2026-02-18T12:00:05")
    await one.look("2026-02-19T00:00:05")
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT DISTINCT guild_id FROM deliveries").scalars().all()
    assert sorted(rows) == guilds


def _fields(fact: Any) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in type(fact).__dataclass_fields__}
