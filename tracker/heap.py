"""Python's garbage collector, told what kind of program this is."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["settle"]

_YOUNG: Final = 10_000
"""Objects made and not freed since the last look for cycles, before the next one."""


def settle() -> None:
    """Call once, when everything that lives as long as the process is there.

    That is never looked through again for cycles, and the rest less often than by default (each 700 objects). An event
    keeps a few objects alive until it is written, so by default one event in a hundred waits for the collector; the
    longest pauses come from looking through all that was ever imported.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
