"""What an iterator gives, made in a thread while what came before is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


def ahead(found: Generator[T], most: int, stop: Callable[[], None]) -> Generator[T]:
    """All of `found`, up to `most` of it made ahead. What goes wrong in there is raised here.

    Closing this waits for what is being made, and closes `found`; `stop` is called before, so that it ends soon.
    """
    with closing(found), ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        waiting = deque(pool.submit(next, found, None) for _ in range(most))
        try:
            while (one := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, found, None))
                yield one
        except BaseException:
            stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
