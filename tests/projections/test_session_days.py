"""With which day a session lies, and what becomes of its row when it has none yet."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.tables import TableStore
from tests.projections.history import GUILD, MINUTE, Folded, History
from tests.properties.communities import Community, communities
from tests.properties.folding import fold
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.ids import Partition
from tracker.projections.load import LOADED_TABLES, load_rows
from tracker.projections.rows import TABLES, Changes, Row
from tracker.projections.state import PartitionState

TALK, STUDY, WAITING = 10, 11, 12
FIRST, SECOND, THIRD = 20260218, 20260219, 20260220


class Drained:
    """A history folded in parts, each of them written to tables."""

    def __init__(self) -> None:
        self.state, self.store = PartitionState(partition=Partition(0)), TableStore()

    def write(self, history: History) -> Changes:
        """Fold what the history has by now; it goes on without it."""
        for event in history.events:
            self.state.apply(event)
        history.events.clear()
        changes = self.state.drain()
        self.store.write(changes)
        return changes

    def restart(self) -> None:
        """Go on from the tables."""
        state = PartitionState(partition=Partition(0))
        state.as_of = self.state.as_of
        for table in LOADED_TABLES:
            load_rows(state, table, self.store.rows(table))
        self.state = state

    @property
    def keys(self) -> list[Row]:
        return [row[1:4] for row in self.store.rows("sessions")]


def began(history: History) -> int:
    return int(history.events[-1].occurred_at)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_session_that_comes_to_be_tracked_leaves_the_key_without_a_day(restarted: bool) -> None:
    drained, history = Drained(), History().channel(WAITING, "대기실").at("09:00").join(1, WAITING)
    at = began(history)
    drained.write(history.at("09:01").tick())
    assert drained.keys == [(0, 1, at)]
    if restarted:
        drained.restart()
    changes = drained.write(history.at("09:02").channel(WAITING, "대화").at("09:03").tick())
    assert changes.expired == {"sessions": [(GUILD, 0, 1, at)]}
    assert drained.keys == [(FIRST, 1, at)]
    later = drained.write(history.at("09:04").tick())
    assert (later.expired, len(later.rows["sessions"])) == ({}, 1)
    drained.write(history.at("09:05").leave(1, WAITING))
    assert drained.keys == [(FIRST, 1, at)]
    assert drained.store.tables["session_days"] == {}


def test_one_that_is_tracked_only_after_midnight_lies_with_that_day_though_it_began_before() -> None:
    drained, history = Drained(), History().channel(WAITING, "대기실").at("23:50").join(1, WAITING)
    at = began(history)
    drained.write(history.at("2026-02-19T00:10").tick())
    drained.write(history.channel(WAITING, "대화").at("2026-02-19T00:20").leave(1, WAITING))
    assert drained.keys == [(SECOND, 1, at)]
    assert drained.store.tables["session_days"] == {}


def test_one_that_ends_between_two_flushes_leaves_its_key_too() -> None:
    drained, history = Drained(), History().channel(WAITING, "대기실").join(1, WAITING)
    drained.write(history.after(MINUTE).tick())
    changes = drained.write(history.channel(WAITING, "대화").after(MINUTE).leave(1, WAITING))
    assert len(changes.expired["sessions"]) == len(drained.keys) == 1


def test_a_session_that_is_tracked_from_its_start_leaves_no_key() -> None:
    drained, history = Drained(), History().member(1).after(1).join(1, TALK).after(MINUTE).tick()
    assert drained.write(history).expired == {}
    assert drained.write(history.after(MINUTE).leave(1, TALK)).expired == {}


def test_a_session_over_three_days_lies_with_the_first_and_is_named_with_the_others() -> None:
    drained, history = Drained(), History().at("23:00").join(1, TALK)
    at = began(history)
    drained.write(history.at("2026-02-19T12:00").tick())
    drained.restart()
    drained.write(history.at("2026-02-20T12:00").tick())
    assert drained.keys == [(FIRST, 1, at)]
    rows = drained.store.rows("session_days")
    assert rows == [(GUILD, SECOND, 1, at, FIRST), (GUILD, THIRD, 1, at, FIRST)]
    assert drained.state.guilds[GUILD].voice.open[1].days == (FIRST, SECOND, THIRD)


def moved(history: History) -> History:
    return history.join(1, TALK).move(1, TALK, STUDY)


def again(history: History) -> History:
    return history.join(1, TALK).leave(1, TALK).join(1, STUDY)


@pytest.mark.parametrize("begin", [moved, again])
@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("restarted", [False, True])
def test_of_sessions_that_began_at_one_instant_the_last_one_is_kept(begin: Any, parts: int, restarted: bool) -> None:
    whole = begin(History().member(1)).after(MINUTE)
    events, drained = whole.events, Drained()
    cuts = [0, *sorted({len(events) - 1, 2}, reverse=True)[: parts - 1][::-1], len(events)]
    for first, end in pairwise(cuts):
        part = History()
        part.events = events[first:end]
        drained.write(part)
        if restarted:
            drained.state.as_of = events[end - 1].occurred_at
            drained.restart()
    drained.write(whole_tick(whole))
    assert [row[1:6] for row in drained.store.rows("sessions")] == [(FIRST, 1, events[-1].occurred_at, STUDY, None)]


@pytest.mark.parametrize("restarted", [False, True])
def test_one_that_ends_without_any_tracked_time_leaves_no_row(restarted: bool) -> None:
    drained, history = Drained(), History().member(1).channel(TALK, "AFK", afk=True).join(1, TALK).after(MINUTE)
    drained.write(history.tick())
    assert [key[:2] for key in drained.keys] == [(0, 1)]
    if restarted:
        drained.restart()
    drained.write(history.after(MINUTE).leave(1, TALK).tick())
    assert drained.keys == []


def whole_tick(history: History) -> History:
    history.events = []
    return history.tick()


def test_one_that_begins_while_the_tracker_is_away_takes_its_row_along() -> None:
    drained, history = Drained(), History().member(1).add(TrackerLost()).after(MINUTE).join(1, TALK)
    drained.write(history)
    drained.restart()
    drained.write(history.leave(1, TALK).add(TrackerReturned()).join(1, STUDY).after(MINUTE).tick())
    assert len(drained.keys) == 1


@given(community=communities(moves=40), seed=st.integers(0, 1 << 32))
def test_wherever_the_fold_is_drained_the_tables_come_out_alike(community: Community, seed: int) -> None:
    """Between events of one instant, too, as no tick does."""
    random, drained, history = Random(seed), Drained(), History()
    for event in community.events:
        history.events.append(event)
        if random.random() < 0.4:
            drained.write(history)
    history.now = community.until
    drained.write(history.tick())
    said = fold(community.events, community.until)
    for name in TABLES:
        assert drained.store.tables[name] == said.tables[name], name


def test_days_of_a_session_are_found_again_by_its_own_first_day() -> None:
    folded = Folded(History().settings(timezone="Asia/Seoul").at("14:50").join(1, TALK).at("15:20").leave(1, TALK))
    (session,), (other,) = folded.table("sessions"), folded.table("session_days")
    assert (session["day"], other["day"], other["first_day"]) == (FIRST, SECOND, FIRST)
