"""What the collector was told."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tracker import heap


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()  # what tests/conftest.py froze
    yield
    gc.set_threshold(*before)
    gc.freeze()


def test_what_is_there_is_not_looked_through_again() -> None:
    heap.settle()
    assert gc.get_freeze_count() > 10_000
    assert gc.isenabled()
    assert gc.get_threshold()[0] > 700


class Thing:
    """Something that holds on to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_cycles_made_later_are_found_when_it_is_tidied() -> None:
    heap.settle()
    gone = weakref.ref(Thing())
    assert gone() is not None
    heap.tidy()
    assert gone() is None
