"""Events put side by side by guild, and numbers for what occurs: as sorting says, with numba and without."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import replay_arranging
from store.columns import EventColumns
from store.columns_chunk import Ints, Rest
from store.columns_slices import lay, lay_fast
from store.replay_arranging import BASES, COLUMNS, HEAD, NUMBERED, WIDTHS, Arranged, Stretch, arranged, numbers_of
from tests.examples import examples
from tracker.projections.kernel.compiled import can_compile

WAYS = [False, *([True] if can_compile() else [])]
if can_compile():
    from store.columns_places import Places
NUMBERS = st.sampled_from([0, 1, 2, 7, 2**40, 2**62, -(2**62), -1])

events = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.integers(0, 255),
            "subject": st.integers(0, 2**50),
            "guild": st.sampled_from([0, 3, 5, 2**60]),
            "channel": NUMBERS,
            "at": st.integers(0, 6),
            "arg": NUMBERS,
        }
    ),
    min_size=1,
    max_size=40,
)


def no_lookup(columns: EventColumns, row: int) -> NoReturn:
    raise AssertionError(f"nobody is to ask for row {row} of {len(columns)}")


def columns_of(log: list[dict[str, int]]) -> EventColumns:
    arrays: dict[str, Any] = {name: np.array([event[name] for event in log], np.int64) for name in COLUMNS}
    kind = np.array([event["kind"] for event in log], np.uint8)
    return EventColumns(kind=kind, rest=Rest.none(), lookup=no_lookup, **arrays)


def put_down(log: list[dict[str, int]], cuts: list[int], *, packed: bool) -> tuple[Any, list[Stretch], Ints]:
    """The slices of these events, cut there; and the ids of guilds and channels."""
    bounds = sorted({0, len(log), *(cut % len(log) for cut in cuts)})
    places = Places() if packed else None
    content, found = b"", []
    for first, end in pairwise(bounds):
        columns, nowhere = columns_of(log[first:end]), np.zeros(0, np.int64)
        laid = lay_fast(columns, nowhere, None, places) if packed else lay(columns, nowhere, None)
        found.append(Stretch(start=len(content), first=0, events=end - first, whole=end - first))
        content += laid.content
    ids = np.zeros(0, np.int64) if places is None else places.since(0)
    return np.frombuffer(content, np.uint8), found, ids


@pytest.mark.parametrize("packed", WAYS)
@pytest.mark.parametrize("fast", WAYS)
@given(log=events, cuts=st.lists(st.integers(0, 100), max_size=4), data=st.data())
@settings(max_examples=examples(100))
def test_events_are_by_guild_and_then_in_canonical_order(
    fast: bool, packed: bool, log: list[dict[str, int]], cuts: list[int], data: st.DataObject
) -> None:
    log = [event | {"position": i + 1} for i, event in enumerate(log)]
    if data.draw(st.booleans(), label="without order"):
        log = data.draw(st.permutations(log))
    found = arranged(*put_down(log, cuts, packed=packed), fast=fast)
    order = sorted(range(len(log)), key=lambda i: (log[i]["guild"], log[i]["at"], log[i]["position"]))
    assert found.kind.tolist() == [log[i]["kind"] for i in order]
    for column, name in zip(found.columns.tolist(), COLUMNS, strict=True):
        assert column == [log[i][name] for i in order]
    assert found.places.tolist() == [order.index(i) for i in range(len(log))]


@pytest.mark.skipif(not can_compile(), reason="numba is not installed")
def test_what_is_compiled_looks_for_a_slices_head_where_it_is() -> None:
    from store import replay_order

    its = (replay_order._BASES, replay_order._WIDTHS, replay_order._NUMBERED, replay_order._HEAD)
    assert its == (BASES, WIDTHS, NUMBERED, HEAD)


@pytest.mark.parametrize("fast", WAYS)
@given(pairs=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=60))
@settings(max_examples=examples(100))
def test_each_pair_has_the_number_of_its_first_coming(fast: bool, pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array([pair[i] for pair in pairs], np.int64) for i in range(2))
    met: dict[Any, int] = {}
    number, firsts = numbers_of(a, b, fast=fast)
    assert number.tolist() == [met.setdefault(pair, len(met)) for pair in pairs]
    assert firsts.tolist() == [pairs.index(pair) for pair in met]


@pytest.mark.parametrize("fast", WAYS)
def test_more_pairs_than_there_was_room_for_at_first_are_numbered_all_the_same(fast: bool) -> None:
    a = np.arange(30_000, dtype=np.int64) * 2**32
    number, firsts = numbers_of(np.concatenate([a, a[::-1]]), np.zeros(60_000, np.int64), fast=fast)
    assert (number == np.concatenate([np.arange(30_000), np.arange(30_000)[::-1]])).all()
    assert (firsts == np.arange(30_000)).all()


def some_events(instants: list[int], *, backwards: bool = False) -> list[dict[str, int]]:
    said = {"kind": 1, "subject": 7, "channel": 9, "arg": 2}
    log = [said | {"guild": 3 + i % 2, "at": at, "position": i + 1} for i, at in enumerate(instants)]
    return log[::-1] if backwards else log


@pytest.mark.parametrize("fast", WAYS)
def test_of_events_of_one_instant_the_lowest_position_comes_first(fast: bool) -> None:
    log = some_events([5] * 20, backwards=True)
    found = arranged(*put_down(log, [7], packed=False), fast=fast)
    assert found.columns[-1].tolist() == [*range(1, 21, 2), *range(2, 21, 2)]


@pytest.mark.skipif(not can_compile(), reason="nothing is compiled here")
@pytest.mark.parametrize(("instants", "sorted_as_a_whole"), [([*range(2_000), 500], []), ([*range(2_000, 0, -1)], [1])])
def test_only_guilds_without_any_order_are_sorted_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, instants: list[int], sorted_as_a_whole: list[int]
) -> None:
    log, asked = some_events(instants), list[int]()
    put_right = replay_arranging._put_right

    def seen(found: Arranged) -> None:
        asked.append(1)
        put_right(found)

    monkeypatch.setattr(replay_arranging, "_put_right", seen)
    found = arranged(*put_down(log, [500, 900], packed=True), fast=True)
    order = sorted(range(len(log)), key=lambda i: (log[i]["guild"], log[i]["at"], i))
    assert found.columns[-1].tolist() == [i + 1 for i in order]
    assert found.places[order].tolist() == [*range(len(log))]
    assert asked == sorted_as_a_whole
