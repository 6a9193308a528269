"""A report over any dates, put together out of days that are kept, is the report that is read."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import store.kept_rows
import store.state
import store.tally
from store import queries
from tests.examples import examples
from tests.ingest.shelf import ANN, BEN, CAT, DAY, HOUR, MINUTE, ROLE, Fresh, Shelf
from tests.properties.communities import GUILD as PLAYED
from tests.properties.communities import Community, communities
from tests.properties.documents import ROLES
from tests.store.support import GUILD, OTHER_GUILD, START, fact
from tracker.errors import DatabaseError
from tracker.events.member import MemberForgotten, MemberJoined, MemberRolesChanged
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.events.ticks import TrackerLost
from tracker.events.voice import VoiceLeft
from tracker.ids import Ms, RoleId, UserId
from tracker.ingest.kept_reports import KeptReports
from tracker.projections.days import local_day, next_day, previous_day
from tracker.reports.kept import Numbers
from tracker.reports.kept_day import Column, KeptDay
from tracker.reports.kept_span import KeptRuns
from tracker.reports.window import Window, between, containing

FIRST = 20260225


def wanted(shelf: Shelf) -> bool:
    """Whether the past is to be read."""
    return shelf.kept.history.wanted


def windows(shelf: Shelf, now: int, *, most: int = 12) -> list[Window]:
    """Pairs of days from before the beginning until after the end: all of a short history, some of a long one."""
    zone = queries.settings_of(shelf.db, shelf.guild).zone
    days = [previous_day(previous_day(FIRST))]
    while days[-1] <= local_day(zone, now).day:
        days.append(next_day(days[-1]))
    pairs = list(combinations_with_replacement(days, 2))
    return [between(first, last, zone) for first, last in pairs[:: -(-len(pairs) // most)]]


def check_dates(shelf: Shelf, now: int, *, roles: tuple[RoleId | None, ...] = (ROLE, None), most: int = 12) -> None:
    """All of them come out of memory, without reading a day, and are the database's."""
    for window in windows(shelf, now, most=most):
        for role in roles:
            assert shelf.check_window(now, window, role), (window.first_day, window.last_day)


def live(shelf: Shelf, days: int) -> int:
    """So many days go by: Ben and Dan come and go, over midnight too, Ann stays; the newest instant."""
    at = HOUR
    shelf.writer.write([fact(MemberJoined(name="Dan"), user=UserId(4), channel=None, at=at)])
    for day in range(days):
        at = HOUR + day * DAY
        joined = [fact(user=BEN, at=at), fact(user=UserId(4), at=at + 14 * HOUR)]
        shelf.writer.write([joined[0], fact(VoiceLeft(), user=BEN, at=at + HOUR)])
        shelf.writer.write([fact(MessageSent(), user=BEN, at=at + HOUR, event_id=f"message:9{day}")])
        shelf.flush(START + at + 2 * HOUR)
        at += 22 * HOUR
        shelf.writer.write([joined[1], fact(VoiceLeft(), user=UserId(4), at=at)])
        shelf.flush(START + at)
    return START + at


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no day can be read."""
    for name in ("read_day", "read_days"):
        monkeypatch.setattr(store.kept_rows, name, None)


def test_any_dates_come_out_of_memory_once_the_past_was_read(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    now = live(shelf, 5)
    shelf.remember()
    forbid(monkeypatch)
    check_dates(shelf, now)
    zone = queries.settings_of(shelf.db, GUILD).zone
    for period in ("daily", "weekly", "monthly"):
        for day in (previous_day(FIRST), FIRST, next_day(FIRST)):
            assert shelf.check_window(now, containing(period, day, zone), None)


def test_a_long_past_is_added_up_many_days_at_a_time(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    now = live(shelf, 45)
    shelf.remember()
    forbid(monkeypatch)
    check_dates(shelf, now, most=8)
    taken = shelf.kept.history.nbytes
    assert taken > 0
    check_dates(shelf, now, most=8)
    assert shelf.kept.history.nbytes == taken
    late = ExpAdjusted(amount=70, reason="", by=None)
    shelf.writer.write([fact(late, user=CAT, channel=None, at=now - START + MINUTE)])
    shelf.flush(now + HOUR)
    check_dates(shelf, now + HOUR, most=8)


def test_a_change_of_a_day_that_was_added_up_is_seen(shelf: Shelf) -> None:
    """A message of a day long gone is deleted: its EXP goes with it."""
    now = live(shelf, 24)
    shelf.remember()
    window = between(FIRST, 20260320, queries.settings_of(shelf.db, GUILD).zone)
    before = shelf.kept.report_of(GUILD, None, window, Ms(now))
    batches = shelf.writer.batches(now + HOUR)
    (mine,) = [batch for batch in batches if GUILD in {row[0] for row in batch.changes.rows.get("daily", ())}]
    mine.changes.rows["daily"].append((GUILD, 20260227, BEN, 900, 0, 0, -1, 0, 0, -1, 0, 0, 0))
    store.state.flush(shelf.db, batches)
    shelf.kept.flushed(batches)
    after = shelf.kept.report_of(GUILD, None, window, Ms(now + HOUR))
    assert before is not None
    assert after is not None
    assert after.sums.messages == before.sums.messages - 1
    assert shelf.check_window(now + HOUR, window, None)


def test_days_go_on_with_flushes_and_over_midnight(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.remember()
    check_dates(shelf, START + HOUR)
    for hours in (2, 17, 18, 43, 120):
        shelf.writer.write([fact(user=BEN, at=hours * HOUR - MINUTE), fact(user=CAT, at=hours * HOUR - MINUTE)])
        shelf.writer.write([fact(VoiceLeft(), user=BEN, at=hours * HOUR - 1000)])
        shelf.writer.write([fact(MessageSent(), user=CAT, at=hours * HOUR - 1, event_id=f"message:{hours}")])
        shelf.writer.write([fact(VoiceLeft(), user=CAT, at=hours * HOUR)])
        shelf.flush(START + hours * HOUR)
        check_dates(shelf, START + hours * HOUR)  # a day that has begun is read
        with monkeypatch.context() as patch:
            forbid(patch)
            shelf.writer.write(
                [fact(MessageSent(), user=UserId(50 + hours), at=hours * HOUR + 1, event_id=f"message:1{hours}")]
            )
            shelf.flush(START + hours * HOUR + MINUTE)
            check_dates(shelf, START + hours * HOUR + MINUTE)


def test_whoever_holds_a_role_later_or_no_longer_is_told_by_the_end_of_the_dates(shelf: Shelf) -> None:
    now = live(shelf, 6)
    shelf.remember()
    check_dates(shelf, now)
    for n, (user, roles) in enumerate(((BEN, (ROLE,)), (ANN, ()), (UserId(4), (ROLE,)))):
        at = now - START + n * MINUTE
        shelf.writer.write([fact(MemberRolesChanged(role_ids=roles), user=user, channel=None, at=at)])
    shelf.flush(now + HOUR)
    check_dates(shelf, now + HOUR)


def test_sessions_of_which_only_a_part_is_tracked_count_once_and_where_they_were_met(shelf: Shelf) -> None:
    """The room is ignored for a while: rules change while people sit in it, over midnights."""
    room = str(fact().channel_id)
    for hours, ignored in ((20, [room]), (70, []), (90, [room]), (91, [])):
        document = {"timezone": "UTC", "voice": {"ignore": {"channels": ignored}}}
        shelf.writer.write([fact(SettingsChanged(settings=document), user=None, channel=None, at=hours * HOUR)])
    shelf.writer.write([fact(VoiceLeft(), user=ANN, at=100 * HOUR)])
    shelf.flush(START + 101 * HOUR)
    shelf.remember()
    check_dates(shelf, START + 101 * HOUR)


def test_while_the_guild_is_lost_nobody_has_come_further(shelf: Shelf) -> None:
    now = live(shelf, 2)
    shelf.remember()
    shelf.writer.write([fact(TrackerLost(), user=None, channel=None, at=now - START + HOUR)])
    shelf.flush(now + 30 * HOUR)
    check_dates(shelf, now + 30 * HOUR)


def test_who_is_forgotten_is_in_no_report_over_dates(shelf: Shelf) -> None:
    now = live(shelf, 3)
    shelf.remember()
    shelf.writer.write([fact(MemberForgotten(), user=BEN, channel=None, at=now - START)])
    shelf.flush(now + 1)
    assert not any(key[1] == "day" for key in shelf.kept._parts._kept)
    shelf.remember()
    check_dates(shelf, now + 1)


def test_days_of_another_zone_are_left_to_the_database(shelf: Shelf) -> None:
    now = live(shelf, 3)
    shelf.remember()
    change = SettingsChanged(settings={"timezone": "Asia/Seoul"})
    shelf.writer.write([fact(change, user=None, channel=None, at=now - START)])
    shelf.flush(now + 1)
    zone = queries.settings_of(shelf.db, GUILD).zone
    long = between(20260201, 20260331, zone)
    assert shelf.kept.report_of(GUILD, None, long, Ms(now + 1)) is None
    shelf.remember()
    assert not shelf.check_window(now + 1, long, None)
    later = now + 9 * DAY
    shelf.flush(later)
    shelf.remember()
    assert shelf.kept.history.missing(GUILD, between(20260302, 20260302, zone)) is None  # the day before is another's
    assert shelf.kept.history.missing(GUILD, between(20260303, 20260303, zone)) == []
    assert shelf.check_window(later, between(20260303, 20260303, zone), None)
    assert not shelf.check_window(later, long, None)


def test_a_zone_that_was_set_before_anybody_did_anything_is_the_only_one(shelf: Shelf) -> None:
    """As when a community sets the tracker up: nothing is left to the database for that."""
    shelf.remember()
    zone = queries.settings_of(shelf.db, GUILD).zone
    assert shelf.check_window(START + HOUR, between(20260101, 20260331, zone), None)


def test_days_that_are_missing_are_read_while_somebody_waits(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    now = live(shelf, 3)
    shelf.remember()
    zone = queries.settings_of(shelf.db, GUILD).zone
    long = between(20260101, 20260331, zone)
    for days in (3, 9):
        now += days * DAY
        shelf.flush(now)
        assert len(shelf.kept.history.missing(GUILD, long) or ()) == days
        assert shelf.check_window(now, long, None)
    shelf.flush(now + 3 * DAY)
    monkeypatch.setattr(store.kept_rows, "read_days", None)
    for period in ("weekly", "monthly"):  # those that go on, too, where it is a few only
        assert shelf.kept.report(GUILD, None, period, None, Ms(now + 3 * DAY)) is not None


def test_whoever_asks_about_dates_has_the_past_read_and_who_asks_about_today_has_not(shelf: Shelf) -> None:
    now = live(shelf, 9)
    zone = queries.settings_of(shelf.db, GUILD).zone
    for period in ("daily", "weekly", "monthly"):
        assert shelf.kept.report(GUILD, None, period, None, Ms(now)) is not None
    yesterday = previous_day(local_day(zone, now).day)
    assert shelf.kept.report(GUILD, None, "daily", yesterday, Ms(now)) is not None  # as it is posted at midnight
    assert not wanted(shelf)
    assert shelf.kept.report(GUILD, None, "daily", 20260227, Ms(now)) is not None
    assert wanted(shelf)
    assert len(shelf.kept.history.missing(GUILD, between(FIRST, 20260331, zone)) or ()) == 8
    while shelf.kept.history.read_more():
        pass
    assert not wanted(shelf)
    assert shelf.kept.has(GUILD, None, between(FIRST, 20260331, zone))
    assert not shelf.kept.has(OTHER_GUILD, None, between(FIRST, 20260331, zone))


def test_what_the_first_questions_would_add_up_is_added_up_before(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = live(shelf, 40)
    zone = queries.settings_of(shelf.db, GUILD).zone
    for role in (None, ROLE):
        assert shelf.kept.report_of(GUILD, role, between(FIRST, FIRST, zone), Ms(now)) is not None
    while shelf.kept.history.read_more():
        pass
    changes = KeptDay._changes
    added: list[int] = []

    def noted(day: KeptDay, spans: Column) -> Numbers:
        added.append(day.day.day)
        return changes(day, spans)

    monkeypatch.setattr(KeptDay, "_changes", noted)
    monkeypatch.setattr(KeptRuns, "_add_up", None)
    for role in (None, ROLE):
        assert shelf.kept.report_of(GUILD, role, between(20260301, 20260331, zone), Ms(now)) is not None
    assert not added


def test_the_past_takes_no_more_than_its_share_of_memory(shelf: Shelf) -> None:
    now = live(shelf, 8)
    shelf.kept = KeptReports(shelf.db, keep_from=0, most_bytes=600)
    shelf.remember()
    assert not wanted(shelf)
    assert shelf.kept.figures()["bytes"] <= 600
    zone = queries.settings_of(shelf.db, GUILD).zone
    assert shelf.kept.report_of(GUILD, None, between(20260201, 20260331, zone), Ms(now)) is None
    assert KeptReports(shelf.db, keep_from=0, most_bytes=10).history.read_more() is False


def test_what_cannot_be_read_is_wanted_no_more(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise DatabaseError("locked")

    monkeypatch.setattr(store.kept_rows, "read_day", away)
    with pytest.raises(DatabaseError, match="locked"):
        shelf.remember()
    assert not wanted(shelf)


def test_the_past_stays_as_long_as_somebody_asks_for_a_part_of_it(shelf: Shelf) -> None:
    now = live(shelf, 8)
    shelf.kept = KeptReports(shelf.db, keep_from=0, timer=lambda: shelf.time)
    shelf.remember()
    zone = queries.settings_of(shelf.db, GUILD).zone
    for hour in range(1, 4):
        shelf.time = hour * 3_000.0
        assert shelf.kept.report_of(GUILD, None, between(20260227, 20260228, zone), Ms(now)) is not None
        shelf.flush(now + hour * MINUTE)
    check_dates(shelf, now + 3 * MINUTE, most=5)
    shelf.time += 3_700.0
    shelf.flush(now + 4 * MINUTE)
    assert shelf.kept.figures()["bytes"] == 0


def test_a_report_over_dates_asks_for_the_guild_and_the_names_only(shelf: Shelf) -> None:
    now = live(shelf, 12)
    shelf.remember()
    window = between(20260201, 20260331, queries.settings_of(shelf.db, GUILD).zone)
    assert shelf.check_window(now, window, ROLE)
    with store.tally.tally(shelf.db) as asked:
        assert shelf.kept.report_of(GUILD, ROLE, window, Ms(now)) is not None
    assert asked.statements == 3


@given(community=communities(moves=60), flushes=st.integers(2, 8), known=st.integers(0, 8))
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_happens_any_dates_out_of_memory_are_what_is_read(
    fresh: Fresh, community: Community, flushes: int, known: int
) -> None:
    with fresh() as db:
        shelf = Shelf(db, PLAYED)
        for number, now in shelf.play(community, flushes, roles := tuple(map(RoleId, ROLES))):
            if number >= known:
                shelf.remember()
                dates(shelf, now, (None, *roles)[number % (1 + len(roles))])
        shelf.flush(community.until)
        shelf.remember()
        for role in (None, *roles[:2]):
            dates(shelf, community.until, role)


def dates(shelf: Shelf, now: int, role: RoleId | None) -> None:
    """A few windows around the instant, those that begin in the zone of before included."""
    zone = queries.settings_of(shelf.db, shelf.guild).zone
    today = local_day(zone, now).day
    earlier = previous_day(previous_day(today))
    for first, last in ((today, today), (earlier, today), (earlier, earlier), (previous_day(earlier), next_day(today))):
        shelf.check_window(now, between(first, last, zone), role)
