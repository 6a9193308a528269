"""Where a log is cut into groups of guilds."""

from __future__ import annotations

import numpy as np
import pytest

from store.replay_groups import bounds_of


@pytest.mark.parametrize(
    ("members", "events", "wanted"),
    [
        ([], 1000, []),
        ([5, 5, 5, 5], 100, []),
        ([5, 5, 5, 5], 200, [30]),
        ([5, 5, 5, 5], 400, [20, 30, 40]),
        ([5, 5, 5, 5], 10_000, [10, 20, 30, 40]),
        ([1, 1, 97, 1], 200, [30]),
        ([97, 1, 1, 1], 200, [10]),
        ([1, 1, 1, 97], 400, [40]),
    ],
)
def test_groups_have_about_as_many_members(members: list[int], events: int, wanted: list[int]) -> None:
    guilds = np.arange(10, 10 + 10 * len(members), 10)
    assert bounds_of(guilds, np.array(members, np.int64), events, 100).tolist() == wanted


@pytest.mark.parametrize(
    ("events", "jobs", "groups"), [(100, 2, 1), (101, 2, 2), (300, 2, 4), (300, 3, 3), (300, 4, 4), (401, 4, 8)]
)
def test_no_thread_is_left_without_a_group_while_others_fold(events: int, jobs: int, groups: int) -> None:
    guilds = np.arange(10, 410, 10)
    bounds = bounds_of(guilds, np.full(40, 5, np.int64), events, 100, jobs)
    assert len(bounds) == groups - 1
