"""Round figures along an axis, and how many labels fit under it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

__all__ = ["count_ticks", "duration_ticks", "every"]

_MINUTE: Final = 60_000
_HOUR: Final = 3_600_000
_DURATIONS: Final = (*(m * _MINUTE for m in (1, 2, 5, 10, 15, 30)), *(h * _HOUR for h in (1, 2, 3, 6, 12)))


def duration_ticks(largest_ms: int, most: int) -> list[int]:
    """0 and at most `most` more round durations, the last one at least `largest_ms`."""
    for step in _DURATIONS:
        if step * most >= largest_ms:
            return _up_to(largest_ms, step)
    return [tick * _HOUR for tick in count_ticks(-(-largest_ms // _HOUR), most)]


def count_ticks(largest: int, most: int) -> list[int]:
    """0 and at most `most` more round numbers, the last one at least `largest`."""
    for power in count():
        for digit in (1, 2, 5):
            step = digit * 10**power
            if step * most >= largest:
                return _up_to(largest, step)
    raise AssertionError("there is always a larger power of ten")


def every(things: int, room: int, steps: Sequence[int] = (1, 2, 5, 10)) -> int:
    """Each how manieth of `things` gets a label, if there is room for `room`: one of `steps`, or as many as needed."""
    for step in steps:
        if -(-things // step) <= room:
            return step
    return -(-things // room)


def _up_to(largest: int, step: int) -> list[int]:
    return [step * n for n in range(max(1, -(-largest // step)) + 1)]
