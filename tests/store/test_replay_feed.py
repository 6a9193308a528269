"""Folded in columns, compiled or not, in whatever batches: the rows are those of the events, one by one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.columns_chunk import HAS_REST
from store.columns_roles import Packed
from store.replay_feed import Feed
from tests.oracle.tables import TableStore
from tests.projections.history import MINUTE, History
from tests.properties.communities import Community, communities
from tests.properties.folding import HOME, fold
from tests.store.feeding import Log, as_the_log_reads, rows_of
from tests.store.support import START, fact
from tracker.events import kinds
from tracker.events.member import MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.ids import RoleId, UserId
from tracker.projections.kernel.compiled import Compiled
from tracker.projections.kernel.layout import HEAP, K_MEMBER, M_ROLES, TOP, U_KNOWN, U_ROLE_SETS
from tracker.projections.rows import TABLES, Row


def rows_in(store: TableStore) -> dict[str, list[Row]]:
    return {name: rows for name in TABLES if (rows := store.rows(name))}


def check(kernel: Compiled, community: Community, cuts: list[int], drain: bool) -> None:
    events = as_the_log_reads(community.events)
    wanted = rows_in(fold(events, community.until))
    interpreted = rows_of(events, community.until, kernel=None, cuts=cuts, drain=drain)
    for name in TABLES:
        assert interpreted.get(name) == wanted.get(name), name
    for in_order in (False, True):
        assert rows_of(events, community.until, kernel=kernel, cuts=cuts, drain=drain, in_order=in_order) == wanted


CUTS = st.lists(st.integers(1, 60), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(community=communities(), cuts=CUTS, drain=st.booleans())
def test_the_compiled_kernel_gives_what_the_interpreted_one_does(
    kernel: Compiled, community: Community, cuts: list[int], drain: bool
) -> None:
    check(kernel, community, cuts, drain)


def test_what_a_feed_calls_the_kernel_with_is_what_it_was_compiled_for(kernel: Compiled) -> None:
    history = History().join(1, 10).after(MINUTE).message(2, 20, 1001).flags(1, 10, 3).after(MINUTE).leave(1, 10)
    assert rows_of(history.events, history.now + MINUTE, kernel=kernel)["sessions"]  # anything else raises TypeError


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(community=communities(moves=80), cuts=CUTS, drain=st.booleans())
def test_the_compiled_kernel_gives_what_the_interpreted_one_does_of_a_thousand_communities(
    kernel: Compiled, community: Community, cuts: list[int], drain: bool
) -> None:
    check(kernel, community, cuts, drain)


def test_a_feed_leaves_its_heap_empty_for_the_next_one(kernel: Compiled) -> None:
    log = Log([fact(MemberJoined(name="a"), user=UserId(1), channel=None), fact(), fact(user=UserId(1))])
    feed = Feed(HOME, log.users, compiled=kernel, role_sets=log.role_sets)
    feed.fold(log.columns(0, len(log.events)))
    assert feed.state.memory.heap[TOP] > HEAP
    heap = feed.close()
    assert heap[TOP] == HEAP
    assert not any(heap[HEAP:])


def test_of_whatever_goes_by_a_text_the_text_is_at_hand() -> None:
    """Names and what goes through handlers is looked for only among the events that have one."""
    rare = {kind for kind in kinds.KINDS.values() if kind >= kinds.FIRST_RARE and kind != kinds.TICKED}
    assert {kinds.CHANNEL, kinds.FORGOTTEN} <= rare
    assert all(HAS_REST[kind] for kind in rare | {kinds.MEMBER_JOINED, kinds.RENAMED})


@pytest.mark.parametrize("version", [1, 2])
def test_members_are_called_what_was_said_last_in_whatever_version(
    kernel: Compiled, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(MemberRenamed, "VERSION", version)
    events = [
        fact(MemberJoined(name="first"), user=UserId(1), channel=None),
        fact(MemberJoined(name='é"\\한'), user=UserId(2), channel=None),
        fact(MemberRenamed(name="second"), user=UserId(1), channel=None),
        fact(MemberRenamed(name='"third"\n🎧'), user=UserId(1), channel=None),
    ]
    for with_kernel in (None, kernel):
        for cuts in ([], [1, 2, 3]):
            members = rows_of(events, START, kernel=with_kernel, cuts=cuts)["members"]
            assert [row[2] for row in members] == ['"third"\n🎧', 'é"\\한']


@pytest.mark.parametrize("cut", [3, 1])
def test_sets_of_the_same_roles_have_one_row_whatever_their_numbers(kernel: Compiled, cut: int) -> None:
    some, others = MemberRolesChanged(role_ids=(RoleId(5), RoleId(7))), MemberRolesChanged(role_ids=(RoleId(6),))
    told = [some, MemberRolesChanged(), others, some]
    log = Log([fact(data, user=UserId(1 + n), channel=None) for n, data in enumerate(told)])
    numbers = log.role_sets.given(Packed.of([(6,), (5, 7)]))
    columns = log.columns(0, len(told))
    columns.arg[2:] = numbers
    for with_kernel in (None, kernel):
        feed = Feed(HOME, log.users, compiled=with_kernel, role_sets=log.role_sets)
        feed.fold(columns.part(0, cut))
        feed.fold(columns.part(cut, len(told)))
        memory = feed.state.memory
        assert [memory.roles_of(row) for row in memory.rows(U_ROLE_SETS)] == [(), (5, 7), (6,)]
        held = [memory.roles_of(memory.heap[row + M_ROLES]) for row in feed_members(feed)]
        assert held == [(5, 7), (), (6,), (5, 7)]


def feed_members(feed: Feed) -> list[int]:
    """The members' rows, in the order of their coming."""
    memory = feed.state.memory
    return [memory.heap[row + K_MEMBER] for row in memory.rows(U_KNOWN)]
