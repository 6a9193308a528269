"""A state put back from its rows goes on as if it had never been away."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.tables import TableStore
from tests.properties.communities import Community, communities
from tests.properties.folding import HOME, fold, with_ticks
from tests.properties.small import event, instant, rules
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberJoined, MemberOptedOut, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent, message_sent_id
from tracker.events.rule import SeasonStarted
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import SELF_MUTE, Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft
from tracker.ids import MessageId, Ms, RoleId
from tracker.projections.load import LOADED_TABLES, load_rows
from tracker.projections.rows import TABLES, Row
from tracker.projections.state import PartitionState


def _wanted(store: TableStore, table: str) -> list[Row]:
    """The rows that recovery reads: of sessions only those still open, and their days."""
    rows, columns = store.rows(table), TABLES[table].columns
    if table == "sessions":
        return [row for row in rows if row[columns.index("ended_at")] is None]
    if table == "session_days":
        open_ones = {(guild, *begun) for guild, _, *begun in (row[:4] for row in _wanted(store, "sessions"))}
        return [row for row in rows if (row[0], row[2], row[3]) in open_ones]
    return rows


def _recovered(store: TableStore, as_of: int) -> PartitionState:
    state = PartitionState(partition=HOME)
    state.as_of = Ms(as_of)
    for table in LOADED_TABLES:
        load_rows(state, table, _wanted(store, table))
    return state


def _interrupted(events: Sequence[Event], until: int, cut: int) -> TableStore:
    """Folds with a stop right after the tick at index `cut`: all that is left then is the tables."""
    state, store = PartitionState(partition=HOME), TableStore()
    for before in events[: cut + 1]:
        state.apply(before)
    store.write(state.drain())
    state = _recovered(copy.deepcopy(store), events[cut].occurred_at)
    assert state.drain().empty
    for after in [*events[cut + 1 :], *with_ticks([], [until])]:
        state.apply(after)
    store.write(state.drain())
    return store


def _goes_on(community: Community, tick_at: int) -> None:
    events = with_ticks(community.events, [tick_at])
    cut = next(index for index, each in enumerate(events) if not each.guild_id)
    told, said = _interrupted(events, community.until, cut), fold(events, community.until)
    for name in TABLES:
        assert told.tables[name] == said.tables[name], name


@st.composite
def _cut(draw: st.DrawFn, moves: int) -> tuple[Community, int]:
    community = draw(communities(moves=moves))
    first, last = community.events[0].occurred_at, community.until
    return community, draw(st.integers(first, last) | st.sampled_from([e.occurred_at for e in community.events]))


@given(cut=_cut(30))
def test_a_state_put_back_from_its_rows_goes_on_as_if_never_interrupted(cut: tuple[Community, int]) -> None:
    _goes_on(*cut)


def _eventful() -> Community:
    """An hour in which everything that recovery must bring back is still at work later."""
    start, minute = instant("2026-02-18T23:30", "UTC"), 60_000
    document = {
        "voice": {"default": {"every_s": 600, "exp": 10}, "require": {"unmuted": True}},
        "messages": {"exp_min": 1, "exp_max": 9, "cooldown_s": 1200, "revoke_s": 2400},
        "interactions": {"exp": 3, "cooldown_s": 1200},
        "multipliers": {"roles": {"401": 250}},
    }
    story = [
        rules(start, "UTC", **document),
        event(start, MemberJoined(name="Ana")),
        event(start, MemberRolesChanged(role_ids=(RoleId(401), RoleId(402)))),
        event(start, ChannelDescribed(name="room")),
        event(start + minute, VoiceJoined()),
        event(start + 2 * minute, MessageSent(), event_id=message_sent_id(1)),
        event(start + 3 * minute, InteractionUsed(command="x"), event_id="interaction:1"),
        event(start + 10 * minute, SeasonStarted(name="spring")),
        event(start + 14 * minute, ChannelDescribed(name="waiting room")),
        event(start + 17 * minute, ChannelDescribed(name="room")),
        event(start + 20 * minute, MessageSent(), event_id=message_sent_id(2)),
        event(start + 20 * minute, InteractionUsed(command="x"), event_id="interaction:2"),
        event(start + 21 * minute, MessageDeleted(message_id=MessageId(1))),
        event(start + 22 * minute, MessageSent(), event_id=message_sent_id(4)),
        event(start + 23 * minute, VoiceFlagsChanged(flags=Flags(SELF_MUTE))),
        event(start + 25 * minute, TrackerLost()),
        rules(start + 28 * minute, "UTC", **document),
        event(start + 33 * minute, TrackerReturned()),
        event(start + 35 * minute, VoiceFlagsChanged()),
        event(start + 37 * minute, SeasonStarted(name="summer")),
        event(start + 38 * minute, MessageDeleted(message_id=MessageId(4))),
        event(start + 40 * minute, MessageSent(), event_id=message_sent_id(3)),
        event(start + 40 * minute, InteractionUsed(command="x"), event_id="interaction:3"),
        event(start + 43 * minute, MessageSent(), event_id=message_sent_id(5)),
        event(start + 45 * minute, VoiceLeft()),
        event(start + 47 * minute, VoiceJoined()),
        event(start + 50 * minute, MemberRolesChanged(role_ids=())),
        event(start + 50 * minute, MemberOptedOut()),
    ]
    return Community(events=tuple(story), until=Ms(start + 60 * minute), zone="UTC")


@pytest.mark.parametrize("minute", range(60))
def test_an_eventful_hour_goes_on_after_a_stop_at_any_minute(minute: int) -> None:
    community = _eventful()
    _goes_on(community, community.events[0].occurred_at + minute * 60_000)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(cut=_cut(80))
def test_a_thousand_states_put_back_go_on_as_if_never_interrupted(cut: tuple[Community, int]) -> None:
    _goes_on(*cut)
