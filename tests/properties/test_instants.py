"""What is in force at an instant, on the instant itself and a millisecond to either side."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.folding import HOME, fold, found, with_ticks
from tests.properties.small import ANA, ROOM, event, instant, rules
from tracker.clock import from_ms
from tracker.events.member import MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent, message_sent_id
from tracker.events.settings import parse_settings
from tracker.events.ticks import TrackerLost, TrackerReturned, tick
from tracker.events.voice import FLAG_NAMES, VoiceJoined, VoiceLeft, flags_of
from tracker.ids import MessageId, Ms, RoleId
from tracker.projections.kernel.exp import award, voice_exp
from tracker.projections.memory import Memory
from tracker.projections.rules import new_guild, put_settings

NOON = instant("2026-02-18T12:00", "UTC")


def test_an_award_is_worth_what_was_in_force_at_its_instant_and_a_change_at_that_instant_comes_after_it() -> None:
    start = instant("2026-02-18T12:00", "UTC")
    at = [start + n * 60_000 for n in range(8)]
    window = {"percent": 300, "from": from_ms(at[2]).isoformat(), "to": from_ms(at[4]).isoformat()}
    before = {
        "voice": {"default": {"every_s": 60, "exp": 10}},
        "multipliers": {"windows": [window], "roles": {"401": 200}},
    }
    after = {"voice": {"default": {"every_s": 60, "exp": 1000}}}
    events = [
        rules(start, "UTC", **before),
        event(start, VoiceJoined()),
        event(at[5], MemberRolesChanged(role_ids=(RoleId(401),))),
        rules(at[6], "UTC", **after),
    ]
    stories = [fold([e for e in events if e.occurred_at <= until], until) for until in at]
    totals = [found(store)["totals"].get(ANA, (0,))[0] for store in stories]
    assert [b - a for a, b in pairwise(totals)] == [10, 30, 30, 10, 10, 20, 1000]


@given(
    first=st.integers(-50, 50),
    every=st.integers(1, 20),
    count=st.integers(1, 12),
    cuts=st.sets(st.integers(-60, 200), max_size=6),
    percents=st.lists(st.integers(0, 300), min_size=3, max_size=3),
)
def test_awards_in_bulk_are_worth_what_they_are_one_by_one(
    first: int, every: int, count: int, cuts: set[int], percents: list[int]
) -> None:
    ordered = [from_ms(NOON + cut).isoformat() for cut in sorted(cuts)]
    windows = [
        {"percent": percent, "from": start, "to": end}
        for percent, start, end in zip(percents, ordered[::2], ordered[1::2], strict=False)
    ]
    settings = parse_settings({"multipliers": {"windows": windows}})
    one_by_one = [award(7, 130, 90, settings.percent_at(NOON + first + n * every)) for n in range(count)]
    memory = Memory()
    guild = new_guild(memory, 1)
    put_settings(memory, guild, settings)
    assert voice_exp(memory.heap, guild, 7, 130, 90, NOON + first, every, count) == sum(one_by_one)


@pytest.mark.parametrize(("late", "left"), [(-1, 0), (0, 0), (1, 5)])
@pytest.mark.parametrize("ticks", [[], [300_000], [299_999, 300_000]])
def test_an_award_is_revoked_up_to_the_last_instant_of_revoke_s_whatever_ticks_there_are(
    late: int, left: int, ticks: list[int]
) -> None:
    gone = NOON + 300_000 + late
    events = [
        rules(NOON, "UTC", messages={"exp_min": 5, "exp_max": 5, "revoke_s": 300}),
        event(NOON, MessageSent(), event_id=message_sent_id(7)),
        event(gone, MessageDeleted(message_id=MessageId(7))),
        event(gone, MessageDeleted(message_id=MessageId(7)), event_id="again"),
    ]
    events[2:2] = [tick(HOME, Ms(NOON + at)) for at in ticks if at <= 300_000 + late]
    told = found(fold(events, gone))
    assert told["totals"] == {ANA: (left, 0, 1, 0)}
    assert told["awards"] == {ANA: (NOON, 0)}


def test_messages_that_can_earn_nothing_start_no_cooldown_but_a_draw_of_nothing_does() -> None:
    off = rules(NOON, "UTC", messages={"exp_min": 0, "exp_max": 0})
    halved_away = rules(NOON, "UTC", messages={"exp_min": 1, "exp_max": 1}, multipliers={"channels": {str(ROOM): 50}})
    for settings, awarded in ((off, {}), (halved_away, {ANA: (NOON, 0)})):
        told = found(fold([settings, event(NOON, MessageSent(), event_id=message_sent_id(7))], NOON))
        assert told["totals"] == {ANA: (0, 0, 1, 0)}
        assert told["awards"] == awarded


def test_settings_that_change_while_the_tracker_is_away_credit_nothing_unseen() -> None:
    minute = 60_000
    lost = [event(NOON, VoiceJoined()), event(NOON + 10 * minute, TrackerLost()), rules(NOON + 13 * minute, "UTC")]
    bridged = [*lost, event(NOON + 15 * minute, TrackerReturned())]
    for story, seen in ((lost, 10), (bridged, 20)):
        assert found(fold(story, NOON + 20 * minute))["totals"][ANA][1] == seen * minute


def test_ticks_do_not_advance_a_guild_that_the_tracker_does_not_see() -> None:
    minute = 60_000
    lost = [event(NOON, VoiceJoined()), event(NOON + 10 * minute, TrackerLost())]
    bridged = [*lost, event(NOON + 15 * minute, TrackerReturned())]
    ended = [*lost, event(NOON + 10 * minute, VoiceLeft(reason="outage")), bridged[-1]]
    ticks = [NOON + n * minute for n in range(21)]
    for story, seen in ((lost, 10), (bridged, 20), (ended, 10)):
        assert found(fold(with_ticks(story, ticks), ticks[-1]))["totals"][ANA][1] == seen * minute


@pytest.mark.parametrize("name", FLAG_NAMES)
@pytest.mark.parametrize(
    ("wanted", "bars"), [("undeafened", {"self_deaf", "deaf"}), ("unmuted", {"self_mute", "mute", "suppress"})]
)
def test_each_flag_bars_what_is_required_and_nothing_else(name: str, wanted: str, bars: set[str]) -> None:
    voice = {"default": {"every_s": 60, "exp": 1}, "require": {wanted: True}}
    joined = event(NOON, VoiceJoined(flags=flags_of([name])))
    exp, voice_ms, *_ = found(fold([rules(NOON, "UTC", voice=voice), joined], NOON + 60_000))["totals"][ANA]
    assert (exp, voice_ms) == (0 if name in bars else 1, 60_000)
