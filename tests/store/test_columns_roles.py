"""Sets of roles have numbers, of this process and of others."""

from __future__ import annotations

import numpy as np
import pytest

from store import columns_roles
from store.columns_roles import Packed, RoleSets


def test_a_set_has_one_number_however_often_it_is_met() -> None:
    sets = RoleSets()
    assert sets.numbers([(5, 6), (), (7,), (5, 6)]) == [1, 0, 2, 1]
    assert [sets[n] for n in range(3)] == [(), (5, 6), (7,)]
    assert len(sets) == 3


def test_other_processes_number_in_ranges_of_their_own() -> None:
    sets = RoleSets()
    first, second = sets.begin(), sets.begin()
    sets.met(second, Packed.of([(), (1, 2)]))
    sets.met(first, Packed.of([(), (3,)]))
    sets.met(first, Packed.of([]))
    sets.met(first, Packed.of([(4, 5, 1 << 62), (), (6,)]))
    assert sets.numbers([(9,)]) == [1]
    assert [sets[first + n] for n in range(5)] == [(), (3,), (4, 5, 1 << 62), (), (6,)]
    assert [sets[second + n] for n in range(2)] == [(), (1, 2)]
    assert (sets[0], sets[1]) == ((), (9,))
    assert len(sets) == 2 + 5 + 2
    for number in (2, second + 2, first + 5, second + (1 << 32)):
        with pytest.raises(IndexError):
            sets[number]


@pytest.mark.parametrize("factor", [columns_roles._FACTOR, np.uint64(0)])
def test_sets_that_are_alike_get_one_number_even_where_others_have_the_same_sum(
    monkeypatch: pytest.MonkeyPatch, factor: np.uint64
) -> None:
    monkeypatch.setattr(columns_roles, "_FACTOR", factor)
    wanted = [(1, 2), (), (3,), (1, 2), (1 << 62, (1 << 62) + 1), (), (3,), (1, 2, 3), (2,)]
    sets = RoleSets()
    sets.begin()
    numbers = sets.given(Packed.of(wanted))
    assert all_of(sets.several(numbers)) == wanted
    assert len(set(numbers.tolist())) == len(set(wanted))


def test_several_sets_are_found_wherever_their_numbers_are_from() -> None:
    sets = RoleSets()
    first, second = sets.begin(), sets.begin()
    sets.met(second, Packed.of([(), (1, 2)]))
    sets.met(first, Packed.of([(), (3,)]))
    sets.met(first, Packed.of([(4, 5, 1 << 62), (), (6,)]))
    sets.numbers([(9,), (7, 8)])
    numbers = [first + 4, second + 1, 2, first + 2, 0, second, first + 1, first + 4, 1, first + 3]
    assert all_of(sets.several(np.array(numbers))) == [sets[number] for number in numbers]
    assert all_of(sets.several(np.zeros(0, np.int64))) == []


def test_sets_are_put_down_as_bytes_and_taken_up_again() -> None:
    made = Packed.of([(1, 2), (), (3,)])
    again = Packed.sized(made.ids.tobytes(), np.array([2, 0, 1]).tobytes())
    assert all_of(again) == [(1, 2), (), (3,)]


def all_of(packed: Packed) -> list[tuple[int, ...]]:
    return [packed.one(i) for i in range(len(packed.ends))]
