"""What an iterator gives, made in a thread while what came before is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


@contextmanager
def ahead(found: Generator[T], most: int, stop: Callable[[], None]) -> Iterator[Iterator[T]]:
    """All of `found`, up to `most` of it made ahead, from now on. What goes wrong in there is raised by the iterator.

    The end waits for what is being made, and closes `found`; if not all was taken, `stop` is called before, so that it
    ends soon.
    """
    with closing(found), ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        waiting = deque(pool.submit(next, found, None) for _ in range(most))
        over = False

        def taken() -> Iterator[T]:
            nonlocal over
            while (one := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, found, None))
                yield one
            over = True

        try:
            yield taken()
        finally:
            if not over:
                stop()
            pool.shutdown(cancel_futures=True)
