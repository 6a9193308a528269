"""Long tests come first, so that no process is still at one of them when the others have run out of work.

pytest-xdist (`--dist worksteal`) deals the tests out in as many blocks as there are processes, in their order; who is
done takes over half of what another one still has, from its end. So the blocks begin with the long ones. The last block
does not: long tests wait most of the time, for processes of their own, and one process is to use what they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

__all__ = ["LONG_S", "dealt", "unmarked"]

LONG_S: Final = 15.0
"""A test that takes so long should bear the marker `long`; see `unmarked`."""

_T = TypeVar("_T")


def dealt(tests: Sequence[_T], is_long: Callable[[_T], bool], processes: int) -> list[_T]:
    """The tests in an order in which all blocks but the last begin with their shares of the long ones."""
    long, short = [t for t in tests if is_long(t)], [t for t in tests if not is_long(t)]
    found: list[_T] = []
    sharers = max(1, processes - 1)
    for process in range(processes):
        size = (len(tests) - len(found)) // (processes - process)
        first = long[process::sharers][:size] if process < sharers else []
        found += first
        found += short[: size - len(first)]
        del short[: size - len(first)]
    left = set(map(id, found))
    return [*found, *(t for t in tests if id(t) not in left)]


def unmarked(took: Iterable[tuple[str, float]], marked: set[str]) -> list[str]:
    """What is to be said of tests (id, seconds) that took long and are not marked so, the longest first."""
    found = sorted(((s, name) for name, s in took if s >= LONG_S and name not in marked), reverse=True)
    return [f"{seconds:5.1f} s  {name}" for seconds, name in found]
