"""Time: ticks add nothing of their own, days are local days, and what is cut at an instant sums up to the whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.communities import Community, communities
from tests.properties.folding import fold, found, with_ticks
from tests.properties.small import ANA, HOUR, event, instant, rules
from tracker.events.interaction import InteractionUsed
from tracker.events.message import MessageSent, message_sent_id
from tracker.events.voice import VoiceJoined, VoiceLeft
from tracker.projections.kernel.exp import awards_in

ZONES = ("Asia/Seoul", "America/New_York", "Australia/Lord_Howe")


@st.composite
def _ticked(draw: st.DrawFn) -> tuple[Community, list[int]]:
    community = draw(communities(moves=25))
    instants = st.integers(community.events[0].occurred_at, community.until)
    at_events = st.sampled_from([e.occurred_at for e in community.events])
    after_events = at_events.map(lambda at: min(at + 1, community.until))
    return community, draw(st.lists(instants | at_events | after_events, max_size=20))


@given(ticked=_ticked())
def test_ticks_anywhere_and_a_drain_after_each_change_no_row(ticked: tuple[Community, list[int]]) -> None:
    community, ticks = ticked
    plain = fold(community.events, community.until)
    events = with_ticks(community.events, ticks)
    assert found(fold(events, community.until)) == found(plain)
    assert fold(events, community.until, drain_at_ticks=True).tables == fold(events, community.until).tables


@given(
    every=st.integers(1, 50),
    carry=st.integers(0, 120),
    lengths=st.lists(st.integers(0, 200), min_size=1, max_size=5),
)
def test_the_carry_is_additive_and_means_a_count_of_every_millisecond(
    every: int, carry: int, lengths: list[int]
) -> None:
    in_parts, rest = 0, carry
    for length in lengths:
        count, _, rest = awards_in(rest, every, length)
        in_parts += count
    by_ms, left, first = 0, carry, 0
    for ms in range(sum(lengths)):
        left += 1
        if left >= every:
            first = first or ms + 1
            by_ms, left = by_ms + 1, 0
    assert (in_parts, rest) == (by_ms, left)
    assert awards_in(carry, every, sum(lengths)) == (by_ms, first, left)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Seoul", "2026-03-08", 24),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
    ],
)
def test_a_whole_local_day_in_voice_is_as_long_as_that_day_is(zone: str, day: str, hours: float) -> None:
    noon_before = instant(f"{day}T00:00", zone) - 12 * HOUR
    until = noon_before + int((12 + hours + 12) * HOUR)
    store = fold([rules(noon_before, zone), event(noon_before, VoiceJoined())], until)
    rows = {key[1]: row for key, row in store.tables["daily"].items()}
    assert rows[int(day.replace("-", ""))]["voice_ms"] == hours * HOUR
    assert [row["sessions"] for row in rows.values()] == [1, 1, 1]
    assert sum(row["voice_ms"] for row in rows.values()) == until - noon_before


@given(
    zone=st.sampled_from(ZONES),
    date=st.dates(datetime(2026, 1, 2).date(), datetime(2027, 12, 30).date()),  # noqa: DTZ001
    before=st.integers(0, 30 * HOUR),
    after=st.integers(0, 30 * HOUR),
)
def test_a_session_is_cut_at_each_local_midnight_and_nowhere_else(
    zone: str, date: Any, before: int, after: int
) -> None:
    midnight = instant(f"{date}T00:00", zone)
    start, end = midnight - before, midnight + after
    events = [rules(start, zone), event(start, VoiceJoined()), event(end, VoiceLeft())]
    rows = {key[1]: row["voice_ms"] for key, row in fold(events, end).tables["daily"].items()}
    assert sum(rows.values()) == end - start
    days = {int(f"{date + timedelta(days=n):%Y%m%d}"): n for n in range(-2, 3)}
    assert sum(ms for day, ms in rows.items() if days[day] < 0) == before
    assert sum(ms for day, ms in rows.items() if days[day] >= 0) == after


@given(
    zone=st.sampled_from(ZONES),
    date=st.dates(datetime(2026, 1, 2).date(), datetime(2027, 12, 30).date()),  # noqa: DTZ001
    shift=st.integers(-3, 3),
)
def test_events_moved_over_a_midnight_move_to_the_other_day(zone: str, date: Any, shift: int) -> None:
    at = instant(f"{date}T00:00", zone) + shift
    message = event(at, MessageSent(), event_id=message_sent_id(7))
    store = fold([rules(at - HOUR, zone), message, event(at, InteractionUsed(command="x"))], at)
    ((_, day, _, _), row), = store.tables["daily"].items()  # fmt: skip
    assert day == int(f"{date - timedelta(days=shift < 0):%Y%m%d}")
    assert (row["messages"], row["interactions"], row["last_at"]) == (1, 1, at)


@given(zone=st.sampled_from(ZONES), early=st.integers(-2, 2))
def test_an_award_belongs_to_the_day_of_the_millisecond_before_it(zone: str, early: int) -> None:
    midnight = instant("2026-06-10T00:00", zone)
    start = midnight - 60_000 + early
    default = rules(start, zone, voice={"default": {"every_s": 60, "exp": 5}})
    store = fold([default, event(start, VoiceJoined())], midnight + 1000)
    earned = {key[1]: row["exp_voice"] for key, row in store.tables["daily"].items()}
    assert earned == ({20260609: 5, 20260610: 0} if early <= 0 else {20260609: 0, 20260610: 5})


@given(
    cooldown=st.integers(0, 120),
    gaps=st.lists(st.one_of(st.integers(0, 200_000), st.sampled_from([59_999, 60_000, 60_001])), max_size=12),
)
def test_no_two_awards_are_closer_than_the_cooldown_and_none_is_withheld_after_it(
    cooldown: int, gaps: list[int]
) -> None:
    at = instant("2026-02-18T12:00", "UTC")
    document = rules(
        at,
        "UTC",
        messages={"exp_min": 3, "exp_max": 3, "cooldown_s": cooldown},
        interactions={"exp": 7, "cooldown_s": cooldown},
    )
    events, sent = [document], [at + sum(gaps[: n + 1]) for n in range(len(gaps))]
    for number, moment in enumerate(sent):
        events.append(event(moment, MessageSent(), event_id=message_sent_id(number + 1)))
        events.append(event(moment, InteractionUsed(command="x"), event_id=f"interaction:{number}"))
    awarded: list[int] = []
    for moment in sent:
        if not awarded or moment - awarded[-1] >= cooldown * 1000:
            awarded.append(moment)
    row = found(fold(events, sent[-1] if sent else at))["totals"].get(ANA, (0, 0, 0, 0))
    assert row == (10 * len(awarded), 0, len(sent), len(sent))
