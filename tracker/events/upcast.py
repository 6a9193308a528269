"""Lifts the data of older event versions to today's shape, one step at a time.

A step `(type, n)` turns version n's plain data into version n + 1's. Steps are never removed: the log keeps what was
written, and `tests/golden/` holds one file per type and version for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import EventFormatError

__all__ = ["STEPS", "lift"]

Step = Callable[[Mapping[str, Any]], Mapping[str, Any]]

STEPS: dict[tuple[str, int], Step] = {}
"""(type name, version read) → the step to the next version."""


def lift(
    type_name: str,
    version: int,
    plain: Mapping[str, Any],
    *,
    newest: int,
    steps: Mapping[tuple[str, int], Step] = STEPS,
) -> Mapping[str, Any]:
    """`plain` of `version` as it would look in version `newest`.

    Raises EventFormatError for a version that is newer than this tracker knows, or that no step leads on from.
    """
    if not 1 <= version <= newest:
        raise EventFormatError(f"{type_name}: version {version} is not known here (1 to {newest}); update tracker")
    for at in range(version, newest):
        if (type_name, at) not in steps:
            raise EventFormatError(f"{type_name}: nothing leads from version {at} to {at + 1}")
        plain = steps[type_name, at](plain)
    return plain
