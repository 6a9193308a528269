"""What becomes of memory while very much of it is taken and freed."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

__all__ = ["give_back", "keeping", "no_circles", "trim"]

_TRIM_THRESHOLD: Final = -1  # M_TRIM_THRESHOLD of malloc.h
_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD
_ARENA_MAX: Final = -8  # M_ARENA_MAX
_BYTES: Final = 1 << 20
_TRIMMED: Final = 1 << 17  # as glibc has it by itself
_KEPT: Final = 12 << 20
_MOST_KEPT: Final = 32 << 20
_ARENAS: Final = 2

_asked: set[str] = set()
"""Whether `give_back` was called in this process."""
_within: list[None] = []
"""One for each thread that is `keeping`."""
_turn = Lock()


def give_back() -> None:
    """Have the C library take each big array from the system by itself, and give it back when it is freed.

    glibc does so at first, but puts arrays into its own heaps once it has seen some of that size freed; those heaps
    (one a thread) then hardly ever become smaller. A rebuild would take twice the memory. Threads that are yet to come
    share two heaps for what is small, for the same reason. Elsewhere nothing is done.
    """
    _asked.add("give back")
    _tell((_MMAP_THRESHOLD, _BYTES), (_ARENA_MAX, _ARENAS))


@contextmanager
def keeping() -> Iterator[None]:
    """Meanwhile arrays of some megabytes are made of what others like them left, although the process gives back.

    For work that makes and drops very many of them: each page of memory that is new costs the system as much as filling
    it. What is left over is given back in the end: when all threads that are in here have left.
    """
    if not _asked:
        yield
        return
    with _turn:
        _within.append(None)
        if len(_within) == 1:
            _tell((_MMAP_THRESHOLD, _KEPT), (_TRIM_THRESHOLD, _MOST_KEPT))
    try:
        yield
    finally:
        with _turn:
            _within.pop()
            if not _within:
                _tell((_MMAP_THRESHOLD, _BYTES), (_TRIM_THRESHOLD, _TRIMMED))
                trim()


def trim() -> None:
    """Give back what is free."""
    found = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if found is not None:
        found(0)


def _tell(*options: tuple[int, int]) -> None:
    """Options of the C library's `malloc`, where it is glibc: musl has none, and no such heaps."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for option, value in options:
            mallopt(option, value)


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
