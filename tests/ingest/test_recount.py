"""Guilds to which history was added, counted anew beside the ingest, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import store.log
import store.rebuild
import store.state
from store.engine import Database
from store.exchanging import Exchange
from store.recounting import Counted, fold_marked
from tests.ingest.support import START, Desk, make_desk, until
from tests.projections.history import GUILD, HOUR, MINUTE
from tests.store.living import tables
from tracker.errors import DatabaseError
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberForgotten
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.rule import SettingsChanged
from tracker.events.ticks import TrackerReturned
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, EventId, GuildId, Ms, Position, UserId, partition_of
from tracker.ingest.recount import Recount
from tracker.ingest.recount_process import fold_apart
from tracker.ingest.recount_sight import CountedSight
from tracker.ingest.recount_worker import Request

NEIGHBOUR = GuildId(GUILD + 1)  # of the same partition


@dataclass
class Office:
    """A desk with a recount beside it, and another process that has the same database open.

    `meanwhile`: what happens while the process folds. `seconds`: the recount's own time, which a test lets pass.
    """

    desk: Desk
    elsewhere: Database
    url: str
    folded: int = 0
    seconds: float = 0.0
    meanwhile: list[Callable[[], Awaitable[object] | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        timer = lambda: self.seconds  # noqa: E731
        self.recount = Recount(self.desk.database, self.url, self.desk.ingest, fold=self.fold, timer=timer)

    async def fold(self, request: Request) -> Counted:
        self.folded += 1
        parts = (request.partition, request.guilds, request.checkpoint, request.path)
        counted = await asyncio.to_thread(fold_marked, self.elsewhere, *parts)
        if self.meanwhile:
            waits = self.meanwhile.pop(0)()
            if waits is not None:
                await waits
        return counted

    def past(self, *facts: Event) -> None:
        """Another process appends history."""
        store.rebuild.append_history(self.elsewhere, facts, recorded_at=self.desk.clock.now(), newest={})

    async def look(self) -> None:
        """A look at the marks, after all pauses are over."""
        self.seconds += 10_000
        await self.recount._look()

    @property
    def marked(self) -> set[GuildId]:
        return store.rebuild.marked(self.elsewhere)

    @property
    def states(self) -> dict[GuildId, str]:
        """What the health check says of those who wait."""
        return {guild: str(about["state"]) for guild, about in self.desk.ingest.health.recounts.items()}

    @property
    def exp(self) -> dict[int, int]:
        """All-time EXP by user, of those who have any."""
        return {row["user_id"]: row["exp"] for row in self.desk.totals() if row["exp"]}

    def left_over(self) -> list[Path]:
        """Scratch files."""
        return list(Path(self.elsewhere.name).parent.glob("*-recount*"))

    def check(self) -> None:
        """Live = replay = rebuilt; and nothing is left over."""
        assert self.marked == set()
        assert not self.desk.fatal
        self.desk.check()
        before = tables(self.elsewhere)
        store.rebuild.rebuild(self.elsewhere)
        assert tables(self.elsewhere) == before
        assert self.left_over() == []

    async def goes_on(self) -> None:
        """The state in memory is right too: what comes now is counted right."""
        self.desk.join(8)
        self.desk.message(9_001, 8)
        self.desk.clock.time += 7 * MINUTE
        self.desk.leave(8)
        await self.desk.ingest.flush()
        self.check()


def at(
    moment: int,
    data: Data,
    *,
    user: int | None = 2,
    channel: int | None = 10,
    guild: GuildId = GUILD,
    id: str = "",  # noqa: A002
) -> Event:
    """An event of the guild at START + `moment`."""
    return Event(
        id=EventId(id or f"past:{type(data).__name__}:{moment}:{user}:{guild}"),
        guild_id=guild,
        user_id=None if user is None else UserId(user),
        channel_id=None if channel is None else ChannelId(channel),
        occurred_at=Ms(START + moment),
        data=data,
    )


AN_HOUR_IN_VOICE = (at(-2 * HOUR, VoiceJoined()), at(-HOUR, VoiceLeft()))
"""12 EXP for member 2, long ago."""


@pytest.fixture
async def office(database: Database, database_url: str, open_again: Callable[[], Database]) -> AsyncIterator[Office]:
    office = Office(make_desk(database, commit_ms=5), open_again(), database_url)
    yield office
    await office.recount.close()
    await office.desk.ingest.close(10)


async def test_history_that_another_process_appends_is_counted_as_if_it_had_come_live(office: Office) -> None:
    desk = office.desk
    desk.join(1)
    await desk.ingest.flush()
    desk.clock.time += 30 * MINUTE
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    desk.clock.time += 5 * MINUTE
    desk.leave(1)
    await desk.ingest.flush()
    office.check()
    assert office.exp == {1: 7, 2: 12}
    assert office.states == {}
    assert not office.desk.ingest.sight.lacks_history(GUILD)
    await office.goes_on()


async def test_marks_are_found_after_a_flush_and_at_a_word(office: Office) -> None:
    desk = office.desk
    recount = office.recount = Recount(desk.database, office.url, desk.ingest, fold=office.fold)
    desk.ingest.flushed.add(recount.flushed)
    recount.start()
    desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await desk.ingest.flush()
    await until(lambda: not office.marked)
    office.past(at(-4 * HOUR, VoiceJoined()), at(-3 * HOUR, VoiceLeft()))
    recount.wake()
    await until(lambda: not office.marked)
    await desk.ingest.flush()
    office.check()
    assert office.exp == {2: 24}


async def test_what_happens_while_it_is_counted_is_counted_too(office: Office) -> None:
    desk = office.desk

    def meanwhile() -> None:
        desk.clock.time += 10 * MINUTE
        desk.leave(1)
        desk.message(1001, 3)

    office.meanwhile = [meanwhile]
    desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    office.check()
    assert office.exp == {1: 2, 2: 12, 3: 1}
    await office.goes_on()


async def test_what_comes_while_the_rows_are_written_is_in_the_new_state(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, plain = office.desk, Exchange.write
    loop = asyncio.get_running_loop()

    def write(exchange: Exchange, connection: Any) -> None:
        plain(exchange, connection)
        asyncio.run_coroutine_threadsafe(come(), loop).result(10)

    async def come() -> None:
        desk.clock.time += MINUTE
        desk.leave(1)
        desk.message(1001, 3)

    monkeypatch.setattr(Exchange, "write", write)
    desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    await office.goes_on()
    assert office.exp[3] == 1


async def test_more_history_that_comes_while_it_is_counted_is_not_lost(office: Office) -> None:
    office.meanwhile = [lambda: office.past(at(-4 * HOUR, VoiceJoined()), at(-3 * HOUR, VoiceLeft()))]
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    assert office.marked == {GUILD}
    assert office.states == {GUILD: "more of its history came meanwhile"}
    assert office.desk.ingest.sight.lacks_history(GUILD)
    await office.desk.ingest.flush()
    assert office.desk.ingest.health.well
    await office.look()
    office.check()
    assert office.exp == {2: 24}
    assert office.folded == 2


async def test_history_that_is_appended_between_the_tick_and_the_exchange_keeps_its_mark(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, more = store.state.flush, [(at(-4 * HOUR, VoiceJoined()), at(-3 * HOUR, VoiceLeft()))]

    def flush(*args: Any, also: Any = None, **kwargs: Any) -> bool:
        if also is not None and more:
            office.past(*more.pop())
        return plain(*args, also=also, **kwargs)

    monkeypatch.setattr(store.state, "flush", flush)
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    assert office.exp == {2: 12}  # exchanged, and still marked
    assert office.marked == {GUILD}
    await office.look()
    office.check()
    assert office.exp == {2: 24}


async def test_the_neighbours_in_a_partition_go_on_as_they_were(office: Office) -> None:
    desk = office.desk
    desk.join(1)
    desk.ingest.accept(at(0, VoiceJoined(), user=5, guild=NEIGHBOUR))
    await desk.ingest.flush()
    desk.clock.time += 10 * MINUTE
    office.past(*AN_HOUR_IN_VOICE)
    told: list[frozenset[GuildId]] = []
    desk.ingest.flushed.add(lambda batches: told.extend(batch.recounted for batch in batches))
    await office.look()
    assert {GUILD} in told
    assert desk.ingest.sight.in_voice(NEIGHBOUR) == [5]
    desk.clock.time += 10 * MINUTE
    await desk.ingest.flush()
    office.check()
    assert office.exp == {1: 4, 2: 12, 5: 4}


async def test_several_guilds_are_counted_in_one_go(office: Office) -> None:
    theirs = (at(-2 * HOUR, VoiceJoined(), user=5, guild=NEIGHBOUR), at(-HOUR, VoiceLeft(), user=5, guild=NEIGHBOUR))
    office.past(*AN_HOUR_IN_VOICE, *theirs)
    await office.look()
    office.check()
    assert office.folded == 1
    assert office.exp == {2: 12, 5: 12}


async def test_a_guild_that_the_bot_does_not_know_is_counted_and_passes_for_not_seen(office: Office) -> None:
    office.past(at(-HOUR, VoiceJoined()))
    await office.look()
    assert office.desk.ingest.sight.lost_at(GUILD) is not None
    before = office.exp
    office.desk.clock.time += HOUR
    await office.desk.ingest.flush()
    office.check()
    assert office.exp == before == {2: 12}


async def test_who_never_left_in_what_was_imported_is_not_in_voice_now(office: Office) -> None:
    office.desk.join(1)
    await office.desk.ingest.flush()
    office.past(
        at(-HOUR, VoiceJoined()), at(-HOUR, VoiceLeft(), user=1), at(-MINUTE, VoiceJoined(), user=1, channel=11)
    )
    await office.look()
    assert office.desk.ingest.sight.in_voice(GUILD) == [1]
    assert office.desk.ingest.sight.channel_of(GUILD, UserId(1)) == 10
    office.desk.clock.time += HOUR
    await office.goes_on()
    assert office.exp[2] == 12


async def test_a_guild_that_was_lost_and_returned_meanwhile_is_counted(office: Office) -> None:
    desk = office.desk

    def meanwhile() -> None:
        desk.clock.time += MINUTE
        desk.ingest.gone([GUILD], desk.clock.now())
        desk.clock.time += 20 * MINUTE
        desk.ingest.accept(desk.fact(TrackerReturned(), None, None))

    office.meanwhile = [meanwhile]
    desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    await office.goes_on()


async def test_history_of_the_time_in_which_a_guild_was_not_seen_is_counted(office: Office) -> None:
    desk = office.desk
    desk.join(1)
    await desk.ingest.flush()
    desk.ingest.gone([GUILD], desk.clock.now())
    desk.clock.time += HOUR
    await desk.ingest.flush()
    office.past(at(10 * MINUTE, MessageSent(), user=1, id=message_sent_id(77)))
    await office.look()
    await office.look()  # once more, now that the log says that nobody sees it since after that history
    assert office.marked == set()
    desk.clock.time += HOUR
    desk.ingest.accept(desk.fact(TrackerReturned(), None, None))
    await office.goes_on()
    assert office.exp[1] == 1


async def test_history_from_the_future_waits_until_its_time_has_come(office: Office) -> None:
    office.desk.join(1)
    office.past(at(2 * HOUR, MessageSent(), id=message_sent_id(77)))
    await office.look()
    assert office.states == {GUILD: "some of its history is of a time that has not come yet"}
    assert office.desk.ingest.health.well
    office.desk.clock.time += 3 * HOUR
    await office.look()
    office.check()
    assert office.exp == {1: 36, 2: 1}


async def test_while_discord_is_silent_nothing_is_exchanged(office: Office) -> None:
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    office.desk.ingest.hold("shard 0")
    await office.look()
    assert office.folded == 0
    assert office.marked == {GUILD}
    office.desk.ingest.release("shard 0")
    office.meanwhile = [lambda: office.desk.ingest.hold("shard 0")]
    await office.look()
    assert office.states == {GUILD: "no connection to Discord: time stands still"}
    office.desk.ingest.release("shard 0")
    await office.look()
    office.check()


async def test_a_history_that_cannot_be_read_is_reported_and_holds_up_nobody(office: Office) -> None:
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE, at(-HOUR, MessageSent(), user=5, guild=NEIGHBOUR, id=message_sent_id(3)))
    with office.elsewhere.write() as connection:
        connection.exec_driver_sql("UPDATE events SET data = 'x' WHERE id LIKE 'past:VoiceLeft%%'"
                                   if office.elsewhere.dialect == "postgresql"
                                   else "UPDATE events SET data = 'x' WHERE id LIKE 'past:VoiceLeft%'")  # fmt: skip
    await office.look()
    assert office.marked == {GUILD}
    assert office.exp == {5: 1}
    trouble = office.desk.ingest.health.trouble["recount"]
    assert f"guild {GUILD} cannot be counted anew: failed: event " in trouble
    office.desk.clock.time += 5 * MINUTE
    await office.desk.ingest.flush()
    assert office.exp == {1: 1, 5: 1}
    with office.elsewhere.write() as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{}' WHERE data = 'x'")
    await office.look()
    office.check()
    assert office.desk.ingest.health.well


@pytest.mark.parametrize("committed", [False, True])
async def test_an_exchange_that_fails_is_left_out_and_a_lost_answer_is_understood(
    office: Office, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    plain, failures = store.state.flush, ["the connection broke"]

    def flush(*args: Any, also: Any = None, **kwargs: Any) -> bool:
        if also is not None and failures:
            if committed:
                plain(*args, also=also, **kwargs)
            raise DatabaseError(failures.pop())
        return plain(*args, also=also, **kwargs)

    monkeypatch.setattr(store.state, "flush", flush)
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    office.desk.clock.time += 5 * MINUTE
    await office.look()
    assert office.marked == (set() if committed else {GUILD})
    assert office.exp == ({1: 1, 2: 12} if committed else {1: 1})
    office.desk.clock.time += 5 * MINUTE
    await office.look()
    await office.goes_on()
    assert office.exp[1] == 3


async def test_whatever_goes_wrong_in_an_exchange_stops_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, failures = Exchange._write, [ValueError("planted")]

    def write(exchange: Exchange, connection: Any) -> None:
        plain(exchange, connection)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(Exchange, "_write", write)
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    assert office.exp == {}
    assert office.states == {GUILD: "the database did not take what was counted"}
    await office.look()
    await office.goes_on()


async def test_rules_that_hold_for_the_past_are_in_force_from_the_first_event(office: Office) -> None:
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    assert office.exp == {2: 12}
    every_minute = {"voice": {"default": {"every_s": 60, "exp": 1}}}
    office.past(at(0, SettingsChanged(settings=every_minute, retroactive=True), user=None, channel=None))
    office.desk.clock.time += 10 * MINUTE
    await office.look()
    office.check()
    assert office.exp == {1: 10, 2: 60}
    assert office.desk.ingest.sight.settings(GUILD).voice_default is not None
    await office.goes_on()


async def test_who_asked_to_be_forgotten_meanwhile_does_not_come_back(office: Office) -> None:
    desk = office.desk
    desk.message(1001, 1)
    desk.message(1002, 7)

    def meanwhile() -> Awaitable[object]:
        desk.ingest.accept(desk.fact(MemberForgotten(), 7, None))
        return desk.ingest.flush()  # from now on the log does not say any more who that was

    office.meanwhile = [meanwhile]
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    await office.look()
    assert office.exp == {1: 1, 2: 12}
    await office.goes_on()


async def test_who_was_forgotten_in_what_was_imported_is_in_no_table(office: Office) -> None:
    office.desk.message(1001, 7)
    await office.desk.ingest.flush()
    office.past(at(0, MemberForgotten(), user=7, channel=None), *AN_HOUR_IN_VOICE)
    office.desk.clock.time += 5 * MINUTE
    office.desk.message(1002, 7)
    await office.look()
    assert 2 in office.exp
    await office.goes_on()


async def test_a_guild_with_a_mark_and_no_event_loses_the_mark(office: Office) -> None:
    store.rebuild.mark_for_rebuild(office.elsewhere, [GUILD])
    await office.look()
    office.check()
    assert office.desk.ingest.sight.guilds() == []


async def test_a_guild_that_is_marked_again_and_again_is_not_counted_all_day(office: Office) -> None:
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    clock = office.desk.clock.now()

    def meanwhile() -> None:
        office.seconds += 30

    office.meanwhile = [meanwhile]
    await office.look()
    office.past(at(-4 * HOUR, VoiceJoined()))
    office.seconds += 200  # it took 30 s, and so rests for 300
    await office.recount._look()
    assert office.folded == 1
    assert office.recount.waiting_since(GUILD) == clock
    office.seconds += 200
    await office.recount._look()
    assert office.folded == 2
    office.check()


async def test_roles_follow_and_nothing_is_announced(office: Office) -> None:
    tiers = {
        "tiers": {"list": [{"name": "Bronze", "role_id": "77", "min_exp": 12}]},
        "announcements": {"mode": "dm"},
    }
    office.desk.ingest.accept(office.desk.fact(SettingsChanged(settings=tiers), None, None))
    await office.desk.ingest.flush()
    office.past(*AN_HOUR_IN_VOICE)
    await office.look()
    with office.elsewhere.read() as connection:
        owed = connection.exec_driver_sql("SELECT user_id, tier_roles, state FROM member_sync").all()
        posts = connection.exec_driver_sql("SELECT COUNT(*) FROM deliveries").scalar_one()
    assert [tuple(row) for row in owed] == [(2, "77", "pending")]
    assert posts == 0
    office.check()


async def test_members_keep_what_they_have_where_figures_were_incomplete_at_the_start(office: Office) -> None:
    desk = office.desk
    tiers = {"tiers": {"list": [{"name": "Bronze", "role_id": "77", "min_exp": 1}]}}
    desk.ingest.uncounted.add(GUILD)
    office.past(at(-3 * HOUR, SettingsChanged(settings=tiers), user=None, channel=None))
    desk.ingest.accept(desk.fact(SettingsChanged(settings=tiers), None, None))
    desk.message(1001, 3)
    seen = CountedSight(desk.ingest.sight, desk.ingest.uncounted)
    await desk.ingest.flush()
    with office.elsewhere.read() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM member_sync").scalar_one() == 0
    assert seen.lost_at(GUILD) is not None  # nothing is posted on a schedule
    await office.look()
    with office.elsewhere.read() as connection:
        assert connection.exec_driver_sql("SELECT user_id FROM member_sync").scalars().all() == [3]
    assert seen.lost_at(GUILD) is None


async def test_it_is_folded_in_a_process_of_its_own(office: Office) -> None:
    office.recount = Recount(office.desk.database, office.url, office.desk.ingest)
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    await office.recount._look()
    office.check()
    assert office.exp == {2: 12}


async def test_what_a_killed_process_left_in_the_database_is_dropped(office: Office) -> None:
    if office.elsewhere.dialect == "sqlite":
        return  # there the rows wait in a file, which the next recount replaces
    with office.elsewhere.write() as connection:
        connection.exec_driver_sql("CREATE UNLOGGED TABLE members__recount (LIKE members)")

    def left() -> int:
        with office.elsewhere.read() as connection:
            found = "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'members__recount'"
            return int(connection.exec_driver_sql(found).scalar_one())

    assert left() == 1
    office.recount.start()
    await until(lambda: left() == 0)


async def test_a_process_that_cannot_do_it_says_why_and_leaves_nothing(office: Office, tmp_path: Path) -> None:
    request = Request(
        url=str(tmp_path / "nowhere.db"), path=tmp_path / "scratch.db", partition=partition_of(GUILD, 1),
        checkpoint=store.state.Checkpoint(position=Position(1), as_of=Ms(1)), guilds=(GUILD,),
    )  # fmt: skip
    with pytest.raises(DatabaseError, match=r"nowhere\.db is not there"):
        await fold_apart(request)
    assert not request.path.exists()


async def test_a_recount_that_is_stopped_in_the_middle_ends_its_process_and_keeps_the_mark(office: Office) -> None:
    office.recount = Recount(office.desk.database, office.url, office.desk.ingest)
    office.desk.join(1)
    office.past(*AN_HOUR_IN_VOICE)
    office.recount.start()
    await until(lambda: office.states == {GUILD: "counting"})
    await office.recount.close()
    assert office.marked == {GUILD}
    assert office.exp == {}
    await office.desk.ingest.flush()
    assert office.left_over() == []
    again = make_desk(office.elsewhere)
    recount = Recount(office.elsewhere, office.url, again.ingest)
    again.clock.time = office.desk.clock.time + MINUTE
    await recount._look()
    await recount.close()
    again.check()
    assert office.exp == {2: 12}
