"""Order: only the canonical one counts, and who somebody is matters to nobody else."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.oracle import answer
from tests.properties.communities import MEMBERS, Community, communities
from tests.properties.folding import expected, fold, found
from tracker.events.envelope import Event
from tracker.ids import UserId
from tracker.projections.rows import TABLES


@given(community=communities(moves=25), shuffle=st.randoms(use_true_random=False))
def test_history_that_comes_in_any_order_folds_alike_once_it_is_sorted(community: Community, shuffle: Random) -> None:
    """Shuffled between instants; within one instant the order of arrival is the order."""
    by_instant: dict[int, list[Event]] = {}
    for event in community.events:
        by_instant.setdefault(event.occurred_at, []).append(event)
    groups = list(by_instant.values())
    shuffle.shuffle(groups)
    arrived = [event for group in groups for event in group]
    canonical = sorted(arrived, key=lambda e: e.occurred_at)
    assert canonical == list(community.events)
    assert expected(answer(arrived, community.until)) == found(fold(canonical, community.until))


@given(community=communities(moves=25), who=st.sampled_from(MEMBERS))
def test_a_pseudonym_has_no_rows_and_leaves_those_of_others_as_they_were(community: Community, who: UserId) -> None:
    hidden = [replace(e, user_id=UserId(-7)) if e.user_id == who else e for e in community.events]
    store, before = fold(hidden, community.until), found(fold(community.events, community.until))
    for name in TABLES:
        assert not [row for row in store.rows(name) if -7 in row or who in row[:4]], name
    assert found(store) == {name: _of_others(name, rows, who) for name, rows in before.items()}


def _of_others(name: str, rows: Any, who: UserId) -> Any:
    if name in ("away", "rules"):
        return rows
    if name == "session_days":
        return {key: first for key, first in rows.items() if key[1] != who}
    at = {"daily": 1, "last_at": 1, "unearned": 1, "season_totals": 1}.get(name, 0)
    return {key: row for key, row in rows.items() if (key[at] if isinstance(key, tuple) else key) != who}
