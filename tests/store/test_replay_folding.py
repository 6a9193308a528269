"""Several replays are folded one after the other, by threads that do not wait for each other's last groups."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from store.replay_folding import Folded, fold_all
from tracker.events.settings import DEFAULTS
from tracker.projections.standing import StandingRules

RULES = StandingRules(settings=DEFAULTS, season_at=None)


class Waits:
    """A replay of one group, whose fold does not end before that of the next replay has begun."""

    jobs = 2

    def __init__(self, number: int, begun: list[Event]) -> None:
        self.number, self._begun, self.closed = number, begun, False

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def groups(self) -> Iterator[int]:
        return iter([self.number])

    def fold_apart(self, group: int, as_of: int) -> Folded:
        assert not self.closed
        self._begun[group].set()
        assert self._begun[group + 1].wait(30)
        return Folded(rows=(), rules={as_of + group: RULES}, events=1)

    fold_here = fold_apart

    def take_over(self, found: Folded) -> dict[int, StandingRules]:
        return found.rules


def test_no_thread_waits_for_the_last_group_of_a_replay_while_there_are_more_replays() -> None:
    begun = [Event() for _ in range(5)]
    begun[4].set()
    several = [Waits(number, begun) for number in range(4)]
    found = [(one.number, list(rules), one.closed) for one, rules in fold_all(several, lambda one: 10 * one.number)]
    assert found == [(0, [0], False), (1, [11], False), (2, [22], False), (3, [33], False)]
    assert all(one.closed for one in several)


def test_what_goes_wrong_in_a_thread_is_raised_and_ends_the_others() -> None:
    begun = [Event() for _ in range(3)]
    begun[1].set()
    begun[2].set()
    first, second = Waits(0, begun), Waits(7, begun)  # of which there is no such group
    with pytest.raises(IndexError):
        list(fold_all([first, second], lambda _: 0))
    assert first.closed
