"""A report out of memory is the report that is read, after every flush."""

from __future__ import annotations

import logging
import re
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store.kept_rows
import store.state
import store.tally
from store import queries
from store.reporting import read_full_list, read_member_report
from tests.examples import examples
from tests.ingest.shelf import ANN, BEN, CAT, DAY, HOUR, MINUTE, ROLE, Fresh, Shelf
from tests.properties.communities import GUILD as PLAYED
from tests.properties.communities import Community, communities
from tests.properties.documents import ROLES
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import plans
from tracker.errors import DatabaseError
from tracker.events.channel import ChannelDescribed
from tracker.events.member import MemberForgotten, MemberJoined, MemberLeft, MemberRolesChanged
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted
from tracker.events.ticks import TrackerLost
from tracker.events.voice import VoiceLeft
from tracker.ids import ChannelId, Ms, RoleId, UserId
from tracker.ingest.held import Held
from tracker.ingest.kept_reports import KeptReports
from tracker.reports.window import between


def test_a_report_out_of_memory_says_what_the_database_says(shelf: Shelf) -> None:
    report = shelf.report(START + HOUR, role=None)
    assert (report.members, report.active, report.sums.voice_ms, report.sums.sessions) == (3, 2, HOUR + MINUTE, 2)
    assert [(entry.rank, entry.name) for entry in report.top] == [(1, "Ann"), (2, "벤")]
    assert [(entry.rank, entry.name) for entry in report.low] == [(1, "Ann"), (2, "벤"), (3, "Cat")]
    assert sum(report.hours) == report.sums.voice_ms
    shelf.check(START + HOUR)
    assert shelf.report(START + HOUR).members == 2


def test_a_flush_is_seen_at_once_and_nothing_is_read_anew(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.check(START + HOUR)
    for name in ("read_days", "read_holders", "read_bots"):
        monkeypatch.setattr(store.kept_rows, name, None)
    joined = fact(MemberJoined(name="Dan"), user=UserId(4), channel=None, at=HOUR)
    shelf.writer.write([joined, fact(user=UserId(4), at=HOUR), fact(user=BEN, at=HOUR)])
    shelf.writer.write([fact(MemberRolesChanged(role_ids=(ROLE,)), user=BEN, channel=None, at=HOUR)])
    shelf.flush(START + 2 * HOUR)
    shelf.check(START + 2 * HOUR)
    assert shelf.report(START + 2 * HOUR, role=None).sums.voice_ms == 4 * HOUR + MINUTE
    shelf.writer.write([fact(VoiceLeft(), user=ANN, at=2 * HOUR), fact(MemberLeft(), user=CAT, at=2 * HOUR)])
    shelf.flush(START + 3 * HOUR)
    shelf.check(START + 3 * HOUR)
    assert shelf.report(START + 3 * HOUR).members == 2
    assert shelf.kept.figures()["misses"] == 4


def read_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("read_days", "read_holders", "read_bots", "read_day", "read_floor"):
        monkeypatch.setattr(store.kept_rows, name, None)


def test_a_session_that_comes_to_be_tracked_is_seen_at_once_and_nothing_is_read_anew(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ChannelId(901)
    shelf.writer.write([fact(ChannelDescribed(name="대기실"), user=None, channel=waiting, at=HOUR)])
    shelf.writer.write([fact(user=user, channel=waiting, at=HOUR) for user in (BEN, CAT)])
    shelf.flush(START + 2 * HOUR)
    shelf.check(START + 2 * HOUR, back=DAY)
    sessions = shelf.report(START + 2 * HOUR, role=None).sums.sessions
    read_no_more(monkeypatch)
    shelf.writer.write([fact(ChannelDescribed(name="room"), user=None, channel=waiting, at=2 * HOUR)])
    shelf.writer.write([fact(VoiceLeft(), user=CAT, at=2 * HOUR + MINUTE)])
    shelf.flush(START + 3 * HOUR)
    assert shelf.report(START + 3 * HOUR, role=None).sums.sessions == sessions + 2
    shelf.check(START + 3 * HOUR, back=DAY)


def test_days_that_are_over_are_not_read_anew_because_somebody_came_then_and_is_still_there(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = 5 * DAY + 12 * HOUR
    shelf.writer.write([fact(user=CAT, at=monday - DAY)])
    shelf.flush(START + monday)
    report = shelf.report(START + monday, role=None, period="weekly")
    assert (report.sums.sessions, report.change.sessions) == (2, -1)  # Ben was there in the week before only
    read_no_more(monkeypatch)
    for minute in range(1, 4):
        shelf.flush(START + monday + minute * MINUTE)
        assert shelf.report(START + monday + minute * MINUTE, role=None, period="weekly").change.sessions == -1


def test_a_member_is_told_their_place_among_all(shelf: Shelf) -> None:
    window = between(20260225, 20260225, queries.settings_of(shelf.db, GUILD).zone)
    shelf.remember()
    for role, user, place in ((None, ANN, 1), (None, BEN, 2), (None, CAT, 3), (ROLE, CAT, 2), (ROLE, BEN, None)):
        (found,) = shelf.kept.member_report(GUILD, role, user, window, Ms(START + HOUR)) or (None,)
        assert (None if found is None else found.member.rank) == place
        assert found == read_member_report(
            shelf.db, guild_id=GUILD, role_id=role, user_id=user, window=window, now=Ms(START + HOUR)
        )
    assert shelf.kept.member_report(OTHER_GUILD, None, ANN, window, Ms(START + HOUR)) is None


def test_days_weeks_and_members_go_on_over_midnights(shelf: Shelf) -> None:
    for hours in (1, 17, 18, 42, 43, 120, 24 * 7):
        shelf.flush(START + hours * HOUR)
        shelf.check(START + hours * HOUR, back=DAY)
    assert shelf.report(START + 24 * 7 * HOUR, role=None).change.sessions == 0


def test_who_is_forgotten_is_in_no_report(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    shelf.writer.write([fact(MemberForgotten(), user=BEN, channel=None, at=HOUR)])
    shelf.flush(START + HOUR + 1)
    shelf.check(START + HOUR + 1)
    assert shelf.report(START + HOUR + 1, role=None).members == 2


def test_while_the_guild_is_lost_nobody_has_come_further_than_the_loss(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    shelf.writer.write([fact(TrackerLost(), user=None, channel=None, at=2 * HOUR)])
    shelf.flush(START + 4 * HOUR)
    shelf.check(START + 4 * HOUR)
    assert shelf.report(START + 4 * HOUR, role=None).away_ms == 2 * HOUR


def test_those_from_whom_exp_was_taken_keep_their_rank_behind_who_did_nothing(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    taken = ExpAdjusted(amount=-50, reason="", by=None)
    shelf.writer.write([fact(taken, user=CAT, channel=None, at=HOUR)])
    shelf.writer.write([fact(MessageSent(), user=CAT, at=HOUR, event_id="message:2")])
    shelf.writer.write([fact(MemberJoined(name="Dan"), user=UserId(4), channel=None, at=HOUR)])
    shelf.flush(START + 2 * HOUR)
    shelf.check(START + 2 * HOUR)
    shelf.check_each(START + 2 * HOUR, None, shelf.report(START + 2 * HOUR, role=None))
    assert [(e.rank, e.name) for e in shelf.report(START + 2 * HOUR, role=None).top] == [
        (1, "Ann"),
        (2, "벤"),
        (4, "Cat"),
    ]


def test_top_and_low_of_many_are_those_of_all(shelf: Shelf) -> None:
    many = [UserId(100 + n) for n in range(60)]
    shelf.writer.write([fact(MemberJoined(name=f"m{u}"), user=u, channel=None) for u in many])
    given = [(u, (u * 7) % 11 - 3) for u in many]
    shelf.writer.write(
        [fact(ExpAdjusted(amount=n, reason="", by=None), user=u, channel=None, at=HOUR) for u, n in given if n]
    )
    shelf.flush(START + 2 * HOUR)
    shelf.check(START + 2 * HOUR)
    report = shelf.report(START + 2 * HOUR, role=None)
    listed = read_full_list(shelf.db, guild_id=GUILD, role_id=None, window=report.window, now=Ms(START + 2 * HOUR))
    for entry in listed:
        found = shelf.kept.member_report(GUILD, None, entry.user_id, report.window, Ms(START + 2 * HOUR))
        assert found is not None
        assert found[0] is not None
        assert found[0].member == entry
    assert (report.members, len(report.top), [e.rank for e in report.low]) == (63, 10, [59, 60, 61, 62, 63])


def test_sessions_that_are_over_are_packed_and_still_counted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.reports.kept_days._SETTLE_FROM", 2)
    shelf.check(START + HOUR)
    for n in range(6):
        at = HOUR + n * 10 * MINUTE
        shelf.writer.write([fact(user=CAT, at=at), fact(user=BEN, at=at + 1)])
        shelf.writer.write([fact(VoiceLeft(), user=u, at=at + 5 * MINUTE) for u in (CAT, BEN)])
        shelf.flush(START + at + 6 * MINUTE)
        shelf.check(START + at + 6 * MINUTE)
    assert shelf.report(START + 2 * HOUR, role=None).sums.sessions == 14


def test_days_of_members_are_put_together_now_and_then_and_still_counted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.reports.kept_steps._LOOSE", 2)
    shelf.check(START + HOUR)
    for n in range(1, 8):
        at, new = HOUR + n * 9 * HOUR, UserId(40 - 5 * n)  # who is new stands before those who are known
        shelf.writer.write([fact(MemberJoined(name="x"), user=new, channel=None, at=at)])
        shelf.writer.write([fact(MessageSent(), user=u, at=at, event_id=f"message:{n}{u}") for u in (BEN, new)])
        shelf.flush(START + at)
        shelf.check(START + at, back=DAY)


def test_a_window_too_far_back_for_the_past_that_is_kept_is_kept_alone_up_to_a_month(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone, now = queries.settings_of(shelf.db, GUILD).zone, Ms(START + 9 * DAY)
    shelf.flush(now)
    monkeypatch.setattr(shelf.kept.history, "_most_bytes", 0)
    shelf.remember()
    for window in (between(20260225, 20260303, zone), between(20260201, 20260303, zone)):
        assert shelf.check_window(now, window, None)
        with store.tally.tally(shelf.db) as asked:
            assert shelf.check_window(now, window, ROLE)
        assert shelf.kept.history.missing(GUILD, window) != []
        assert asked.statements
    assert shelf.kept.report_of(GUILD, None, between(20260201, 20260304, zone), now) is None


def test_what_is_unknown_or_small_is_left_to_the_database(shelf: Shelf) -> None:
    now = Ms(START + HOUR)
    assert shelf.kept.report(OTHER_GUILD, None, "daily", None, now) is None
    assert shelf.kept.report(GUILD, RoleId(5), "daily", None, now) is None
    assert shelf.kept.report(GUILD, None, "yearly", None, now) is None
    big = KeptReports(shelf.db, keep_from=5)
    assert big.report(GUILD, None, "daily", None, now) is None
    assert big.figures() == {"hits": 0, "misses": 0, "bytes": 0}
    assert KeptReports(shelf.db, keep_from=4).report(GUILD, None, "daily", None, now) is not None


def test_what_was_flushed_while_it_was_read_is_not_lost(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    read, hours = store.kept_rows.read_days, iter(range(2, 99))

    def slowly(*args: Any, **about: Any) -> Any:
        shelf.flush(START + next(hours) * HOUR)  # in what is read already
        days = read(*args, **about)
        shelf.flush(START + next(hours) * HOUR)  # and not in it
        return days

    monkeypatch.setattr(store.kept_rows, "read_days", slowly)
    assert shelf.report(START + 5 * HOUR, role=None).sums.voice_ms == 5 * HOUR + MINUTE
    shelf.check(START + 5 * HOUR)


def test_who_asks_between_a_commit_and_its_being_told_waits_for_that(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    batches = shelf.writer.batches(START + 2 * HOUR)
    store.state.flush(shelf.db, batches)
    telling = threading.Timer(0.05, shelf.kept.flushed, (batches,))
    telling.start()
    assert shelf.report(START + 2 * HOUR, role=None).sums.voice_ms == 2 * HOUR + MINUTE
    telling.join()
    shelf.check(START + 2 * HOUR)


def test_a_flush_that_is_told_twice_counts_once(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    shelf.kept.flushed(shelf.flush(START + 2 * HOUR))
    shelf.check(START + 2 * HOUR)


def test_deltas_that_make_no_sense_end_all_that_is_kept(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.check(START + HOUR)
    batches = shelf.writer.batches(START + 2 * HOUR)
    for batch in batches:
        batch.changes.rows["role_changes"] = [(GUILD, ROLE, ANN, "late", 1)]
    with caplog.at_level(logging.ERROR):
        shelf.kept.flushed(batches)
    assert shelf.kept.figures()["bytes"] == 0
    assert "could not be brought up to date" in caplog.text


def test_a_change_of_the_past_has_it_read_anew(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    batches = shelf.writer.batches(START + 2 * HOUR)
    for batch in batches:
        if GUILD in {row[0] for row in batch.changes.rows.get("daily", ())}:
            batch.changes.rows["role_changes"] = [(GUILD, ROLE, ANN, START - DAY, 1)]
    store.state.flush(shelf.db, batches)
    shelf.kept.flushed(batches)
    shelf.check(START + 2 * HOUR)


def test_an_error_keeps_nothing_and_the_next_question_is_answered(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise DatabaseError("locked")

    with monkeypatch.context() as patch:
        patch.setattr(store.kept_rows, "read_holders", away)
        with pytest.raises(DatabaseError, match="locked"):
            shelf.report(START + HOUR)
    shelf.flush(START + 2 * HOUR)
    shelf.check(START + 2 * HOUR)


def test_what_nobody_asked_for_in_an_hour_is_gone_at_the_next_flush(shelf: Shelf) -> None:
    shelf.check(START + HOUR)
    shelf.time = 3700.0
    shelf.flush(START + 2 * HOUR)
    assert shelf.kept.figures()["bytes"] == 0


def test_what_nobody_asked_for_lately_is_not_kept_up_and_still_right(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some parts know all looks then, some none; one that knew a few of them is brought further."""
    monkeypatch.setattr("tracker.ingest.keeping._AT_ONCE", 1)
    held = Held()

    def look(at: int) -> int:
        """How much there is to be kept up after a look."""
        shelf.kept.looked([held.look(batch) for batch in shelf.writer.batches(at)])
        steps = 0
        while shelf.kept.keep_up():
            steps += 1
        shelf.kept.gathered(held.gather(least=2))
        return steps

    shelf.check(START + HOUR)
    parts = look(START + HOUR + MINUTE)
    assert parts > 4
    shelf.flush_held(held, START + HOUR + 2 * MINUTE)
    shelf.time = 100.0
    assert look(START + HOUR + 3 * MINUTE) == 0
    daily = shelf.report(START + HOUR + 3 * MINUTE)  # of four parts
    assert look(START + HOUR + 4 * MINUTE) == 4
    shelf.time = 300.0
    assert look(START + HOUR + 5 * MINUTE) == 4
    assert daily.sums.voice_ms == 3_780_000
    assert shelf.report(START + HOUR + 5 * MINUTE).sums.voice_ms == daily.sums.voice_ms + 2 * MINUTE
    weekly = shelf.report(START + HOUR + 5 * MINUTE, period="weekly")
    assert weekly.sums.voice_ms == daily.sums.voice_ms + 2 * MINUTE
    shelf.flush_held(held, START + HOUR + 6 * MINUTE)
    shelf.check(START + HOUR + 6 * MINUTE)
    assert look(START + HOUR + 7 * MINUTE) == parts


def test_what_does_not_fit_into_memory_is_left_to_the_database(shelf: Shelf) -> None:
    shelf.kept = KeptReports(shelf.db, keep_from=0, most_bytes=10)
    assert shelf.kept.report(GUILD, None, "daily", None, Ms(START + HOUR)) is None
    assert shelf.kept.figures()["bytes"] <= 10


def test_hits_and_misses_are_counted(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.report(START + HOUR)
    found = shelf.kept.figures()
    assert (found["hits"], found["misses"]) == (2, 1)
    assert found["bytes"] > 0


def test_a_report_out_of_memory_asks_for_the_guild_and_the_names_only(shelf: Shelf) -> None:
    window = shelf.report(START + HOUR).window
    with store.tally.tally(shelf.db) as asked:
        shelf.report(START + HOUR)
    assert asked.statements == 3
    with store.tally.tally(shelf.db) as one:
        shelf.kept.member_report(GUILD, ROLE, ANN, window, Ms(START + HOUR))
    with store.tally.tally(shelf.db) as listed:
        shelf.kept.full_list(GUILD, ROLE, window, Ms(START + HOUR))
    with store.tally.tally(shelf.db) as charts:
        shelf.kept.chart_data(GUILD, ROLE, window, Ms(START + HOUR))
    assert (one.statements, listed.statements, charts.statements) == (3, 2, 1)
    assert not re.search(
        r"FROM (daily|sessions|session_days|role_changes|events)\b", " ".join((*asked.texts, *charts.texts))
    )


BIG = "daily|session_days|role_changes|sessions|members|met"


def test_what_is_kept_is_read_by_its_keys_and_never_whole(shelf: Shelf) -> None:
    def ask() -> None:
        kept = KeptReports(shelf.db, keep_from=0)
        report = kept.report(GUILD, ROLE, "weekly", None, Ms(START + HOUR))
        assert report is not None
        assert kept.full_list(GUILD, ROLE, report.window, Ms(START + HOUR))
        kept.history.want(GUILD, GUILD, report.window.zone)
        assert kept.history.read_more()

    found = plans(shelf.db, ask)
    if shelf.db.dialect == "sqlite":
        assert any(
            re.match(r"SEARCH daily USING PRIMARY KEY \(partition=\? AND guild_id=\? AND day>", line) for line in found
        )
        assert any(re.match(r"SEARCH role_changes USING PRIMARY KEY \(.*role_id=\?", line) for line in found), found
        assert any(re.match(r"SEARCH s USING PRIMARY KEY \(.*user_id=\? AND started_at=\?", line) for line in found), (
            found
        )
        assert not any(re.match(r"SCAN (daily|session_days|role_changes|s|members)\b", line) for line in found), found
    else:
        assert any("Index" in line for line in found), found
        assert not any(re.search(rf"Seq Scan on ({BIG})\b", line) for line in found), found


# -- any history ---------------------------------------------------------------------------------------------------


@given(community=communities(moves=60), flushes=st.integers(2, 12), asked=st.sets(st.integers(0, 12), min_size=1))
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_the_report_out_of_memory_is_the_one_that_is_read(
    fresh: Fresh, community: Community, flushes: int, asked: set[int]
) -> None:
    with fresh() as db:
        shelf = Shelf(db, PLAYED)
        for number, now in shelf.play(community, flushes, roles := tuple(map(RoleId, ROLES))):
            if number in asked or number == 1:  # all roles at once would be hundreds of reports, and minutes
                shelf.check(now, roles=((None, *roles)[number % (1 + len(roles))],), back=DAY)
        shelf.flush(community.until)
        shelf.check(community.until, roles=(*roles, None), back=DAY)
