"""The replays of several partitions, one after the other, while the log is read ahead."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from store.allocation import keeping, no_circles
from store.columns import Archived, LogReader
from store.replay import Replay
from tracker.ids import Partition

__all__ = ["read_ahead"]


def read_ahead(
    reader: LogReader, replays: Iterable[tuple[Replay, int]], progress: Callable[[int], None] | None, *, jobs: int
) -> Iterator[Replay]:
    """Each replay once it has read up to its position: of whole partitions, of different ones, by this reader.

    Either all have read by then, or the next ones, `jobs` at most, are read meanwhile. `progress` is told by several
    threads. Raises as `Replay.read`. Whoever takes them closes them, unless this ends before all are taken.
    """
    several = list(replays)
    upto = {replay.partition: head for replay, head in several}
    heaps: list[array[int]] = []
    with ExitStack() as stack:
        left = stack.enter_context(ExitStack())
        for replay, _ in several:
            left.enter_context(replay).share(heaps)
        if all(replay.is_of_all for replay, _ in several) and reader.reads_everywhere(upto):
            _read_everywhere(reader, several, upto, progress)
            yield from (replay for replay, _ in several)
        else:
            pool = stack.enter_context(ThreadPoolExecutor(jobs, thread_name_prefix="read"))
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            waiting = deque((replay, pool.submit(replay.read, head, progress)) for replay, head in several)
            while waiting:
                replay, reading = waiting.popleft()
                reading.result()
                yield replay
        left.pop_all()  # some of them may still be folded


def _read_everywhere(
    reader: LogReader,
    replays: Sequence[tuple[Replay, int]],
    upto: Mapping[Partition, int],
    progress: Callable[[int], None] | None,
) -> None:
    by_partition = {replay.partition: replay for replay, _ in replays}
    with ThreadPoolExecutor(1, thread_name_prefix="subjects") as beside, reader.everywhere(upto) as found:
        for replay, head in replays:
            replay.begin(head, progress, beside)
        with no_circles(), keeping():
            for partition, part in found:
                replay = by_partition[partition]
                replay.store(part) if isinstance(part, Archived) else replay.take(part)
