"""Deltas that are in the log and in what is kept in memory, and are written to the tables with the next flush."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from store.merging import Merger, merged
from store.state import FlushBatch
from tracker.ids import Partition, Position
from tracker.projections.rows import Changes

__all__ = ["Continued", "Held", "Span", "news_of", "span_of"]

_MOST_LOOKS: Final = 64
_MOST_ROWS: Final = 200_000
_GATHER_FROM: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued(FlushBatch):
    """Deltas of which those up to `since` were told of by looks; `news`: the others. (A plain batch is all news.)"""

    since: Position
    news: Changes


def news_of(batch: FlushBatch) -> Changes:
    """What of a batch nobody was told of before."""
    return batch.news if isinstance(batch, Continued) else batch.changes


Span = tuple[Position | None, Position]


def span_of(batch: FlushBatch) -> Span:
    """After which position (None: what the tables say), and up to which, the news of a batch are."""
    return (batch.since if isinstance(batch, Continued) else None, batch.position)


@dataclass(slots=True)
class _Waiting:
    """A partition's looks: the last one, and what of them is merged already.

    `scattered`, `rows`: how many looks, and rows of them, were told of and not gathered since.
    """

    last: FlushBatch
    scattered: int = 0
    rows: int = 0
    unmerged: deque[Changes] = field(default_factory=deque)
    merger: Merger = field(default_factory=Merger)
    going_on: Iterator[None] = field(default_factory=lambda: iter(()))

    def merge_some(self) -> bool:
        """A part of what is left. False: nothing is left."""
        for _ in self.going_on:
            return True
        if self.unmerged:
            self.going_on = self.merger.adding(self.unmerged.popleft())
            return True
        return False

    def changes(self) -> Changes:
        """Of all looks."""
        while self.merge_some():
            pass
        return self.merger.changes()


class Held:
    """What looks have taken from the fold since the last flush. For one thread at a time."""

    def __init__(self, *, most_looks: int = _MOST_LOOKS, most_rows: int = _MOST_ROWS) -> None:
        self._most_looks = most_looks
        self._most_rows = most_rows
        self._waiting: dict[Partition, _Waiting] = {}

    @property
    def full(self) -> bool:
        """So much waits that it should be written soon."""
        return self._is_taken(1.0)

    @property
    def overfull(self) -> bool:
        """So much waits that it should be written now."""
        return self._is_taken(1.5)

    def _is_taken(self, share: float) -> bool:
        waiting = list(self._waiting.values())
        looks, rows = sum(w.scattered for w in waiting), sum(w.rows for w in waiting)
        return looks >= share * self._most_looks or rows >= share * self._most_rows

    def look(self, batch: FlushBatch) -> FlushBatch:
        """These deltas wait from now on; returns them as looks are told of them."""
        told, waiting = batch, self._waiting.get(batch.partition)
        if waiting is None:
            waiting = self._waiting[batch.partition] = _Waiting(batch)
        else:
            told = _continued(batch, batch.changes, since=waiting.last.position, news=batch.changes)
        waiting.last = told
        waiting.unmerged.append(batch.changes)
        waiting.scattered += 1
        waiting.rows += _rows_in(batch.changes)
        return told

    def merge(self) -> bool:
        """Do a part of what a flush would do otherwise. False: nothing is left."""
        return any(waiting.merge_some() for waiting in list(self._waiting.values()))

    def gather(self, *, least: int = _GATHER_FROM) -> list[FlushBatch]:
        """For those who were told of at least so many looks since this was asked: all of a partition's looks as one.

        So what they hold does not grow with their number.
        """
        gathered = []
        for waiting in list(self._waiting.values()):
            if waiting.scattered >= least:
                last, changes = waiting.last, waiting.changes()
                gathered.append(
                    FlushBatch(partition=last.partition, position=last.position, as_of=last.as_of, changes=changes)
                )
                waiting.scattered, waiting.rows = 1, _rows_in(changes)
        return gathered

    def with_held(self, batches: Sequence[FlushBatch]) -> list[FlushBatch]:
        """What a flush has to write: these deltas with those that wait. Nothing is let go of."""
        found = [self._joined(batch) for batch in batches]
        left = self._waiting.keys() - {batch.partition for batch in batches}
        for waiting in (self._waiting[partition] for partition in sorted(left)):
            last = waiting.last
            found.append(_continued(last, waiting.changes(), since=last.position, news=Changes()))
        return found

    def clear(self) -> None:
        """They are written; or the fold they came from is not trusted any more."""
        self._waiting.clear()

    def _joined(self, batch: FlushBatch) -> FlushBatch:
        waiting = self._waiting.get(batch.partition)
        if waiting is None:
            return batch
        before = _without(waiting.changes(), batch.recounted)
        return _continued(batch, merged([before, batch.changes]), since=waiting.last.position, news=batch.changes)


def _rows_in(changes: Changes) -> int:
    return sum(map(len, changes.rows.values()))


def _continued(batch: FlushBatch, changes: Changes, *, since: Position, news: Changes) -> Continued:
    given: dict[str, Any] = {f.name: getattr(batch, f.name) for f in fields(FlushBatch)}
    return Continued(**(given | {"changes": changes}), since=since, news=news)


def _without(changes: Changes, guilds: Collection[int]) -> Changes:
    """What is not about these guilds."""
    if not guilds:
        return changes
    return Changes(
        rows={name: [row for row in rows if row[0] not in guilds] for name, rows in changes.rows.items()},
        expired={name: [key for key in keys if key[0] not in guilds] for name, keys in changes.expired.items()},
        forgotten=[key for key in changes.forgotten if key[0] not in guilds],
        standing={guild: rules for guild, rules in changes.standing.items() if guild not in guilds},
    )
