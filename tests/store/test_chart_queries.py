"""What the charts are told, against the read models row by row; and that nothing is read whole."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import event

from store import queries
from store.chart_queries import read_chart_data, read_hours
from store.engine import Database, open_database
from store.reporting import read_full_list, read_member_report, report_of_window
from tests.examples import examples
from tests.properties.communities import GUILD as PLAYED
from tests.properties.communities import Community, communities
from tests.store.living import Writer
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import BIG, plans
from tracker.errors import NotFoundError
from tracker.events.channel import ChannelDescribed
from tracker.events.member import MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent
from tracker.events.rule import SettingsChanged
from tracker.events.ticks import TrackerLost
from tracker.events.voice import VoiceLeft, VoiceMoved
from tracker.ids import ChannelId, Ms, RoleId, UserId
from tracker.projections.days import day_start, local_day, next_day, previous_day
from tracker.reports.window import Window, between, containing

HOUR = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")
ROLE = RoleId(700)
IGNORED = ChannelId(901)
ANN, BEN, CAT, BOT = UserId(1), UserId(2), UserId(3), UserId(9)
TO_MIDNIGHT = day_start(BERLIN, 20260226) - START


def writer_of(database: Database) -> Writer:
    """Ann and Ben hold the role, Cat does not, and there is a bot; the guild is in Berlin and ignores a channel."""
    writer = Writer(database)
    chosen = {"timezone": "Europe/Berlin", "voice": {"ignore": {"channels": [str(IGNORED)]}}}
    writer.write([fact(SettingsChanged(settings=chosen), user=None, channel=None)])
    writer.write([fact(MemberJoined(name=f"m{u}", bot=u == BOT), user=u, channel=None) for u in (ANN, BEN, CAT, BOT)])
    writer.write([fact(MemberRolesChanged(role_ids=(ROLE,)), user=u, channel=None) for u in (ANN, BEN, BOT)])
    return writer


def filled(database: Database, hours: int = 60) -> Database:
    writer = writer_of(database)
    writer.write(
        [
            fact(user=ANN, at=1_234),
            fact(user=CAT, at=5_000),
            fact(user=BOT, at=5_000),
            fact(MessageSent(), user=BEN, at=6_000, event_id="message:1"),
            fact(user=BEN, at=7_000, channel=IGNORED),
            fact(VoiceMoved(from_channel_id=IGNORED), user=BEN, at=2 * HOUR + 77),
            fact(VoiceLeft(), user=BEN, at=3 * HOUR + 5),
            fact(VoiceLeft(), user=ANN, at=TO_MIDNIGHT + HOUR + 11),
            fact(user=BEN, at=TO_MIDNIGHT + 9 * HOUR),
        ]
    )
    writer.flush(START + hours * HOUR)
    return database


def weekly(role: RoleId | None = ROLE, day: int = 20260225) -> Window:
    return containing("weekly", day, BERLIN)


def test_days_and_hours_add_up_to_the_report(database: Database) -> None:
    filled(database)
    now = Ms(START + 60 * HOUR)
    for role in (ROLE, None):
        report = report_of_window(database, guild_id=GUILD, role_id=role, window=weekly(), now=now)
        data = read_chart_data(database, guild_id=GUILD, role_id=role, window=weekly(), now=now)
        assert data.week is not None
        assert sum(cell.voice_ms for row in data.week for cell in row) == report.sums.voice_ms > 0
        assert sum(step.voice_ms for step in data.current) == report.sums.voice_ms
        assert report.hours == tuple(sum(row[hour].voice_ms for row in data.week) for hour in range(24))
        assert sum(step.messages or 0 for step in data.current) == report.sums.messages == 1
        assert (data.count, len(data.current), len(data.before)) == (7, 5, 7)
        assert sum(step.voice_ms for step in data.before) == 0


def test_a_report_is_of_one_moment_whatever_is_flushed_while_it_is_read(database: Database) -> None:
    writer = writer_of(database)
    writer.write([fact(user=ANN)])
    writer.flush(START + HOUR)
    hours = iter((2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))

    def flush(*about: object) -> None:
        if not flushing and about[2] != "BEGIN":
            flushing.append(True)
            writer.flush(START + next(hours) * HOUR)
            flushing.clear()

    flushing: list[bool] = []
    event.listen(database.reader, "after_cursor_execute", flush)
    report = report_of_window(database, guild_id=GUILD, role_id=None, window=weekly(), now=Ms(START + 60 * HOUR))
    event.remove(database.reader, "after_cursor_execute", flush)
    assert next(hours) > 6, "it was flushed after each statement"
    assert (report.as_of, report.sums.voice_ms, sum(report.hours)) == (START + HOUR, HOUR, HOUR)


def test_an_hour_has_the_time_of_those_who_were_in_tracked_channels_then(database: Database) -> None:
    filled(database)
    data = read_chart_data(database, guild_id=GUILD, role_id=ROLE, window=weekly(), now=Ms(START + 60 * HOUR))
    assert data.week is not None
    begin = datetime.fromtimestamp(START / 1000, BERLIN)
    assert (begin.weekday(), begin.hour, begin.minute, begin.second) == (2, 7, 13, 20)
    wednesday = data.week[2]
    assert wednesday[6].voice_ms == 0
    assert wednesday[7].voice_ms == 40 * 60_000 + 6 * 60_000 + 40_000 - 1_234
    assert wednesday[8].voice_ms == HOUR
    assert wednesday[9].voice_ms == HOUR + (6 * 60_000 + 40_000 + 40 * 60_000) - 77
    assert data.week[3][0].voice_ms == HOUR
    assert data.week[3][1].voice_ms == 11
    assert data.week[2][0].length_ms == HOUR
    assert data.week[6][0].length_ms == 0


def test_a_day_is_shown_by_the_hour_beside_the_day_before_with_the_members_of_each(database: Database) -> None:
    filled(database)
    window = containing("daily", 20260226, BERLIN)
    data = read_chart_data(database, guild_id=GUILD, role_id=ROLE, window=window, now=Ms(START + 60 * HOUR))
    assert data.week is None
    assert (data.count, len(data.current), len(data.before)) == (24, 24, 24)
    assert data.current[0].voice_ms == HOUR
    assert data.current[9].voice_ms == HOUR
    sums = {row.day: row for row in queries.activity_by_day(database, GUILD, 20260225, 20260226)}
    everyone = read_chart_data(database, guild_id=GUILD, role_id=None, window=window, now=Ms(START + 60 * HOUR))
    assert sum(s.voice_ms for s in everyone.current) == sums[20260226].voice_ms
    assert sum(s.voice_ms for s in everyone.before) == sums[20260225].voice_ms
    assert sum(s.voice_ms for s in data.before) < sum(s.voice_ms for s in everyone.before)


def test_while_the_guild_is_lost_open_sessions_have_come_as_far_as_the_loss(database: Database) -> None:
    writer = writer_of(database)
    writer.write([fact(user=ANN), fact(TrackerLost(), user=None, channel=None, at=HOUR)])
    writer.flush(START + 4 * HOUR)
    window, now = containing("daily", 20260225, BERLIN), Ms(START + 4 * HOUR)
    data = read_chart_data(database, guild_id=GUILD, role_id=None, window=window, now=now)
    assert [(s.hour, s.voice_ms) for s in data.current if s.voice_ms] == [(7, 46 * 60_000 + 40_000), (8, 800_000)]
    assert len(data.current) == 12


def test_time_in_a_channel_that_came_to_be_ignored_is_counted_as_much_as_it_was_tracked(database: Database) -> None:
    writer = writer_of(database)
    writer.write([fact(user=ANN), fact(ChannelDescribed(name="afk", afk=True), user=None, at=HOUR)])
    writer.write([fact(VoiceLeft(), user=ANN, at=2 * HOUR)])
    writer.flush(START + 4 * HOUR)
    window = containing("daily", local_day(BERLIN, START).day, BERLIN)
    data = read_chart_data(database, guild_id=GUILD, role_id=None, window=window, now=Ms(START + 4 * HOUR))
    assert sum(step.voice_ms for step in data.current) == HOUR


def test_a_members_own_report_says_what_the_full_list_says_of_them(database: Database) -> None:
    filled(database)
    now, window = Ms(START + 60 * HOUR), weekly()
    for entry in read_full_list(database, guild_id=GUILD, role_id=ROLE, window=window, now=now):
        own = read_member_report(database, guild_id=GUILD, role_id=ROLE, user_id=entry.user_id, window=window, now=now)
        assert own is not None
        assert (own.member, own.did.voice_ms, own.did.messages) == (entry, entry.voice_ms, entry.messages)
        assert own.change == own.did, "there was nothing in the week before"
        after = read_member_report(
            database, guild_id=GUILD, role_id=ROLE, user_id=entry.user_id, window=window.following(), now=now
        )
        assert after is not None
        assert after.change.voice_ms == -entry.voice_ms
        assert not after.complete
    nobody = read_member_report(database, guild_id=GUILD, role_id=ROLE, user_id=UserId(999), window=window, now=now)
    assert nobody is None
    with pytest.raises(NotFoundError, match="role 998"):
        read_member_report(database, guild_id=GUILD, role_id=RoleId(998), user_id=UserId(999), window=window, now=now)


def test_the_full_list_has_every_member_in_the_order_of_the_report(database: Database) -> None:
    filled(database)
    now = Ms(START + 60 * HOUR)
    report = report_of_window(database, guild_id=GUILD, role_id=None, window=weekly(), now=now)
    listed = read_full_list(database, guild_id=GUILD, role_id=None, window=weekly(), now=now)
    assert [e.rank for e in listed] == [1, 2, 3]
    assert tuple(listed[: len(report.top)]) == report.top
    assert tuple(listed) == report.low


def test_a_guild_of_which_nothing_is_known_has_empty_charts(database: Database) -> None:
    filled(database)
    data = read_chart_data(database, guild_id=OTHER_GUILD, role_id=None, window=weekly(), now=START)
    assert {step.voice_ms for step in (*data.current, *data.before)} <= {0}


def test_big_tables_are_read_by_their_keys_and_never_whole(database: Database) -> None:
    filled(database)
    now = Ms(START + 60 * HOUR)
    for window in (weekly(), containing("daily", 20260226, BERLIN)):

        def ask(window: Window = window) -> None:
            read_chart_data(database, guild_id=GUILD, role_id=ROLE, window=window, now=now)

        found = plans(database, ask)
        if database.dialect == "sqlite":
            assert any(re.match(rf"SEARCH ({BIG}) USING", line) for line in found), found
            assert not any(re.match(rf"SCAN ({BIG})$", line) for line in found), found
        else:
            assert any("Index" in line for line in found), found
            assert not any(re.search(rf"Seq Scan on ({BIG})\b", line) for line in found), found


def test_whose_sessions_count_is_found_once_and_not_beside_each_session(database: Database) -> None:
    filled(database)
    window, now = containing("daily", 20260226, BERLIN), Ms(START + 60 * HOUR)
    found = plans(database, lambda: read_hours(database, guild_id=GUILD, role_id=ROLE, window=window, now=now))
    assert any("MATERIALIZE counted" in line or "CTE counted" in line for line in found), found


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=communities())
def test_over_all_of_a_history_every_hour_together_is_what_the_days_have(
    sqlite_template: Path, tmp_path: Path, story: Community
) -> None:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    shutil.copy(sqlite_template, path)
    database = open_database(str(path))
    try:
        writer = Writer(database)
        writer.write(story.events)
        writer.flush(story.until)
        zone, until = queries.settings_of(database, PLAYED).zone, Ms(story.until)
        days = [local_day(zone, at).day for at in (min(e.occurred_at for e in story.events), until)]
        window = between(previous_day(days[0]), next_day(days[1]), zone)
        report = report_of_window(database, guild_id=PLAYED, role_id=None, window=window, now=until)
        data = read_chart_data(database, guild_id=PLAYED, role_id=None, window=window, now=until)
    finally:
        database.close()
    assert data.week is not None
    assert sum(step.voice_ms for step in data.current) == report.sums.voice_ms
    assert sum(cell.voice_ms for row in data.week for cell in row) == report.sums.voice_ms
