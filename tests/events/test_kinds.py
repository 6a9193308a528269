from __future__ import annotations

from tracker.events import kinds
from tracker.events.codec import DATA_TYPES


def test_every_event_type_has_a_kind_of_its_own() -> None:
    assert kinds.KINDS.keys() == DATA_TYPES.keys()
    assert len(set(kinds.KINDS.values())) == len(kinds.KINDS)


def test_a_kind_fits_into_a_byte_and_none_is_zero() -> None:
    assert all(0 < kind < 256 for kind in kinds.KINDS.values())


def test_each_constant_is_the_kind_of_one_type() -> None:
    named = {name: getattr(kinds, name) for name in kinds.__all__ if name not in ("KINDS", "FIRST_RARE")}
    assert sorted(named.values()) == sorted(kinds.KINDS.values())
