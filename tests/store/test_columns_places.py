"""Numbers for ids: those of the order in which they came, however many they are and whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")

from store.columns_places import Places

IDS = st.sampled_from([0, 1, 5 << 22, 6 << 22, 2**62, -1])


@given(parts=st.lists(st.lists(IDS, max_size=12), max_size=5))
def test_an_id_has_the_number_of_its_first_coming(parts: list[list[int]]) -> None:
    places = Places()
    met: dict[int, int] = {}
    for part in parts:
        before = len(met)
        wanted = [met.setdefault(one, len(met)) for one in part]
        assert places.numbers(np.array(part, np.int64)).tolist() == wanted
        assert places.since(before).tolist() == list(met)[before:]
    assert places.since(0).tolist() == list(met)


def test_there_is_room_for_more_than_there_was_at_first() -> None:
    ids = np.arange(1, 20_001, dtype=np.int64) << 22
    places = Places()
    assert (places.numbers(ids) == np.arange(20_000)).all()
    assert (places.numbers(ids[::-1].copy()) == np.arange(20_000)[::-1]).all()
    assert (places.since(0) == ids).all()


def test_several_threads_are_given_the_same_numbers() -> None:
    places, ids = Places(), np.arange(30_000, dtype=np.int64) << 22
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda first: (first, places.numbers(ids[first:])), range(0, 20_000, 2_500)))
    known = places.since(0)
    assert sorted(known.tolist()) == ids.tolist()
    for first, numbers in found:
        assert (known[numbers] == ids[first:]).all()
