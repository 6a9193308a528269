"""What members are shown of each other, from the tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from store import board_queries
from store.engine import Database
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import plans
from tracker.events.member import MemberJoined, MemberLeft, MemberOptedOut
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.voice import VoiceLeft
from tracker.ids import Ms, UserId
from tracker.reports.boards import Board, Season

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ANN, BEN, CAT, GONE, SHY, BOT = (UserId(n) for n in (1, 2, 3, 4, 5, 9))
AFK = 901
TO_MIDNIGHT = 64_000_000  # START is 06:13:20 UTC


def joins(*users: int) -> list[Any]:
    return [fact(MemberJoined(name=f"member {u}", bot=u == BOT), user=u, channel=None) for u in users]


def gives(user: int, amount: int, at: int = 0) -> Any:
    return fact(ExpAdjusted(amount=amount, reason="", by=None), user=user, channel=None, at=at)


def board(db: Database, now: int = START + HOUR, **changes: Any) -> Board:
    asked: dict[str, Any] = {"period": "all", "measure": "exp", "page": 0, "asker": ANN}
    return board_queries.read_board(db, GUILD, now=Ms(now), **asked | changes)


@pytest.fixture
def told(database: Database) -> Database:
    """Ann, Ben and Cat have 5, 7 and 5 EXP; the one who left, the shy one and the bot would have more."""
    writer = Writer(database)
    writer.write(joins(ANN, BEN, CAT, GONE, SHY, BOT))
    writer.write([gives(u, n) for u, n in ((CAT, 5), (ANN, 5), (BEN, 7), (GONE, 50), (SHY, 60), (BOT, 70))])
    writer.write([fact(MemberLeft(), user=GONE), fact(MemberOptedOut(), user=SHY)])
    writer.flush(START + HOUR)
    return database


def test_the_departed_the_opted_out_and_bots_are_left_out_and_ties_go_by_user_id(told: Database) -> None:
    found = board(told)
    assert [(line.place, line.user_id, line.value) for line in found.lines] == [(1, BEN, 7), (2, ANN, 5), (3, CAT, 5)]
    assert (found.total, found.pages, found.page) == (3, 1, 0)
    assert found.own == found.lines[1]
    assert board(told, asker=SHY).own is None
    assert (
        board_queries.read_board(told, OTHER_GUILD, period="all", measure="exp", page=0, asker=ANN, now=START).lines
        == ()
    )


def test_pages_hold_ten_and_one_too_far_is_the_last(database: Database) -> None:
    writer = Writer(database)
    writer.write(joins(*range(101, 126)))
    writer.write([gives(u, 200 - u) for u in range(101, 126)])
    writer.flush(START + HOUR)
    first, last = board(database, asker=UserId(123)), board(database, page=99)
    assert [line.place for line in first.lines] == list(range(1, 11))
    assert first.own is not None
    assert (first.own.place, first.total, first.pages) == (23, 25, 3)
    assert (last.page, [line.place for line in last.lines]) == (2, list(range(21, 26)))
    assert last == board(database, page=2)
    assert [line.user_id for line in board(database, page=1).lines] == list(range(111, 121))


def test_a_period_is_the_guilds_own_day_week_and_month(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(SettingsChanged(settings={"timezone": "UTC"}), user=None, channel=None), *joins(ANN, BEN)])
    writer.write([fact(MessageSent(), user=ANN, event_id="message:1")])
    writer.write([fact(user=BEN, at=TO_MIDNIGHT - 10 * MINUTE), fact(VoiceLeft(), user=BEN, at=TO_MIDNIGHT + MINUTE)])
    writer.flush(START + TO_MIDNIGHT + HOUR)
    tomorrow = START + TO_MIDNIGHT + HOUR
    assert [(n.user_id, n.value) for n in board(database, measure="voice", period="today").lines] == [
        (BEN, 10 * MINUTE)
    ]
    assert [(n.user_id, n.value) for n in board(database, tomorrow, measure="voice", period="today").lines] == [
        (BEN, MINUTE)
    ]
    week = board(database, tomorrow, measure="voice", period="week")
    assert [(n.user_id, n.value) for n in week.lines] == [(BEN, 11 * MINUTE)]
    assert (week.scope.first_day, week.scope.last_day) == (20260223, 20260301)
    assert board(database, tomorrow, measure="messages", period="today").lines == ()
    assert [n.user_id for n in board(database, tomorrow, measure="messages", period="month").lines] == [ANN]
    assert [(n.user_id, n.value) for n in board(database, tomorrow, period="month").lines] == [(BEN, 2), (ANN, 1)]
    assert board(database, tomorrow, measure="voice").lines[0].value == 11 * MINUTE


def test_a_seasons_board_has_the_exp_since_it_began_and_nothing_else(told: Database) -> None:
    assert board(told, period="season").scope.season is None
    assert board(told, period="season").total == 0
    writer = Writer(told)
    writer.write([fact(SeasonStarted(name="spring"), user=None, channel=None, at=HOUR)])
    writer.write([gives(CAT, 9, HOUR + 1), gives(BEN, 2, HOUR + 1), gives(GONE, 50, HOUR + 1)])
    writer.flush(START + 2 * HOUR)
    season = board(told, period="season")
    assert [(line.user_id, line.value, line.exp) for line in season.lines] == [(CAT, 9, 14), (BEN, 2, 9)]
    assert season.scope.season == Season(name="spring", at=Ms(START + HOUR))
    assert (season.own, season.total) == (None, 2)
    assert board(told, period="season", measure="voice").total == 0
    writer.write([fact(SeasonStarted(name="summer"), user=None, channel=None, at=3 * HOUR)])
    writer.flush(START + 4 * HOUR)
    assert board(told, period="season").total == 0


@pytest.mark.parametrize(
    ("tiers", "counted"), [({}, 8), ({"basis": "season"}, 3), ({"basis": "rolling", "rolling_days": 1}, 5)]
)
def test_a_standing_tells_the_exp_that_the_tiers_look_at(
    database: Database, tiers: dict[str, Any], counted: int
) -> None:
    writer = Writer(database)
    writer.write([fact(SettingsChanged(settings={"tiers": tiers}), user=None, channel=None), *joins(ANN)])
    writer.write([gives(ANN, 5), fact(SeasonStarted(name="spring"), user=None, channel=None, at=DAY)])
    writer.write([gives(ANN, 3, DAY)])
    writer.flush(START + DAY)
    ann = board_queries.read_standing(database, GUILD, ANN, now=Ms(START + DAY))
    assert (ann.exp, ann.basis_exp) == (8, counted), "rolling days are whole ones: today is none of them"


def test_a_standing_is_the_place_on_the_board_and_this_week(told: Database) -> None:
    ann = board_queries.read_standing(told, GUILD, ANN, now=Ms(START + HOUR))
    assert (ann.name, ann.exp, ann.place, ann.total) == ("member 1", 5, 2, 3)
    assert (ann.week_voice_ms, ann.week_messages, ann.last_at) == (0, 0, None)
    assert board_queries.read_standing(told, GUILD, CAT, now=Ms(START)).place == 3
    for user in (GONE, SHY, BOT, UserId(77)):
        assert board_queries.read_standing(told, GUILD, user, now=Ms(START)).place is None


def test_a_standing_tells_of_the_week_from_monday_to_sunday(database: Database) -> None:
    writer = Writer(database)
    writer.write(joins(ANN))
    writer.write([fact(MessageSent(), user=ANN, event_id="message:1"), fact(user=ANN, at=HOUR)])
    writer.write([fact(VoiceLeft(), user=ANN, at=5 * DAY)])  # from Wednesday to Monday
    writer.flush(START + 5 * DAY)
    week = board_queries.read_standing(database, GUILD, ANN, now=Ms(START))
    assert (week.week_messages, week.week_voice_ms) == (1, TO_MIDNIGHT - HOUR + 4 * DAY)
    week = board_queries.read_standing(database, GUILD, ANN, now=Ms(START + 5 * DAY))
    assert (week.week_messages, week.week_voice_ms) == (0, 5 * DAY - TO_MIDNIGHT - 4 * DAY)
    assert week.last_at == START + 5 * DAY


BIG = "daily|session_days|sessions|totals|season_totals|members|d|s|m|t"


@pytest.mark.parametrize("question", ["week", "season", "all", "rank"])
def test_big_tables_are_read_by_their_keys_and_never_whole(told: Database, question: str) -> None:
    Writer(told).write([fact(SeasonStarted(name="spring"), user=None, channel=None, at=HOUR)])
    Writer(told).flush(START + HOUR)
    questions: dict[str, Callable[[], object]] = {
        "week": lambda: board(told, period="week"),
        "all": lambda: board(told, period="all"),
        "season": lambda: board(told, period="season"),
        "rank": lambda: board_queries.read_standing(told, GUILD, ANN, now=START),
    }
    found = plans(told, questions[question])
    if told.dialect == "sqlite":
        assert any(re.match(rf"SEARCH ({BIG}) USING", line) for line in found), found
        assert not any(re.match(rf"SCAN ({BIG})$", line) for line in found), found
    else:
        assert any("Index" in line for line in found), found
        assert not any(re.search(rf"Seq Scan on ({BIG})\b", line) for line in found), found
