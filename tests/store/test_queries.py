"""What reports and the command line are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from store import kept_rows, queries, state
from store.engine import Database
from tests.store.living import Writer
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START, fact
from tracker.events.channel import ChannelDescribed, RoleDescribed
from tracker.events.member import MemberJoined, MemberLeft, MemberRenamed, MemberRolesChanged
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.events.settings import DEFAULTS
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import VoiceLeft
from tracker.ids import ChannelId, Ms, RoleId, UserId, partition_of
from tracker.reports.kept_days import SESSIONS

MINUTE, HOUR = 60_000, 3_600_000
TODAY, TOMORROW = 20260225, 20260226
TO_MIDNIGHT = 64_000_000  # START is 06:13:20 UTC
ROLE = RoleId(700)
ANN, BEN, CAT, BOT = UserId(1), UserId(2), UserId(3), UserId(9)


@pytest.fixture
def told(database: Database) -> Database:
    """Ann talks over midnight and writes, Ben held the role for an hour, Cat did nothing, and there is a bot."""
    writer = Writer(database)
    writer.write(
        [
            fact(MemberJoined(name=name, bot=user == BOT), user=user, channel=None)
            for user, name in ((ANN, "Ann"), (BEN, "벤"), (CAT, "Cat"), (BOT, "robot"))
        ]
    )
    writer.write([fact(RoleDescribed(role_id=ROLE, name="Study"), user=None, channel=None)])
    writer.write([fact(ChannelDescribed(name="📝-공부방"), user=None)])
    writer.write(
        [fact(MemberRolesChanged(role_ids=(ROLE,)), user=u, channel=None) for u in (ANN, BEN, CAT, BOT)]
        + [
            fact(user=ANN, at=1_000),
            fact(MessageSent(), user=ANN, at=2_000, event_id="message:1"),
            fact(user=BEN, at=3_000),
            fact(VoiceLeft(), user=BEN, at=3_000 + MINUTE),
            fact(ExpAdjusted(amount=-5, reason="", by=None), user=ANN, channel=None, at=HOUR - 1),
            fact(MemberRolesChanged(role_ids=()), user=BEN, channel=None, at=HOUR),
            fact(MemberRenamed(name="Anna"), user=ANN, channel=None, at=HOUR),
            fact(VoiceLeft(), user=ANN, at=TO_MIDNIGHT + MINUTE),
        ]
    )
    writer.flush(START + TO_MIDNIGHT + HOUR)
    return database


def test_a_member_activity_is_summed_over_channels_and_days(told: Database) -> None:
    rows = {
        row.user_id: row
        for row in queries.member_activity(
            told, GUILD, role=ROLE, first_day=TODAY, last_day=TOMORROW, holders_at=Ms(START + 2 * HOUR)
        )
    }
    assert list(rows) == [ANN, CAT]
    ann = rows[ANN]
    assert (ann.name, ann.voice_ms, ann.messages, ann.sessions) == ("Anna", TO_MIDNIGHT + MINUTE - 1_000, 1, 1)
    assert ann.exp == ann.voice_ms // 300_000 + 1 - 5
    assert ann.last_at == START + TO_MIDNIGHT + MINUTE
    assert (rows[CAT].voice_ms, rows[CAT].sessions, rows[CAT].last_at) == (0, 0, None)


def test_a_session_over_midnight_is_one_on_each_day_and_one_over_both(told: Database) -> None:
    def sessions(first: int, last: int) -> int:
        rows = queries.member_activity(told, GUILD, role=None, first_day=first, last_day=last, holders_at=None)
        return {row.user_id: row.sessions for row in rows}[ANN]

    assert [sessions(TODAY, TODAY), sessions(TOMORROW, TOMORROW), sessions(TODAY, TOMORROW)] == [1, 1, 1]


def test_a_session_counts_once_in_every_window_that_has_any_of_its_days_and_in_no_other(database: Database) -> None:
    """Cat's was tracked on the second day only, Ben's on none; Ann's on four."""
    writer, waiting, day = Writer(database), ChannelId(901), 24 * HOUR
    writer.write([fact(MemberJoined(name="m"), user=user, channel=None) for user in (ANN, BEN, CAT)])
    writer.write([fact(ChannelDescribed(name="대기실"), user=None, channel=waiting), fact(user=ANN)])
    writer.write([fact(user=user, channel=waiting) for user in (BEN, CAT)])
    writer.flush(START + HOUR)
    writer.write([fact(VoiceLeft(), user=BEN, at=2 * HOUR)])
    writer.write([fact(ChannelDescribed(name="room"), user=None, channel=waiting, at=day)])
    writer.write([fact(VoiceLeft(), user=CAT, at=day + HOUR), fact(VoiceLeft(), user=ANN, at=3 * day)])
    writer.flush(START + 3 * day)

    def met(first: int, last: int) -> dict[int, int]:
        rows = queries.member_activity(database, GUILD, role=None, first_day=first, last_day=last, holders_at=None)
        days = kept_rows.read_days(database, GUILD, first, last, listed=False)
        listed = kept_rows.read_days(database, GUILD, first, last, listed=True)
        users = np.array([ANN, BEN, CAT], np.int64)
        counts = [row.sessions for row in rows]
        assert counts == days.of(users)[SESSIONS].tolist() == listed.of(users)[SESSIONS].tolist()
        return {row.user_id: row.sessions for row in rows if row.sessions}

    both = {ANN: 1, CAT: 1}
    windows = {(25, 25): {ANN: 1}, (26, 26): both, (27, 27): {ANN: 1}, (28, 28): {ANN: 1}}
    windows |= {(25, 26): both, (26, 27): both, (27, 28): {ANN: 1}, (25, 28): both, (26, 28): both, (24, 24): {}}
    for (first, last), wanted in windows.items():
        assert met(20260200 + first, 20260200 + last) == wanted, (first, last)
    ever = queries.member_activity(database, GUILD, role=None, first_day=0, last_day=99_999_999, holders_at=None)
    assert [row.sessions for row in ever] == [1, 0, 1]


@pytest.mark.parametrize(
    ("at", "holders"),
    [
        (Ms(START - 1), []),
        (START, [ANN, BEN, CAT]),
        (Ms(START + HOUR - 1), [ANN, BEN, CAT]),
        (Ms(START + HOUR), [ANN, CAT]),
        (None, [ANN, CAT]),
    ],
)
def test_holders_are_those_who_held_the_role_at_the_instant(
    told: Database, at: Ms | None, holders: list[UserId]
) -> None:
    rows = queries.member_activity(told, GUILD, role=ROLE, first_day=TODAY, last_day=TODAY, holders_at=at)
    assert [row.user_id for row in rows] == holders


def test_without_a_role_the_members_are_those_who_were_there_and_no_bots(database: Database) -> None:
    writer = Writer(database)
    writer.write(
        [fact(MemberJoined(), user=ANN), fact(MemberJoined(), user=BEN), fact(MemberJoined(bot=True), user=BOT)]
    )
    writer.write([fact(MemberLeft(), user=BEN, at=MINUTE)])
    writer.flush(START + HOUR)

    def members(at: Ms | None) -> list[UserId]:
        rows = queries.member_activity(database, GUILD, role=None, first_day=0, last_day=99_999_999, holders_at=at)
        return [row.user_id for row in rows]

    assert members(START) == [ANN, BEN]
    assert members(None) == [ANN]
    assert members(Ms(START - 1)) == []


def test_daily_rows_come_by_day_member_and_channel_with_adjustments_in_none(told: Database) -> None:
    rows = list(queries.daily_rows(told, GUILD, TODAY, TOMORROW))
    assert [(r.day, r.user_id, r.channel_id) for r in rows] == [
        (TODAY, ANN, None),
        (TODAY, ANN, CHANNEL),
        (TODAY, BEN, CHANNEL),
        (TOMORROW, ANN, CHANNEL),
    ]
    assert (rows[0].exp_adjusted, rows[0].voice_ms) == (-5, 0)
    assert (rows[1].voice_ms, rows[1].sessions, rows[1].messages) == (TO_MIDNIGHT - 1_000, 1, 1)
    assert list(queries.daily_rows(told, GUILD, TOMORROW, TOMORROW)) == rows[3:]
    assert list(queries.daily_rows(told, OTHER_GUILD, TODAY, TOMORROW)) == []


def test_days_are_summed_over_members(told: Database) -> None:
    today, tomorrow = queries.activity_by_day(told, GUILD, TODAY, TOMORROW)
    assert (today.day, today.active, today.messages) == (TODAY, 2, 1)
    assert today.voice_ms == TO_MIDNIGHT - 1_000 + MINUTE
    assert (tomorrow.active, tomorrow.voice_ms) == (1, MINUTE)
    assert today.exp == sum(
        r.exp_voice + r.exp_messages + r.exp_adjusted for r in queries.daily_rows(told, GUILD, TODAY, TODAY)
    )


def test_names_are_those_last_heard(told: Database) -> None:
    assert queries.guild_ids(told) == [GUILD]
    assert queries.roles(told, GUILD) == {ROLE: "Study"}
    assert queries.role_name(told, GUILD, ROLE) == "Study"
    assert queries.role_name(told, GUILD, RoleId(1)) is None
    assert queries.channel_names(told, GUILD) == {ChannelId(CHANNEL): "📝-공부방"}
    assert queries.member_names(told, GUILD)[BEN] == "벤"
    assert queries.as_of(told, GUILD) == START + TO_MIDNIGHT + HOUR


def test_settings_are_the_defaults_until_there_are_any(database: Database) -> None:
    assert queries.settings_document(database, GUILD) is None
    assert queries.settings_of(database, GUILD) == DEFAULTS
    writer = Writer(database)
    writer.write([fact(SettingsChanged(settings={"timezone": "Asia/Seoul"}), user=None, channel=None)])
    writer.flush(START + MINUTE)
    assert queries.settings_document(database, GUILD) == {"timezone": "Asia/Seoul"}
    assert queries.settings_of(database, GUILD).zone.key == "Asia/Seoul"


def test_time_away_is_clipped_to_the_window_and_runs_on_while_it_lasts(database: Database) -> None:
    writer = Writer(database)
    writer.write(
        [
            fact(MemberJoined(), user=ANN, channel=None),
            fact(TrackerLost(), user=None, channel=None, at=10_000),
            fact(TrackerReturned(), user=None, channel=None, at=40_000),
            fact(TrackerLost(), user=None, channel=None, at=90_000),
        ]
    )
    writer.flush(START + 100_000)

    def away(start: int, end: int, now: int) -> int:
        return queries.away_ms(database, GUILD, Ms(START + start), Ms(START + end), Ms(START + now))

    assert away(0, 50_000, 50_000) == 30_000
    assert away(20_000, 30_000, 50_000) == 10_000
    assert away(0, 10_000, 50_000) == 0
    assert away(0, 200_000, 120_000) == 30_000 + 30_000
    assert away(0, 100_000, 500_000) == 30_000 + 10_000


def plans(db: Database, ask: Callable[[], object]) -> list[str]:
    """How the database goes about every statement that `ask` sends it. PostgreSQL is told that its tables are big."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "\nWITH")):
            asked.append((statement, parameters))

    event.listen(db.reader, "before_cursor_execute", note)
    ask()
    event.remove(db.reader, "before_cursor_execute", note)
    explain, lines = "EXPLAIN QUERY PLAN " if db.dialect == "sqlite" else "EXPLAIN ", list[str]()
    with db.read() as connection:
        if db.dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            lines += [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]
    return lines


BIG = "daily|session_days|role_changes|sessions|d|s|r|x"


@pytest.mark.parametrize("question", ["report", "days", "restart"])
def test_big_tables_are_read_by_their_keys_and_never_whole(told: Database, question: str) -> None:
    questions: dict[str, Callable[[], object]] = {
        "report": lambda: queries.member_activity(
            told, GUILD, role=ROLE, first_day=TODAY, last_day=TOMORROW, holders_at=START
        ),
        "days": lambda: [
            *queries.activity_by_day(told, GUILD, TODAY, TOMORROW),
            *queries.daily_rows(told, GUILD, 1, 2),
        ],
        "restart": lambda: state.load(told, partition_of(GUILD, told.partitions)),
    }
    found = plans(told, questions[question])
    if told.dialect == "sqlite":
        assert any(re.match(rf"SEARCH ({BIG}) USING", line) for line in found), found
        assert not any(re.match(rf"SCAN ({BIG})$", line) for line in found), found
    else:
        assert any("Index" in line for line in found), found
        assert not any(re.search(rf"Seq Scan on ({BIG})\b", line) for line in found), found
