"""The heap: rows stay where they are, whatever is added and emptied, however little room there is."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.tables import TableStore
from tests.projections.history import MINUTE, History
from tests.properties.communities import Community, communities
from tests.properties.folding import HOME, fold
from tracker.events.member import MemberForgotten
from tracker.events.ticks import tick
from tracker.ids import Ms
from tracker.projections import memory as memories
from tracker.projections.days import DAY_MS, local_day
from tracker.projections.kernel.layout import (
    FOR_OTHERS,
    MOST_ROWS,
    NO_ROLES,
    SPARE,
    STOPPED_FOR,
    TOP,
    U_CELLS,
    U_OWED,
    U_SEASONS,
    WIDTHS,
)
from tracker.projections.memory import Memory
from tracker.projections.rows import TABLES
from tracker.projections.state import PartitionState

TABLES_USED = (U_CELLS, U_OWED, U_SEASONS)


MOVES = st.tuples(st.sampled_from(TABLES_USED), st.integers(0, 70), st.booleans(), st.booleans())


@given(moves=st.lists(MOVES, max_size=20))
def test_the_rows_of_a_table_are_what_was_added_since_it_was_emptied(
    moves: Sequence[tuple[int, int, bool, bool]],
) -> None:
    memory, number = Memory(), 0
    lists: dict[int, list[int]] = {table: [] for table in TABLES_USED}
    for table, count, at_once, empty in moves:
        width = WIDTHS[table]
        rows = [list(range(first, first + width)) for first in range(number, number + count * width, width)]
        number += count * width
        places = (
            memory.add_several(table, array("q", chain.from_iterable(rows)))
            if at_once
            else [memory.add(table, *row) for row in rows]
        )
        assert [list(memory.heap[at : at + width]) for at in places] == rows
        lists[table] += [value for row in rows for value in row]
        if empty:
            assert memory.clear(table) == array("q", lists[table])
            lists[table] = []
        for each, wanted in lists.items():
            heap = memory.heap
            assert memory.count(each) == len(wanted) // WIDTHS[each]
            assert [n for start, end in memory.parts(each) for n in heap[start:end]] == wanted
            assert [heap[at] for at in memory.rows(each)] == wanted[:: WIDTHS[each]]


def test_blocks_that_were_emptied_are_filled_again() -> None:
    memory = Memory()
    for turn in range(5):
        for n in range(3 * MOST_ROWS):
            memory.add(U_OWED, n)
        if not turn:
            top = memory.heap[TOP]
        assert memory.heap[TOP] == top
        assert memory.clear(U_OWED) == array("q", range(3 * MOST_ROWS))


def test_a_new_row_of_deltas_holds_zeros_also_where_others_were_before() -> None:
    memory = Memory()
    for _ in range(3):
        for _ in range(2 * MOST_ROWS):
            at = memory.add(U_SEASONS)
            assert not any(memory.heap[at : at + WIDTHS[U_SEASONS]])
            memory.heap[at : at + WIDTHS[U_SEASONS]] = array("q", [7] * WIDTHS[U_SEASONS])
        memory.clear(U_SEASONS)


@given(sets=st.lists(st.lists(st.integers(1, 1 << 62), max_size=5, unique=True).map(sorted).map(tuple), max_size=20))
def test_equal_sets_of_roles_have_one_row(sets: Sequence[tuple[int, ...]]) -> None:
    memory = Memory()
    rows = [memory.role_set(roles) for roles in sets]
    assert [memory.roles_of(row) for row in rows] == list(sets)
    assert len(set(rows)) == len(set(sets))


@given(sets=st.lists(st.lists(st.integers(1, 4), max_size=3).map(lambda some: tuple(sorted(set(some)))), max_size=40))
def test_sets_of_roles_that_are_asked_for_at_once_have_the_rows_that_each_has_by_itself(
    sets: Sequence[tuple[int, ...]],
) -> None:
    memory = Memory()
    some = [memory.role_set(roles) for roles in sets[::3]]
    ends = list(accumulate(map(len, sets)))
    rows = memory.role_rows(array("q", chain.from_iterable(sets)).tobytes(), ends)
    assert rows[::3] == some
    assert rows == [memory.role_set(roles) for roles in sets]
    assert [memory.roles_of(row) for row in rows] == list(sets)


def test_it_is_told_when_the_kernel_stops_for_what_is_not_the_memorys_business() -> None:
    memory = Memory()
    memory.heap[STOPPED_FOR] = FOR_OTHERS
    with pytest.raises(AssertionError, match="stopped for 3"):
        memory.supply()


def tight(state: PartitionState) -> None:
    """Leave the state no room at all beyond what it has promised."""
    heap = state.memory.heap
    left = len(heap) - heap[TOP] - heap[SPARE]
    if left > 0:
        state.memory.put(bytes(8 * left))


def folded(community: Community, *, drain_each: int = 0) -> TableStore:
    """The tables after all of it, by a state that never has more room than it must."""
    state, store = PartitionState(partition=HOME), TableStore()
    for number, event in enumerate([*community.events, tick(HOME, community.until)]):
        tight(state)
        state.apply(event)
        if drain_each and number % drain_each == 0:
            store.write(state.drain())
    store.write(state.drain())
    return store


def grow_by_little(patch: pytest.MonkeyPatch) -> None:
    """Memories grow by as little as they may, and calendars by a day or two: the kernel stops as often as it can."""

    def grow(self: Memory, numbers: int) -> None:
        self.heap.frombytes(bytes(8 * max(1, numbers - self.heap[SPARE])))

    patch.setattr(Memory, "_grow", grow)
    patch.setattr(memories, "_LEAST_GROWTH", 1)
    patch.setattr(memories, "_DAYS_AHEAD", 0)


def _goes_on(community: Community, drain_each: int) -> None:
    wanted = fold(community.events, community.until)
    with pytest.MonkeyPatch.context() as patch:
        grow_by_little(patch)
        told = folded(community, drain_each=drain_each)
    for name in TABLES:
        assert told.tables[name] == wanted.tables[name], name


@given(community=communities(moves=30), drain_each=st.integers(0, 5))
def test_a_kernel_that_stops_wherever_it_can_goes_on_as_if_it_had_not(community: Community, drain_each: int) -> None:
    _goes_on(community, drain_each)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(community=communities(moves=80), drain_each=st.integers(0, 5))
def test_a_kernel_that_stops_wherever_it_can_goes_on_in_a_thousand_communities(
    community: Community, drain_each: int
) -> None:
    _goes_on(community, drain_each)


def test_many_who_are_forgotten_at_once_find_room_for_their_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    grow_by_little(monkeypatch)
    history, state = History(), PartitionState(partition=HOME)
    for user in range(1, 101):
        history.join(user, 10)
    for event in history.events:
        state.apply(event)
    now = Ms(history.now + MINUTE)
    state.apply(tick(HOME, now))
    state.drain()
    history.events.clear()
    history.after(MINUTE)
    for user in range(1, 101):
        history.add(MemberForgotten(), user=user)
    tight(state)
    for event in history.events:
        state.apply(event)
    assert state.open_sessions == 0
    changes = state.drain()
    assert len(changes.forgotten) == 100
    assert all(not rows for name, rows in changes.rows.items() if "user_id" in TABLES[name].columns)


@given(days=st.lists(st.integers(-400, 400), min_size=1, max_size=12))
def test_a_calendar_answers_for_any_day_in_whatever_order_it_is_asked(days: Sequence[int]) -> None:
    history, state = History().settings(timezone="America/New_York"), PartitionState(partition=HOME)
    begin, zone = history.now, ZoneInfo("America/New_York")
    for number in days:
        history.now = Ms(begin + number * DAY_MS)
        history.message(1, 20, 1000 + number)
    for event in history.events:
        state.apply(event)
    wanted = {local_day(zone, begin + number * DAY_MS).day for number in days}
    assert {row[1] for row in state.drain().rows["daily"]} == wanted


def test_a_heap_that_is_used_again_is_as_a_new_one_is() -> None:
    used, new = Memory(), Memory()
    for number in range(3 * MOST_ROWS):
        used.add(U_CELLS, number, number, number)
    used.role_set((1, 2, 3))
    again = Memory(used.heap)
    assert again.heap is used.heap
    new.heap[STOPPED_FOR] = again.heap[STOPPED_FOR] = 0  # the new one had to grow
    assert again.heap[: len(new.heap)] == new.heap
    assert not any(again.heap[len(new.heap) :])
    assert again.role_sets == new.role_sets


@given(
    sets=st.lists(st.sets(st.integers(1, 9), min_size=1), max_size=6, unique_by=frozenset),
    later=st.lists(st.sets(st.integers(1, 9)), max_size=6),
    one_by_one=st.booleans(),
)
def test_sets_of_roles_that_are_put_as_new_are_found_by_the_roles_in_them(
    sets: list[set[int]], later: list[set[int]], one_by_one: bool
) -> None:
    memory, roles = Memory(), [tuple(sorted(one)) for one in sets]
    assert not memory.has_role_sets
    begin = memory.put(array("q", chain.from_iterable(roles)).tobytes())
    places = array("q", chain.from_iterable(pairwise(accumulate(map(len, roles), initial=begin))))
    rows = memory.new_role_sets(places)
    assert memory.has_role_sets == bool(sets)
    assert [memory.roles_of(row) for row in rows] == roles
    known = dict(zip(roles, rows, strict=True)) | {(): NO_ROLES}
    asked = [tuple(sorted(one)) for one in later]
    if one_by_one:
        found = [memory.role_set(one) for one in asked]
    else:
        found = memory.role_rows(array("q", chain.from_iterable(asked)).tobytes(), list(accumulate(map(len, asked))))
    assert [memory.roles_of(row) for row in found] == asked
    for one, row in zip(asked, found, strict=True):
        assert row == known.setdefault(one, row)
