"""What is told after a look is what would be told after a flush: of boards, of members, of who is in voice."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store.state
from store import board_queries, studyroom, why_queries
from store.engine import Database, open_database
from store.state import FlushBatch
from store.tally import tally
from tests.examples import examples
from tests.ingest.shelf import Fresh
from tests.properties.communities import GUILD as PLAYED
from tests.properties.communities import Community, communities
from tests.store.living import Writer, tables
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import plans
from tracker.events.channel import ChannelDescribed
from tracker.events.member import MemberJoined, MemberLeft, MemberRenamed
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.events.voice import VoiceLeft
from tracker.ids import GuildId, Ms, UserId, partition_of
from tracker.ingest.boards import Boards
from tracker.ingest.held import Held
from tracker.ingest.kept_boards import KeptBoards
from tracker.ingest.personal import Personal
from tracker.ingest.reader import Reader
from tracker.ingest.sight import FoldSight
from tracker.ingest.unwritten import Unwritten
from tracker.projections.days import local_day, previous_day
from tracker.reports.boards import BOARD_PERIODS, MEASURES

HOUR, MINUTE = 3_600_000, 60_000
ANN, BEN, CAT, DAN = (UserId(n) for n in (1, 2, 3, 4))


class Clock:
    """Shows what it was set to."""

    time = 0

    def now(self) -> Ms:
        return Ms(self.time)


class House:
    """A writer that looks more often than it flushes, and its twin that flushes each time."""

    def __init__(self, db: Database, twin: Database, guild: GuildId) -> None:
        self.db, self.twin, self.guild = db, twin, guild
        self.clock, self.held = Clock(), Held()
        self.writer, self.other = Writer(db), Writer(twin)
        self.kept, self.unwritten = KeptBoards(db, keep_from=0), Unwritten(db)
        self.reader = Reader(db, self.clock)
        self.boards = Boards(db, self.clock, self.reader, self.kept, self.unwritten)
        self.personal = Personal(db, self, self.reader, self.unwritten)  # type: ignore[arg-type]
        self.told: dict[str, int] = {}

    def write(self, events: list[Any]) -> None:
        self.writer.write(events)
        self.other.write(events)

    def keep(self, now: int) -> None:
        for period in BOARD_PERIODS:
            if not self.kept.has(self.guild, period):
                self.kept.keep(self.guild, period, Ms(now))

    def advance(self, at: int, *, flush: bool) -> None:
        self.clock.time = at
        store.state.flush(self.twin, self.other.batches(at))
        batches = self.writer.batches(at)
        if not flush and not any(batch.changes.forgotten for batch in batches):
            self._tell("looked", [self.held.look(batch) for batch in batches])
            for left_off in range(at % 7):  # upkeep may stop at any step
                self.kept.keep_up() if left_off % 2 else self.unwritten.keep_up()
            if at % 3:
                self._tell("gathered", self.held.gather(least=at % 3))
            return
        whole = self.held.with_held(batches)
        store.state.flush(self.db, whole)
        self.held.clear()
        self._tell("flushed", whole)

    def _tell(self, what: str, batches: list[FlushBatch]) -> None:
        for observer in (self.kept, self.unwritten):
            getattr(observer, what)(batches)

    async def check(self, users: list[UserId]) -> None:
        now, sight = self.clock.now(), FoldSight(self.writer.states)
        sessions = sight.in_tracked_voice(self.guild)
        room = await self.boards.studyroom_at_once(self.guild, sessions)
        self._same("studyroom", room, studyroom.read_studyroom(self.twin, self.guild, sessions, now=now))
        today = local_day(sight.settings(self.guild).zone, now).day
        for user in users:
            standing = await self.boards.standing_at_once(self.guild, user)
            self._same("standing", standing, board_queries.read_standing(self.twin, self.guild, user, now=now))
            for day in (None, previous_day(today)):
                told = await self.personal.day_at_once(self.guild, user, day)
                self._same("day", told, why_queries.read_day(self.twin, self.guild, user, day, now=now))
        for period in BOARD_PERIODS:
            for measure in MEASURES:
                about: dict[str, Any] = {"period": period, "measure": measure, "page": 0, "asker": users[0]}
                board = await self.boards.board_at_once(self.guild, **about)
                self._same("board", board, board_queries.read_board(self.twin, self.guild, now=now, **about))

    def _same(self, what: str, told: object, read: object) -> None:
        if told is not None:
            assert told == read, what
            self.told[what] = self.told.get(what, 0) + 1


@given(
    community=communities(moves=50),
    steps=st.lists(st.booleans(), min_size=2, max_size=8),
    few=st.sampled_from([0, 2, 32]),
)
@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_a_look_tells_of_members_and_boards_what_a_flush_would(
    fresh: Fresh,
    tmp_path: Path,
    sqlite_template: Path,
    community: Community,
    steps: list[bool],
    few: int,
) -> None:
    """`few`: of how many members what was told is looked for, instead of being put together for all."""
    path = tmp_path / "twin.db"
    shutil.copy(sqlite_template, path)
    with fresh() as db, closing(open_database(str(path))) as twin, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tracker.ingest.unwritten._FEW", few)
        house, events = House(db, twin, PLAYED), community.events
        users = [*sorted({e.user_id for e in events if e.user_id is not None})[:3], UserId(404)]
        size = max(1, len(events) // len(steps))
        parts = [events[begin : begin + size] for begin in range(0, len(events), size)]
        for part, flush in zip(parts, [True, *steps, *[False] * len(parts)], strict=False):
            house.write(list(part))
            house.advance(part[-1].occurred_at, flush=flush)
            asyncio.run(house.check(users))
            house.keep(part[-1].occurred_at)
        house.advance(community.until, flush=False)
        asyncio.run(house.check(users))
        house.reader.close()
        assert house.told.keys() >= {"studyroom", "day"}
    path.unlink()


@pytest.fixture
def house(database: Database, tmp_path: Path, sqlite_template: Path) -> Any:
    """Ann and Ben are in voice, Cat is there; flushed after a minute, when boards began to be kept."""
    shutil.copy(sqlite_template, tmp_path / "twin.db")
    with closing(open_database(str(tmp_path / "twin.db"))) as twin:
        house = House(database, twin, GUILD)
        people = ((ANN, "Ann"), (BEN, "벤"), (CAT, "Cat"))
        house.write([fact(MemberJoined(name=name), user=user, channel=None) for user, name in people])
        house.write([fact(ChannelDescribed(name="room"), user=None), fact(user=ANN), fact(user=BEN)])
        house.advance(START + MINUTE, flush=True)
        house.keep(START + MINUTE)
        yield house
        house.reader.close()


ASKED: dict[str, Callable[[House], Any]] = {
    "studyroom": lambda h: h.boards.studyroom_at_once(GUILD, FoldSight(h.writer.states).in_tracked_voice(GUILD)),
    "standing": lambda h: h.boards.standing_at_once(GUILD, ANN),
    "day": lambda h: h.personal.day_at_once(GUILD, ANN, None),
    "board": lambda h: h.boards.board_at_once(GUILD, period="week", measure="voice", page=0, asker=ANN),
}


async def test_what_happened_since_the_last_flush_is_told_without_one(house: House) -> None:
    house.write([fact(VoiceLeft(), user=BEN, at=2 * MINUTE), fact(MemberRenamed(name="Anna"), user=ANN, channel=None)])
    house.write([fact(MessageSent(), user=CAT, at=2 * MINUTE, event_id="message:1")])
    house.write([fact(ExpAdjusted(amount=70, reason="", by=None), user=CAT, channel=None, at=2 * MINUTE)])
    house.write([fact(MemberJoined(name="Dan"), user=DAN, channel=None, at=2 * MINUTE), fact(user=DAN, at=2 * MINUTE)])
    house.advance(START + 30 * MINUTE, flush=False)
    room = await ASKED["studyroom"](house)
    assert [(o.name, o.today_ms) for o in room.occupants] == [("Anna", 30 * MINUTE), ("Dan", 28 * MINUTE)]
    assert room.as_of == START + 30 * MINUTE
    board = await ASKED["board"](house)
    assert [line.name for line in board.lines] == ["Anna", "Dan", "벤"]
    await house.check([ANN, BEN, CAT, DAN])
    assert house.told == {"studyroom": 1, "standing": 4, "day": 8, "board": 15}
    house.advance(START + 40 * MINUTE, flush=False)
    house.advance(START + 41 * MINUTE, flush=True)
    house.advance(START + 42 * MINUTE, flush=False)
    await house.check([ANN])
    assert house.told == {"studyroom": 2, "standing": 5, "day": 10, "board": 30}


@pytest.mark.parametrize("few", [0, 32])
@pytest.mark.parametrize("gathered", [False, True])
async def test_a_session_that_leaves_its_key_between_two_looks_is_told_of_once(
    house: House, monkeypatch: pytest.MonkeyPatch, few: int, gathered: bool
) -> None:
    """It begins at the very instant of a look, when none of it was tracked yet."""
    monkeypatch.setattr("tracker.ingest.unwritten._FEW", few)

    def told() -> list[tuple[int, int]]:
        found = house.unwritten.read(GUILD, ["sessions"], lambda: [DAN], lambda beyond: beyond.of("sessions", DAN))
        return [(row["day"], row["voice_ms"]) for row in found or ()]

    at = house.clock.time + MINUTE - START
    house.write([fact(user=DAN, at=at)])
    house.advance(START + at, flush=False)
    assert told() == [(0, 0)]
    house.advance(START + at + MINUTE, flush=False)
    if gathered:
        house._tell("gathered", house.held.gather(least=1))
    assert told() == [(20260225, MINUTE)]
    house.advance(START + at + 2 * MINUTE, flush=True)
    assert [row[1] for row in tables(house.db)["sessions"] if row[2] == DAN] == [20260225]
    assert tables(house.db)["sessions"] == tables(house.twin)["sessions"]


async def test_who_left_since_the_last_flush_is_on_no_board(house: House) -> None:
    house.write([fact(VoiceLeft(), user=ANN, at=MINUTE), fact(MemberLeft(), user=ANN, channel=None, at=2 * MINUTE)])
    house.advance(START + 3 * MINUTE, flush=False)
    board = await ASKED["board"](house)
    assert ([line.name for line in board.lines], board.own) == (["벤"], None)
    await house.check([ANN, BEN])


@pytest.mark.parametrize("what", ASKED)
async def test_after_new_settings_only_the_tables_can_tell(house: House, what: str) -> None:
    house.write([fact(SettingsChanged(settings={"timezone": "Asia/Seoul"}), user=None, channel=None, at=MINUTE)])
    house.advance(START + 2 * MINUTE, flush=False)
    assert await ASKED[what](house) is None
    house.advance(START + 3 * MINUTE, flush=True)
    house.keep(START + 3 * MINUTE)
    assert await ASKED[what](house) is not None


async def test_another_guilds_settings_are_no_matter(house: House) -> None:
    near = GuildId(OTHER_GUILD)
    house.write([fact(SettingsChanged(settings={}), user=None, channel=None, guild=near)])
    house.advance(START + 2 * MINUTE, flush=False)
    await house.check([ANN])
    assert set(house.told) == set(ASKED)


@pytest.mark.parametrize("what", ASKED)
async def test_who_asks_between_a_commit_and_its_being_told_has_what_the_tables_say(house: House, what: str) -> None:
    house.advance(START + 2 * MINUTE, flush=False)
    batches = house.writer.batches(START + 3 * MINUTE)
    whole = house.held.with_held(batches)
    store.state.flush(house.db, whole)
    told = await ASKED[what](house)
    if what in ("board", "standing"):
        assert told is None, "the board is not there yet"
    else:
        assert told.as_of == START + 3 * MINUTE
    house._tell("flushed", whole)
    assert (await ASKED[what](house)).as_of == START + 3 * MINUTE


async def test_tables_that_were_read_before_the_last_flush_are_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.advance(START + 2 * MINUTE, flush=False)
    read, flushes = studyroom.read_studyroom, iter([START + 3 * MINUTE])

    def slowly(users: set[UserId]) -> set[UserId]:
        for at in flushes:
            house.advance(at, flush=True)
        return users

    seen: list[Ms | None] = []
    sessions = FoldSight(house.writer.states).in_tracked_voice(GUILD)
    room = house.unwritten.read(
        GUILD,
        studyroom.TABLES,
        lambda: slowly({ANN, BEN}),
        lambda beyond: seen.append(beyond.as_of) or read(house.db, GUILD, sessions, now=Ms(0), beyond=beyond),  # type: ignore[func-returns-value]
    )
    assert room is not None
    assert (seen, room.as_of) == ([START + 3 * MINUTE], START + 3 * MINUTE)


async def test_the_number_of_statements_does_not_grow_with_what_is_unwritten(house: House) -> None:
    counts = []
    for n in range(3):
        house.advance(START + (n + 2) * MINUTE, flush=False)
        with tally(house.db) as asked:
            for ask in ASKED.values():
                assert await ask(house) is not None
        counts.append(asked.statements)
    assert counts == [counts[0]] * 3


def test_what_is_read_beside_looks_is_read_by_its_keys(house: House) -> None:
    house.advance(START + 2 * MINUTE, flush=False)
    found = plans(house.db, lambda: [asyncio.run(ask(house)) for ask in ASKED.values()])
    big = ("daily", "sessions", "session_days", "totals", "members", "role_changes", "unearned")
    assert found
    for table in big:
        assert not any(line.startswith(f"SCAN {table}") or f"Seq Scan on {table} " in line for line in found), found


async def test_a_fold_that_was_loaded_anew_tells_everything_once_more(house: House) -> None:
    house.advance(START + 2 * MINUTE, flush=False)
    house.writer = Writer(house.db)  # the state of the tables, with the log's tail
    house.held.clear()
    house.advance(START + 4 * MINUTE, flush=False)
    assert partition_of(GUILD, house.db.partitions) in house.writer.states
    room = await ASKED["studyroom"](house)
    assert [o.today_ms for o in room.occupants] == [4 * MINUTE, 4 * MINUTE]
