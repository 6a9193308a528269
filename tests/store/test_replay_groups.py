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
