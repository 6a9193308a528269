"""A state put back from its rows goes on as if it had never been away."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.tables import TableStore
from tests.properties.communities import Community, communities
from tests.properties.folding import HOME, fold, with_ticks
from tracker.ids import Ms
from tracker.projections.load import LOADED_TABLES, load_rows
from tracker.projections.rows import TABLES, Row
from tracker.projections.state import PartitionState


def _wanted(store: TableStore, table: str) -> list[Row]:
    """The rows that recovery reads: of sessions only those still open, and their days."""
    rows, columns = store.rows(table), TABLES[table].columns
    if table == "sessions":
        return [row for row in rows if row[columns.index("ended_at")] is None]
    if table == "session_days":
        open_ones = {row[:3] for row in _wanted(store, "sessions")}
        return [row for row in rows if (row[0], row[2], row[3]) in open_ones]
    return rows


def _recovered(store: TableStore, as_of: int) -> PartitionState:
    state = PartitionState(partition=HOME)
    state.as_of = Ms(as_of)
    for table in LOADED_TABLES:
        load_rows(state, table, _wanted(store, table))
    return state


def _interrupted(events: list, until: int, cut: int) -> TableStore:  # type: ignore[type-arg]
    """Folds with a stop right after the tick at index `cut`: all that is left then is the tables."""
    state, store = PartitionState(partition=HOME), TableStore()
    for event in events[: cut + 1]:
        state.apply(event)
    store.write(state.drain())
    state = _recovered(copy.deepcopy(store), events[cut].occurred_at)
    assert state.drain().empty
    for event in [*events[cut + 1 :], *with_ticks([], [until])]:
        state.apply(event)
    store.write(state.drain())
    return store


def _goes_on(community: Community, tick_at: int) -> None:
    events = with_ticks(community.events, [tick_at])
    cut = next(index for index, event in enumerate(events) if not event.guild_id)
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


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(cut=_cut(80))
def test_a_thousand_states_put_back_go_on_as_if_never_interrupted(cut: tuple[Community, int]) -> None:
    _goes_on(*cut)
