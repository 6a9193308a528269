"""Rows come out of the kernel's memory in the order of their keys, whatever those are, with their fingerprint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import harvest_sorted
from store.columns_roles import RoleSets
from store.harvest import Harvest, Rows
from store.harvest_sorted import SortedHarvest
from store.replay_feed import Feed
from store.shadow_numbered import fingerprint_of_rows
from store.shadow_rows import Sorted, fingerprint_of
from tests.projections.history import MINUTE, History
from tests.properties.communities import Community, communities
from tests.properties.folding import HOME, fold
from tests.store.feeding import Log, rows_of
from tracker.events.member import MemberForgotten, MemberJoined, MemberRenamed, MemberRolesChanged
from tracker.ids import RoleId
from tracker.projections.kernel.compiled import compiled
from tracker.projections.kernel.layout import U_AWARDS, U_EXPIRED, U_GIVEN
from tracker.projections.rows import TABLES

NUMBER = st.sampled_from([-(2**63), -1, 0, 1, 2**40, 2**63 - 1]) | st.integers(0, 9) | st.integers(-(2**63), 2**63 - 1)


def test_a_replay_keeps_no_account_of_awards_that_come_and_go() -> None:
    """Only of those that are there in the end: a third of what it would leave in the memory."""
    rules = {"exp_min": 1, "exp_max": 1, "cooldown_s": 0, "revoke_s": 3600}
    history = History().settings(messages=rules)
    for n in range(40):
        history.message(1, 20, 1001 + n).after(10 * MINUTE)
    log = Log(history.events)
    feed = Feed(HOME, log.users, compiled=None, role_sets=log.role_sets)
    feed.fold(log.columns(0, len(history.events)))
    feed.advance(history.now)
    memory = feed.state.memory
    assert memory.count(U_AWARDS)
    assert [memory.count(table) for table in (U_GIVEN, U_EXPIRED)] == [0, 0]


def ordered(keys: Sequence[tuple[int, ...]]) -> tuple[list[int], int]:
    images = np.array(keys, np.int64).T.copy()
    bounds = np.stack([images.min(axis=1), images.max(axis=1)], axis=1)
    order, same = harvest_sorted._sorted(images, bounds)
    return order.tolist(), same


@given(keys=st.lists(st.tuples(*[NUMBER] * 4), min_size=1, max_size=60))
def test_keys_of_any_numbers_are_put_in_order_and_the_same_stay_in_theirs(keys: list[tuple[int, ...]]) -> None:
    wanted = sorted(range(len(keys)), key=lambda i: keys[i])
    assert ordered(keys) == (wanted, len(keys) - len(set(keys)))


@pytest.mark.parametrize("steps", [8, 0])
def test_so_are_many_that_differ_only_in_what_does_not_fit_into_one_number(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """With few steps allowed they are compared as a whole."""
    monkeypatch.setattr(harvest_sorted, "_STEPS", steps)
    chance = np.random.default_rng(1)
    keys = [(1, int(a) << 30, int(b) << 30, int(c) << 5) for a, b, c in chance.integers(0, 300, (5_000, 3))]
    keys += keys[:100]
    wanted = sorted(range(len(keys)), key=lambda i: keys[i])
    assert ordered(keys) == (wanted, len(keys) - len(set(keys)))


@given(data=st.data())
@pytest.mark.parametrize("name", ["daily", "sessions", "awards"])
def test_the_fingerprint_of_any_rows_is_the_one_that_is_defined(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    width, marks = len(table.columns) + 1, sum(1 << i for i, c in enumerate(table.columns, 1) if c not in table.key)
    row = st.tuples(*[NUMBER] * width, st.integers(0, 2**62 - 1).map(lambda bits: bits & marks))
    rows = np.array(data.draw(st.lists(row, min_size=1, max_size=8)), np.int64)
    assert fingerprint_of_rows(table, rows) == fingerprint_of(table, rows, {})


@given(sets=st.lists(st.lists(NUMBER, max_size=5), max_size=8))
def test_sets_of_roles_are_written_as_python_writes_numbers(sets: list[list[int]]) -> None:
    feed = Feed(HOME, np.zeros(1, np.int64), compiled=None, role_sets=RoleSets())
    rows = np.array([feed.state.memory.role_set(tuple(roles)) for roles in sets], np.int64)
    wanted = [",".join(map(str, roles)) for roles in sets]
    for harvest in (Harvest(feed), SortedHarvest(feed, HOME)):
        assert list(harvest._roles(rows)) == wanted


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
def test_what_nobody_has_said_of_a_member_is_null_and_an_empty_text_is_not(fast: bool, in_order: bool) -> None:
    history = History().message(1, 20, 1001)
    for user, data in (
        (2, MemberJoined(name="")),
        (3, MemberRolesChanged(role_ids=(RoleId(5), RoleId(7)))),
        (4, MemberRolesChanged(role_ids=(RoleId(5),))),
        (4, MemberRolesChanged()),
        (5, MemberRenamed(name='"\\\n한')),
    ):
        history.add(data, user=user)
    rows = rows_of(history.events, history.now, kernel=compiled() if fast else None, in_order=in_order)["members"]
    assert [(row[1], row[2], row[6]) for row in rows] == [
        (2, "", None), (3, None, "5,7"), (4, None, ""), (5, '"\\\n한', None),
    ]  # fmt: skip


def test_where_two_rows_are_of_one_member_they_are_left_to_be_merged() -> None:
    """As if two subjects of the log were the same person."""
    log = Log(History().message(1, 20, 1001).after(MINUTE).message(2, 20, 1002).events)
    kinds = []
    for users in (log.users, np.array([0, 7, 7], np.int64)):
        feed = Feed(HOME, users, compiled=None, role_sets=RoleSets())
        feed.fold(log.columns(0, 2))
        found = list(SortedHarvest(feed, HOME).all())
        plain = list(Harvest(feed).all())
        kinds.append({type(rows) for rows in found if rows.name == "daily"})
        daily = next(rows for rows in plain if rows.name == "daily")
        assert isinstance(daily, Rows)
        assert daily.columns[2].tolist() == users[1:].tolist()
        assert [rows.name for rows in found].count("totals") == 1
    assert kinds == [{Sorted}, {Rows}]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
def test_rows_that_are_handed_over_early_have_the_last_session_of_an_instant_only(fast: bool, in_order: bool) -> None:
    history = History().member(1).join(1, 10).leave(1, 10).join(1, 11).after(MINUTE).leave(1, 11)
    cuts, kernel = range(len(history.events)), compiled() if fast else None
    rows = rows_of(history.events, history.now, kernel=kernel, cuts=cuts, drain=True, in_order=in_order)
    assert [row[1:6] for row in rows["sessions"]] == [(20260218, 1, history.events[1].occurred_at, 11, history.now)]


@given(community=communities(moves=40), cuts=st.sets(st.integers(0, 60)))
@pytest.mark.parametrize("in_order", [False, True])
def test_a_replay_says_of_sessions_what_a_live_fold_wrote(in_order: bool, community: Community, cuts: set[int]) -> None:
    events = [e for e in community.events if not isinstance(e.data, MemberForgotten)]  # a replay knows beforehand
    said = fold(events, community.until)
    rows = rows_of(events, community.until, kernel=None, cuts=cuts, drain=True, in_order=in_order)
    assert [rows.get(name, []) for name in ("sessions", "session_days")] == [
        said.rows(name) for name in ("sessions", "session_days")
    ]
