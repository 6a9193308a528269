"""A board that is kept in memory is the board that the database has, after every flush."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store.board_rows
import store.state
from store import board_queries
from store.engine import Database, open_database
from store.state import FlushBatch
from tests.examples import examples
from tests.properties.communities import BOT, MEMBERS, Community, communities
from tests.properties.communities import GUILD as PLAYED
from tests.servers import PostgresServer
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.errors import DatabaseError
from tracker.events.member import MemberForgotten, MemberJoined, MemberLeft, MemberOptedIn, MemberOptedOut
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.ids import GuildId, Ms, UserId
from tracker.ingest.kept_boards import KeptBoards
from tracker.reports.boards import BOARD_PERIODS, MEASURES, Board, BoardPeriod

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ANN, BEN, CAT = (UserId(n) for n in (1, 2, 3))


@dataclass
class Shelf:
    """A writer whose flushes the kept boards are told of."""

    db: Database
    guild: GuildId = GUILD
    kept: KeptBoards = field(init=False)
    writer: Writer = field(init=False)
    time: float = 0.0

    def __post_init__(self) -> None:
        self.kept = KeptBoards(self.db, keep_from=0, timer=lambda: self.time)
        self.writer = Writer(self.db)

    def flush(self, at: int) -> list[FlushBatch]:
        batches = self.writer.batches(at)
        store.state.flush(self.db, batches)
        self.kept.flushed(batches)
        return batches

    def keep_all(self, now: int) -> None:
        for period in BOARD_PERIODS:
            self.kept.keep(self.guild, period, Ms(now))

    def board(self, period: BoardPeriod, now: int, **asked: Any) -> Board | None:
        about: dict[str, Any] = {"measure": "exp", "page": 0, "asker": ANN}
        return self.kept.board(self.guild, period=period, now=Ms(now), **about | asked)

    def check(self, now: int, askers: tuple[UserId, ...] = (ANN,)) -> int:
        """Every board that is kept is the database's. Returns how many were compared."""
        compared = 0
        for period in BOARD_PERIODS:
            for measure in MEASURES:
                for page, asker in [(page, asker) for page in (0, 1, 99) for asker in askers]:
                    asked: dict[str, Any] = {"measure": measure, "page": page, "asker": asker}
                    found = self.board(period, now, **asked)
                    if found is not None:
                        read = board_queries.read_board(self.db, self.guild, period=period, now=Ms(now), **asked)
                        assert found == read, (period, measure, page, asker)
                        compared += 1
        for asker in askers:
            place = self.kept.place(self.guild, asker, Ms(now))
            if place is not None:
                standing = board_queries.read_standing(self.db, self.guild, asker, now=Ms(now))
                assert (place.place, place.total) == (standing.place, standing.total)
        return compared


def gives(user: int, amount: int, at: int = 0) -> Any:
    return fact(ExpAdjusted(amount=amount, reason="", by=None), user=user, channel=None, at=at)


def joins(*users: int) -> list[Any]:
    return [fact(MemberJoined(name=f"member {user}"), user=user, channel=None) for user in users]


@pytest.fixture
def shelf(database: Database) -> Shelf:
    """Ann, Ben and Cat with 5, 7 and 5 EXP, and every board kept."""
    shelf = Shelf(database)
    shelf.writer.write([fact(SettingsChanged(settings={"timezone": "UTC"}), user=None, channel=None)])
    shelf.writer.write([*joins(ANN, BEN, CAT), fact(SeasonStarted(name="one"), user=None, channel=None)])
    shelf.writer.write([gives(ANN, 5), gives(BEN, 7), gives(CAT, 5)])
    shelf.flush(START + HOUR)
    shelf.keep_all(START + HOUR)
    return shelf


def test_kept_boards_are_the_databases_own(shelf: Shelf) -> None:
    assert shelf.check(START + HOUR, (ANN, CAT, UserId(77))) == 5 * 3 * 3 * 3
    found = shelf.board("all", START + HOUR)
    assert found is not None
    assert [(line.place, line.name, line.value) for line in found.lines] == [
        (1, "member 2", 7),
        (2, "member 1", 5),
        (3, "member 3", 5),
    ]


def test_a_flush_is_seen_at_once_and_nothing_is_read_anew(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.board_rows.read_kept_board", None)
    shelf.writer.write([gives(CAT, 10, HOUR), *joins(4), gives(4, 6, HOUR), fact(user=ANN, at=HOUR)])
    shelf.writer.write([fact(MessageSent(), user=BEN, at=HOUR, event_id="message:1")])
    shelf.flush(START + 2 * HOUR)
    assert shelf.check(START + 2 * HOUR, (ANN, UserId(4))) == 5 * 3 * 3 * 2
    voice = shelf.board("today", START + 2 * HOUR, measure="voice")
    assert voice is not None
    assert [(line.user_id, line.value) for line in voice.lines] == [(ANN, HOUR)]
    shelf.writer.write([gives(CAT, -15, 2 * HOUR)])
    shelf.flush(START + 3 * HOUR)
    assert shelf.check(START + 3 * HOUR, (CAT,)) == 5 * 3 * 3


@pytest.mark.parametrize("gone", [MemberLeft(), MemberOptedOut(), MemberForgotten()])
def test_who_is_gone_is_off_every_board_at_once(shelf: Shelf, gone: Any) -> None:
    shelf.writer.write([fact(gone, user=BEN, channel=None, at=HOUR)])
    shelf.flush(START + HOUR + 1)
    assert shelf.check(START + HOUR + 1, (ANN, BEN)) == 5 * 3 * 3 * 2
    found = shelf.board("season", START + HOUR + 1, asker=BEN)
    assert found is not None
    assert (found.own, [line.user_id for line in found.lines]) == (None, [ANN, CAT])


def test_who_comes_back_has_what_they_had(shelf: Shelf) -> None:
    shelf.writer.write([fact(MemberLeft(), user=BEN, channel=None), fact(MemberOptedOut(), user=CAT, channel=None)])
    shelf.flush(START + HOUR + 1)
    shelf.writer.write([*joins(BEN), fact(MemberOptedIn(), user=CAT, channel=None)])
    shelf.flush(START + HOUR + 2)
    assert shelf.check(START + HOUR + 2, (BEN, CAT)) == 5 * 3 * 3 * 2
    found = shelf.board("all", START + HOUR + 2)
    assert found is not None
    assert found.total == 3


@pytest.mark.parametrize("change", [SettingsChanged(settings={"timezone": "Asia/Seoul"}), SeasonStarted(name="two")])
def test_new_settings_or_a_new_season_end_what_was_kept_of_the_guild_alone(shelf: Shelf, change: Any) -> None:
    shelf.writer.write([fact(MemberJoined(name="x"), user=ANN, channel=None, guild=OTHER_GUILD)])
    shelf.flush(START + HOUR + 1)
    shelf.kept.keep(OTHER_GUILD, "all", Ms(START + HOUR + 1))
    shelf.writer.write([fact(change, user=None, channel=None, at=HOUR)])
    shelf.flush(START + 2 * HOUR)
    assert shelf.check(START + 2 * HOUR) == 0
    other = shelf.kept.board(OTHER_GUILD, period="all", measure="exp", page=0, asker=ANN, now=Ms(START + 2 * HOUR))
    assert other is not None
    shelf.keep_all(START + 2 * HOUR)
    assert shelf.check(START + 2 * HOUR) == 5 * 3 * 3


def test_the_day_ends_at_the_guilds_midnight_and_the_week_goes_on(shelf: Shelf) -> None:
    midnight = START + 64_000_000  # START is 06:13:20 UTC on a Wednesday
    assert shelf.board("today", midnight - 1) is not None
    assert shelf.board("today", midnight) is None
    assert shelf.board("week", midnight) is not None
    assert shelf.board("month", midnight) is not None
    assert shelf.board("week", midnight + 5 * DAY) is None
    assert shelf.board("all", midnight + 400 * DAY) is not None


def test_what_was_flushed_while_a_board_was_read_is_not_lost(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    read = store.board_rows.read_kept_board

    def slowly(*args: Any, **about: Any) -> Any:
        shelf.writer.write([gives(ANN, 1, HOUR)])
        shelf.flush(START + 2 * HOUR)  # in what is read already
        board = read(*args, **about)
        shelf.writer.write([gives(ANN, 100, 2 * HOUR)])
        shelf.flush(START + 3 * HOUR)  # and not in it
        return board

    monkeypatch.setattr("store.board_rows.read_kept_board", slowly)
    shelf.kept.keep(GUILD, "all", Ms(START + HOUR))
    assert shelf.check(START + 3 * HOUR) == 5 * 3 * 3
    found = shelf.board("all", START + 3 * HOUR)
    assert found is not None
    assert found.lines[0].value == 106


def test_settings_that_change_while_a_board_is_read_leave_it_unkept(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = store.board_rows.read_kept_board

    def slowly(*args: Any, **about: Any) -> Any:
        board = read(*args, **about)
        shelf.writer.write([fact(SettingsChanged(settings={"timezone": "Asia/Seoul"}), user=None, channel=None)])
        shelf.flush(START + 2 * HOUR)
        return board

    monkeypatch.setattr("store.board_rows.read_kept_board", slowly)
    shelf.kept.keep(GUILD, "today", Ms(START + HOUR))
    assert shelf.board("today", START + 2 * HOUR) is None


def test_a_flush_that_is_told_twice_counts_once(shelf: Shelf) -> None:
    shelf.writer.write([gives(ANN, 1, HOUR)])
    batches = shelf.flush(START + 2 * HOUR)
    shelf.kept.flushed(batches)
    assert shelf.check(START + 2 * HOUR) == 5 * 3 * 3


def test_a_board_that_could_not_be_read_is_not_kept_and_the_next_try_works(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    shelf.kept = KeptBoards(shelf.db, keep_from=0)
    with monkeypatch.context() as patch:
        patch.setattr("store.board_rows.read_kept_board", away)
        with pytest.raises(DatabaseError, match="locked"):
            shelf.kept.keep(GUILD, "all", Ms(START + HOUR))
    assert shelf.board("all", START + HOUR) is None
    shelf.kept.keep(GUILD, "all", Ms(START + HOUR))
    assert shelf.check(START + HOUR) == 3 * 3


def test_deltas_that_make_no_sense_end_every_board(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    (batch,) = (b for b in shelf.writer.batches(START + 2 * HOUR) if b.partition == GUILD >> 22 & 0 or True)
    batch.changes.rows["totals"] = [(GUILD, ANN, "a lot", 0, 0, 0, 0, 0, 0)]
    shelf.kept.flushed([batch])
    assert shelf.kept.nbytes == 0
    assert "could not be brought up to date" in caplog.text


def test_a_board_that_nobody_asked_for_in_an_hour_is_gone_at_the_next_flush(shelf: Shelf) -> None:
    shelf.time = 3000.0
    assert shelf.board("week", START + HOUR) is not None
    shelf.time = 3700.0
    shelf.flush(START + 2 * HOUR)
    assert [p for p in BOARD_PERIODS if shelf.board(p, START + 2 * HOUR) is not None] == ["week"]


def test_the_least_recently_used_board_makes_room(database: Database, shelf: Shelf) -> None:
    each = shelf.kept.nbytes // 5 + 20
    shelf.kept = KeptBoards(database, keep_from=0, most_bytes=2 * each)
    for period in ("today", "week"):
        shelf.kept.keep(GUILD, period, Ms(START + HOUR))
    assert shelf.board("today", START + HOUR) is not None
    shelf.kept.keep(GUILD, "month", Ms(START + HOUR))
    assert [p for p in BOARD_PERIODS if shelf.board(p, START + HOUR) is not None] == ["today", "month"]
    assert 0 < shelf.kept.nbytes <= 2 * each


def test_who_leaves_between_ranking_and_naming_sends_the_question_to_the_database(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.ingest.kept_boards.read_named", lambda *_: {})
    assert shelf.board("all", START + HOUR) is None


def test_only_boards_of_many_are_wanted(database: Database) -> None:
    kept = KeptBoards(database, keep_from=3)
    assert not kept.wants(GUILD, "all", 2)
    assert kept.wants(GUILD, "all", 3)
    kept.keep(GUILD, "all", START)
    assert not kept.wants(GUILD, "all", 3)
    assert kept.wants(GUILD, "week", 3)


# -- any history ---------------------------------------------------------------------------------------------------

Fresh = Callable[[], AbstractContextManager[Database]]


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """Opens a new database each time."""

    @contextmanager
    def lite() -> Iterator[Database]:
        path = tmp_path / "again.db"
        shutil.copy(template, path)
        db = open_database(str(path))
        yield db
        db.close()
        path.unlink()

    @contextmanager
    def post() -> Iterator[Database]:
        name = server.create()
        db = open_database(server.url(name))
        yield db
        db.close()
        server.drop(name)

    if request.param == "sqlite":
        tmp_path: Path = request.getfixturevalue("tmp_path")
        template: Path = request.getfixturevalue("sqlite_template")
        return lite
    server: PostgresServer = request.getfixturevalue("postgres")
    return post


def _plays(shelf: Shelf, community: Community, flushes: int, keep: list[tuple[int, BoardPeriod]]) -> int:
    """Write the history with `flushes` flushes, keeping boards after some of them; compare after each."""
    events, compared = community.events, 0
    size = max(1, len(events) // flushes)
    for number, begin in enumerate(range(0, len(events), size)):
        part = events[begin : begin + size]
        shelf.writer.write(part)
        # Live, a tick may not come after an event that has not happened yet.
        at = part[-1].occurred_at
        shelf.flush(at)
        compared += shelf.check(at, (*MEMBERS, BOT))
        for period in [period for after, period in keep if after == number]:
            shelf.kept.keep(shelf.guild, period, at)
    shelf.flush(community.until)
    return compared + shelf.check(community.until, MEMBERS)


@given(
    community=communities(moves=60),
    flushes=st.integers(2, 12),
    keep=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(BOARD_PERIODS)), min_size=2, max_size=8),
)
@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_the_kept_board_is_the_one_that_is_read(
    fresh: Fresh, community: Community, flushes: int, keep: list[tuple[int, BoardPeriod]]
) -> None:
    with fresh() as db:
        _plays(Shelf(db, PLAYED), community, flushes, [*keep, (0, "all"), (0, "week")])
