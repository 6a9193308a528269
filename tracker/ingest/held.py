"""Deltas that are in the log and in what is kept in memory, and are written to the tables with the next flush."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from store.merging import merged
from store.state import FlushBatch
from tracker.ids import Partition, Position
from tracker.projections.rows import Changes

__all__ = ["Continued", "Held", "news_of"]

_MOST_LOOKS: Final = 32
_MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued(FlushBatch):
    """Deltas of which those up to `since` were told of by looks; `news`: the others. (A plain batch is all news.)"""

    since: Position
    news: Changes


def news_of(batch: FlushBatch) -> Changes:
    """What of a batch nobody was told of before."""
    return batch.news if isinstance(batch, Continued) else batch.changes


class Held:
    """What looks have taken from the fold since the last flush. For one thread at a time."""

    def __init__(self, *, most_looks: int = _MOST_LOOKS, most_rows: int = _MOST_ROWS) -> None:
        self._most_looks = most_looks
        self._most_rows = most_rows
        self._looks: dict[Partition, list[FlushBatch]] = {}

    @property
    def full(self) -> bool:
        """So much waits that it should be written."""
        looks = [look.changes for looks in self._looks.values() for look in looks]
        return len(looks) >= self._most_looks or sum(map(_size, looks)) >= self._most_rows

    def look(self, batch: FlushBatch) -> FlushBatch:
        """These deltas wait from now on; returns them as looks are told of them."""
        looks = self._looks.setdefault(batch.partition, [])
        told = batch
        if looks:
            told = _continued(batch, batch.changes, since=looks[-1].position, news=batch.changes)
        looks.append(told)
        return told

    def with_held(self, batches: Sequence[FlushBatch]) -> list[FlushBatch]:
        """What a flush has to write: these deltas with those that wait. Nothing is let go of."""
        found = [self._joined(batch) for batch in batches]
        left = self._looks.keys() - {batch.partition for batch in batches}
        for partition in sorted(left):
            looks = self._looks[partition]
            whole = merged([look.changes for look in looks])
            found.append(_continued(looks[-1], whole, since=looks[-1].position, news=Changes()))
        return found

    def clear(self) -> None:
        """They are written; or the fold they came from is not trusted any more."""
        self._looks.clear()

    def _joined(self, batch: FlushBatch) -> FlushBatch:
        looks = self._looks.get(batch.partition)
        if not looks:
            return batch
        replaced = getattr(batch, "recounted", ())
        parts = [_without(look.changes, replaced) for look in looks]
        return _continued(batch, merged([*parts, batch.changes]), since=looks[-1].position, news=batch.changes)


def _continued(batch: FlushBatch, changes: Changes, *, since: Position, news: Changes) -> Continued:
    given: dict[str, Any] = {field.name: getattr(batch, field.name) for field in fields(FlushBatch)}
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


def _size(changes: Changes) -> int:
    return sum(len(rows) for rows in changes.rows.values())
