"""Long tests come first in the blocks of all processes but one."""

from __future__ import annotations

import pytest

from tests.order import LONG_S, dealt, unmarked


def blocks(tests: list[str], processes: int) -> list[list[str]]:
    """As pytest-xdist's worksteal deals them out."""
    left, found = list(tests), []
    for process in range(processes):
        size = len(left) // (processes - process)
        found.append(left[:size])
        del left[:size]
    return found


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
@pytest.mark.parametrize(("short", "long"), [(40, 7), (41, 3), (5, 0)])
def test_all_processes_but_one_begin_with_their_shares_of_the_long_ones(processes: int, short: int, long: int) -> None:
    tests = [f"short {n}" for n in range(short)] + [f"long {n}" for n in range(long)]
    found = dealt(tests, lambda t: t.startswith("long"), processes)
    assert sorted(found) == sorted(tests)
    sharers = max(1, processes - 1)
    for number, block in enumerate(blocks(found, processes)):
        count = sum(t.startswith("long") for t in block)
        assert count in ((long // sharers, -(-long // sharers)) if number < sharers else (0,))
        assert all(t.startswith("long") for t in block[:count])


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_none_is_left_out_where_there_are_more_long_ones_than_a_block_holds(processes: int) -> None:
    tests = ["a", *"BCDEFGH"]
    assert sorted(dealt(tests, str.isupper, processes)) == sorted(tests)


def test_the_short_ones_keep_their_order_and_so_do_the_long_ones() -> None:
    tests = ["a", "B", "c", "d", "E", "f"]
    assert dealt(tests, str.isupper, 1) == ["B", "E", "a", "c", "d", "f"]
    assert dealt(tests, str.isupper, 2) == ["B", "E", "a", "c", "d", "f"]
    assert dealt(tests, str.isupper, 3) == ["B", "a", "E", "c", "d", "f"]


def test_a_long_one_that_is_not_marked_is_named_and_a_marked_one_is_not() -> None:
    took = [("quick", LONG_S - 1), ("slow", LONG_S + 1), ("slower", LONG_S + 2), ("known", 99.0)]
    assert unmarked(took, {"known"}) == [" 17.0 s  slower", " 16.0 s  slow"]
