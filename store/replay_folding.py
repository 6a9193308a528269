"""Folding what replays have read, one after the other, without a thread that waits for the last group of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from store.allocation import keeping, no_circles
from store.harvest import Rows
from store.shadow_rows import Sorted
from tracker.projections.standing import StandingRules

__all__ = ["Folded", "fold_all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A group of guilds."""

    rows: Iterable[Rows | Sorted]
    rules: dict[int, StandingRules]
    events: int


class Foldable(Protocol):
    """A replay that has read all it is to read; see `store.replay.Replay`."""

    @property
    def jobs(self) -> int:
        """How many groups are folded at once; as many as of the replays beside it."""

    def groups(self) -> Iterator[int]:
        """The numbers of the groups."""

    def fold_here(self, group: int, as_of: int) -> Folded:
        """Folds a group in the thread whose rows are taken next."""

    def fold_apart(self, group: int, as_of: int) -> Folded:
        """Folds a group in any thread."""

    def take_over(self, found: Folded) -> dict[int, StandingRules]:
        """Hands on a group's rows; groups come in their order. Returns the rules of its guilds."""

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...


R = TypeVar("R", bound=Foldable)


def fold_all(replays: Iterable[R], as_of: Callable[[R], int]) -> Iterator[tuple[R, dict[int, StandingRules]]]:
    """Folds each replay; time in it then comes to what `as_of` says. It is closed when the next one is asked for.

    Also: the rules by which the members of its guilds are judged. Rows come in the order of replays and groups. Where
    several groups are folded at once, the next replay's first ones are begun before a replay's last one is folded.
    """
    waiting: deque[tuple[R, Future[Folded] | None]] = deque()  # None: that was the replay's last group
    rules: dict[int, StandingRules] = {}

    def taken(most: int) -> Iterator[tuple[R, dict[int, StandingRules]]]:
        """Wait for groups until no more than so many are left, and for the ends of replays behind them."""
        nonlocal rules
        groups = sum(one is not None for _, one in waiting)
        while waiting and (groups > most or waiting[0][1] is None):
            replay, one = waiting.popleft()
            if one is None:
                found, rules = rules, {}
                with replay:
                    yield replay, found
            else:
                groups -= 1
                rules |= replay.take_over(one.result())

    with ExitStack() as left, no_circles(), keeping(), ExitStack() as stack:
        pool: ThreadPoolExecutor | None = None
        for replay in replays:
            left.push(replay)  # whatever goes wrong, it is closed; but not while a thread folds it
            if pool is None and replay.jobs > 1:
                pool = ThreadPoolExecutor(replay.jobs, thread_name_prefix="fold")
                stack.callback(pool.shutdown, cancel_futures=True)
            until = as_of(replay)
            for group in replay.groups():
                if pool is None:
                    rules |= replay.take_over(replay.fold_here(group, until))
                else:
                    waiting.append((replay, pool.submit(replay.fold_apart, group, until)))
                    yield from taken(replay.jobs)
            waiting.append((replay, None))
            yield from taken(replay.jobs)
        yield from taken(0)
