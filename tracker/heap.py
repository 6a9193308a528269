"""Python's garbage collector, told what kind of program this is."""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["settle", "tidy"]

_NEVER: Final = 1_000_000
"""Objects made and not freed before Python looks for cycles by itself: more than a flush's worth, ever."""


def settle() -> None:
    """Call once, when everything that lives as long as the process is there.

    That is never looked through again. By default Python looks for cycles after each 700 objects, so that one event in
    a hundred waits for it, and some wait for 50 ms: each event's deltas stay until the flush, and none of them is a
    cycle. So from now on somebody has to call `tidy`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEVER, 10, 10)


def tidy() -> None:
    """Look for cycles now. After a flush is the moment at which there is least to look through."""
    gc.collect()
