"""Reading the past over the real client: what is found, what is left out, and what it does to the figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hikari.impl.rate_limits
import pytest

import store.backfills
import store.log
import store.rebuild
from store.engine import Database, open_database
from tests.discord.archivist import DAY, BackfillHouse
from tests.discord.house import until
from tests.ingest.support import make_desk
from tracker.events.envelope import Event
from tracker.events.member import MemberOptedIn, MemberOptedOut
from tracker.ids import ChannelId, UserId, mint_event_id, snowflake_ms
from tracker.sandbox import Channel, Sandbox, SandboxOptions
from tracker.sandbox.model import Overwrite
from tracker.sandbox.permissions import Permission


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """hikari waits for seconds before it tries a request again."""
    monkeypatch.setattr(hikari.impl.rate_limits.ExponentialBackOff, "__next__", lambda self: 0.01)


def forbid(house: BackfillHouse, channel: Channel, permission: Permission) -> None:
    house.world.set_overwrite(channel, Overwrite(id=house.guild.id, deny=int(permission)))


class Past:
    """Messages in three text channels, a forum, threads open and archived, and a voice channel's chat."""

    def __init__(self, house: BackfillHouse) -> None:
        world, guild, self.house = house.world, house.guild, house
        self.second = world.add_channel(guild, "자랑")
        self.staff = world.add_channel(guild, "운영")
        self.forum = world.add_channel(guild, "질문", kind="forum")
        self.thread = world.add_thread(house.text, "열린 스레드")
        self.archived = world.add_thread(house.text, "닫힌 스레드")
        self.post = world.add_thread(self.forum, "질문 있어요")
        self.old_post = world.add_thread(self.forum, "옛 질문")
        wrote = house.wrote
        self.counted = [
            *wrote(house.ana, house.text, 25, 230),
            *wrote(house.minjun, house.text, 24, 20, attachments=2),
            *wrote(house.minjun, self.second, 12, 100),
            *wrote(house.ana, self.thread, 9, 5),
            *wrote(house.ana, self.archived, 11, 130),
            *wrote(house.minjun, self.post, 7, 3),
            *wrote(house.ana, self.old_post, 8, 4),
            *wrote(house.ana, house.talk, 2, 2),
        ]
        self.counted += wrote(house.minjun, house.text, 20, 1, reply_to=self.counted[0])
        self.uncounted = [
            *wrote(house.ana, house.text, 31, 10),
            *wrote(house.beep, house.text, 5, 3),
            *wrote(house.ana, house.text, 6, 2, webhook=True),
            *wrote(house.ana, house.text, 4, 1, type=7),
        ]
        self.hidden = wrote(house.ana, self.staff, 3, 7)
        for thread in (self.archived, self.old_post):
            world.archive_thread(thread)

    def in_the_log(self) -> dict[int, tuple[Any, ...]]:
        """What must be there: (who, channel, thread, attachments, reply, when) by id."""
        found = {}
        for message in self.counted:
            written_in = self.house.guild.channels[message.channel_id]
            is_thread = written_in.type.is_thread
            found[message.id] = (
                message.author.id,
                written_in.parent_id if is_thread else written_in.id,
                written_in.id if is_thread else None,
                0,  # without the intent to read contents Discord shows no attachments, neither here nor live
                message.reply_to is not None,
                snowflake_ms(message.id),
            )
        return found


async def read(house: BackfillHouse, days: int = 30) -> store.backfills.Backfill:
    house.hurry()
    before = store.backfills.latest(house.desk.database, house.guild_id)
    house.backfiller.begin(house.wanted(days))
    return await house.over(before)


async def test_everything_that_may_be_read_is_found_and_nothing_else(past: BackfillHouse) -> None:
    town = Past(past)
    forbid(past, town.staff, Permission.READ_MESSAGE_HISTORY)
    await past.open()
    over = await read(past)
    assert over.state == "done"
    assert past.logged_messages() == town.in_the_log()
    found = past.progress(over)
    assert found.added == len(town.counted)
    assert [place.channel_id for place in found.refused] == [town.staff.id]
    assert found.over == found.places


async def test_read_twice_it_counts_once(past: BackfillHouse) -> None:
    town = Past(past)
    await past.open()
    first = await read(past)
    past.rebuild()
    second = await read(past, 60)
    assert (first.state, second.state) == ("done", "done")
    assert past.progress(first).added == len(town.counted) + len(town.hidden)
    assert past.progress(second).added == 10  # those that are older than 30 days
    assert past.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden, *town.uncounted[:10])}
    store.log.check_contiguity(past.desk.database)


async def test_the_figures_are_those_that_there_would_be_had_it_come_live(past: BackfillHouse, tmp_path: Any) -> None:
    town = Past(past)
    forbid(past, town.staff, Permission.VIEW_CHANNEL)
    await past.open()
    past.world.send_message(past.ana, past.text, "and life goes on")
    await until(lambda: any(e.type == "message.sent" for e in past.desk.logged(past.guild_id)))
    await read(past)
    await past.desk.ingest.flush()
    past.rebuild()
    database = past.desk.database
    assert store.rebuild.verify(database) == []
    elsewhere = open_database(str(tmp_path / "live.db"))
    live = make_desk(elsewhere, commit_ms=0)
    for event in sorted(past.desk.logged(past.guild_id), key=lambda e: e.occurred_at):
        if event.type == "message.sent":
            live.clock.time = event.occurred_at
            live.ingest.accept(event)
            if event.occurred_at % 7 == 0:
                await live.ingest.flush()
    await live.ingest.flush()
    assert len(past.logged_messages()) == len(town.counted) + 1
    for table in ("daily", "totals", "unearned", "season_totals"):
        assert _rows(database, table) == _rows(elsewhere, table), table
    assert len(_rows(database, "unearned")) > 0
    await live.ingest.close(5)
    elsewhere.close()


def _rows(database: Database, table: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return sorted(tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}"))


async def test_discords_bad_day_changes_nothing(past: BackfillHouse) -> None:
    town = Past(past)
    await past.open()
    faults = past.sandbox.faults
    faults.fail_rest(500, "/messages$", method="GET", times=None, every=5)
    faults.fail_rest(429, "/messages$", method="GET", times=4, retry_after=0.05)
    faults.drop_rest("/messages$", method="GET", times=2)
    faults.fail_rest(503, "/threads/", method="GET", times=2)
    faults.fail_rest(502, "/channels$", method="GET", times=6)
    over = await read(past)
    assert over.state == "done"
    assert past.progress(over).added == len(town.counted) + len(town.hidden)
    assert past.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden)}


async def test_there_is_never_more_than_one_request_on_its_way(past: BackfillHouse) -> None:
    Past(past)
    await past.open()
    pipeline, underway, most = past.sandbox._pipeline, 0, 0
    plain = pipeline._answer

    async def watched(*about: Any) -> Any:
        nonlocal underway, most
        underway, most = underway + 1, max(most, underway + 1)
        try:
            await asyncio.sleep(0.002)
            return await plain(*about)
        finally:
            underway -= 1

    pipeline._answer = watched  # type: ignore[assignment,method-assign]
    await read(past)
    assert most == 1


async def test_a_permission_that_is_taken_away_midway_ends_that_channel_alone(past: BackfillHouse) -> None:
    town = Past(past)
    await past.open()
    past.hurry()
    first = past.sandbox.faults.delay_rest(0.3, f"/channels/{past.text.id}/messages", times=3)
    past.backfiller.begin(past.wanted())
    await until(lambda: first.hits == 2)
    forbid(past, past.text, Permission.READ_MESSAGE_HISTORY)
    over = await past.over()
    found = past.progress(over)
    assert over.state == "done"
    assert [place.channel_id for place in found.refused] == [past.text.id, *_below(town, past.text)]
    assert {m.id for m in town.counted if m.channel_id == town.second.id} <= past.logged_messages().keys()
    past.world.set_overwrite(past.text, Overwrite(id=past.guild.id))
    again = await read(past)
    assert again.state == "done"
    assert past.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden)}


def _below(town: Past, channel: Channel) -> list[int]:
    return sorted(t.id for t in (town.thread, town.archived) if t.parent_id == channel.id)


async def test_a_channel_that_is_deleted_meanwhile_is_gone_and_the_others_are_read(past: BackfillHouse) -> None:
    town = Past(past)
    await past.open()
    past.hurry()
    slow = past.sandbox.faults.delay_rest(0.2, f"/channels/{past.text.id}/messages", times=1)
    past.backfiller.begin(past.wanted())
    await until(lambda: slow.hits == 1)
    past.world.delete_channel(town.second)
    over = await past.over()
    assert (over.state, past.progress(over).refused) == ("done", ())
    missing = {m.id for m in town.counted if m.channel_id == town.second.id}
    assert past.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden)} - missing


async def test_a_server_that_the_bot_was_removed_from_cannot_be_read(past: BackfillHouse) -> None:
    await past.open()
    past.hurry()
    wanted = past.wanted()
    past.world.remove_guild(past.guild)
    past.backfiller.begin(wanted)
    over = await past.over()
    assert (over.state, over.error) == ("failed", "the bot is not in the server any more, or may not see it")


async def test_only_one_channel_with_its_threads(past: BackfillHouse) -> None:
    town = Past(past)
    await past.open()
    past.hurry()
    past.backfiller.begin(past.wanted(channel_id=ChannelId(town.forum.id)))
    await past.over()
    posts = {town.post.id, town.old_post.id}
    assert past.logged_messages().keys() == {m.id for m in town.counted if m.channel_id in posts}
    past.backfiller.begin(past.wanted(channel_id=ChannelId(town.archived.id)))
    await until(lambda: len(past.logged_messages()) == 7 + 130)


async def test_nobody_is_counted_for_a_time_in_which_they_did_not_want_to_be(past: BackfillHouse) -> None:
    mine, theirs = past.wrote(past.ana, past.text, 10, 3), past.wrote(past.minjun, past.text, 10, 3)
    await past.open()
    now = past.desk.clock.now()
    out, back = (now - 10 * DAY + 10_000, now - 10 * DAY + 40_000)
    store.log.append(
        past.desk.database,
        [
            Event(id=mint_event_id(at), guild_id=past.guild_id, user_id=UserId(past.ana.id), occurred_at=at, data=data)  # type: ignore[arg-type]
            for at, data in ((out, MemberOptedOut()), (back, MemberOptedIn()))
        ],
        recorded_at=now,
    )
    past.desk.ingest.accept(
        Event(
            id=mint_event_id(now), guild_id=past.guild_id, user_id=UserId(past.minjun.id), occurred_at=now,
            data=MemberOptedOut(),
        )
    )  # fmt: skip
    await past.desk.ingest.commit()
    await read(past)
    assert past.logged_messages().keys() == {mine[0].id, mine[2].id}
    assert len(theirs) == 3


async def test_counting_and_posting_go_on_meanwhile(past: BackfillHouse) -> None:
    """What comes live is in the log within a group commit, however slow the reading is."""
    Past(past)
    await past.open()
    past.hurry()
    past.sandbox.faults.delay_rest(0.1, "/messages$", method="GET")
    past.backfiller.begin(past.wanted())
    await until(lambda: len(past.logged_messages()) > 0)
    for _ in range(5):
        past.world.send_message(past.ana, past.text)
        await past.desk.ingest.flush()
    await past.front.rest.create_message(past.text.id, "a post")
    latest = store.backfills.latest(past.desk.database, past.guild_id)
    assert latest is not None
    assert latest.ended_at is None
    live = {m.id for m in past.world.messages(past.text)[-6:] if m.author is past.ana.user}
    await until(lambda: live <= past.logged_messages().keys())
    await past.over()
    past.rebuild()
    assert store.rebuild.verify(past.desk.database) == []


async def test_the_next_process_goes_on_where_the_last_one_was(past: BackfillHouse) -> None:
    town = Past(past)
    await past.open()
    past.hurry()
    past.sandbox.faults.delay_rest(0.05, "/messages$", method="GET")
    past.backfiller.begin(past.wanted())
    await until(lambda: len(past.logged_messages()) >= 100)
    await past.go_down()
    before = store.backfills.latest(past.desk.database, past.guild_id)
    assert before is not None
    assert before.state == "reading"
    left = {place.channel_id: place for place in store.backfills.places(past.desk.database, before)}
    assert left[ChannelId(past.text.id)].messages >= 100
    asked = len(past.sandbox.requests)
    past.rebuild()
    past.next_process()
    past.hurry()
    await past.open()
    over = await past.over()
    assert (over.run, over.state) == (before.run, "done")
    assert past.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden)}
    assert past.progress(over).added == len(town.counted) + len(town.hidden)
    later = [r.path for r in list(past.sandbox.requests)[asked:] if r.route == "GET /channels/{channel}/messages"]
    assert later.count(f"/channels/{past.text.id}/messages") <= 3


async def test_a_database_that_is_away_for_a_while_is_waited_for(
    past: BackfillHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.errors import DatabaseError

    town = Past(past)
    await past.open()
    plain, left = store.backfills.append_page, [3]

    def sometimes_away(*args: Any, **more: Any) -> int:
        if left[0] and len(past.logged_messages()) >= 100:
            left[0] -= 1
            raise DatabaseError("locked")
        return plain(*args, **more)

    monkeypatch.setattr(store.backfills, "append_page", sometimes_away)
    over = await read(past)
    assert (over.state, left) == ("done", [0])
    assert past.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden)}


async def test_what_the_command_line_asks_for_is_read_within_seconds(past: BackfillHouse) -> None:
    town = Past(past)
    past.hurry()
    await past.open()
    store.backfills.ask(past.desk.database, past.wanted())
    over = await past.over()
    assert (over.state, over.asked_by) == ("done", None)
    assert past.progress(over).added == len(town.counted) + len(town.hidden)


@pytest.fixture
async def limited(sqlite: Database) -> AsyncIterator[BackfillHouse]:
    """A house in a sandbox that counts requests as Discord does, only faster."""
    desk = make_desk(sqlite, commit_ms=0)
    limits = {"GET /channels/{channel}/messages": (2, 0.2)}
    async with Sandbox(SandboxOptions(rate_limits=True, route_limits=limits), clock=desk.clock) as sandbox:
        house = BackfillHouse(desk, sandbox)
        yield house
        await house.front.close()
        await house.desk.ingest.close(5)


async def test_rate_limits_are_kept_to(limited: BackfillHouse) -> None:
    town = Past(limited)
    await limited.open()
    await read(limited)
    assert limited.logged_messages().keys() == {m.id for m in (*town.counted, *town.hidden)}
    assert limited.sandbox.calls["GET /channels/{channel}/messages", 429] == 0
