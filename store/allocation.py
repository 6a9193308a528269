"""What becomes of memory while very much of it is taken and freed."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["give_back", "no_circles"]

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_ARENA_MAX = -8  # M_ARENA_MAX
_BYTES = 1 << 20
_ARENAS = 2


def give_back() -> None:
    """Have the C library take each big array from the system by itself, and give it back when it is freed.

    glibc does so at first, but puts arrays into its own heaps once it has seen some of that size freed; those heaps
    (one a thread) then hardly ever become smaller. A rebuild would take twice the memory. Threads that are yet to come
    share two heaps for what is small, for the same reason. Elsewhere nothing is done.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # musl has none, and no such heaps
            mallopt(_MMAP_THRESHOLD, _BYTES)
            mallopt(_ARENA_MAX, _ARENAS)


@contextmanager
def no_circles() -> Iterator[None]:
    """Meanwhile nobody looks for objects that keep each other alive, and nothing is done that leaves many of them.

    That search stops all threads and goes through everything that was ever imported, again and again while millions of
    short-lived objects come and go: a third of the time that two threads need to fold a log.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
