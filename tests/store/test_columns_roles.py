"""Sets of roles have numbers, of this process and of others."""

from __future__ import annotations

import pytest

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
