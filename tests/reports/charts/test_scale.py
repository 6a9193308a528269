"""Round figures along the axes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tracker.reports.charts.scale import count_ticks, duration_ticks, every


@given(largest=st.integers(1, 10**13), most=st.integers(1, 6))
def test_ticks_are_few_even_and_reach_as_far_as_what_they_measure(largest: int, most: int) -> None:
    for ticks in (count_ticks(largest, most), duration_ticks(largest, most)):
        assert ticks[0] == 0
        assert 2 <= len(ticks) <= most + 1
        assert ticks[-1] >= largest
        assert ticks[-2] < largest
        assert {b - a for a, b in pairwise(ticks)} == {ticks[1]}


def test_ticks_are_figures_that_people_would_choose() -> None:
    assert count_ticks(97, 3) == [0, 50, 100]
    assert duration_ticks(50 * 60_000, 3) == [0, 30 * 60_000, 60 * 60_000]
    assert duration_ticks(100 * 3_600_000, 3) == [0, 50 * 3_600_000, 100 * 3_600_000]


@given(things=st.integers(1, 4000), room=st.integers(1, 12))
def test_no_more_labels_than_there_is_room_for(things: int, room: int) -> None:
    assert len(range(0, things, every(things, room))) <= room
