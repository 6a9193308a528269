"""A log that is in no database: events as the columns that a reader would make of them, folded into rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from store.columns import EventColumns
from store.columns_args import Args
from store.columns_chunk import chunk_of
from store.columns_roles import RoleSets
from store.columns_rows import DriverRows
from store.gathered import Gathered
from store.harvest import Harvest, Rows
from store.harvest_sorted import SortedHarvest
from store.replay_feed import Feed
from store.shadow_rows import Sorted
from tests.properties.folding import HOME
from tracker.events.codec import data_to_json
from tracker.events.envelope import Event, RecordedEvent
from tracker.events.kinds import ROLES_CHANGED
from tracker.events.member import MemberForgotten
from tracker.ids import Ms, Position, UserId
from tracker.projections.kernel.compiled import Compiled
from tracker.projections.rows import TABLES, Row

__all__ = ["Log", "as_the_log_reads", "batches", "rows_of"]


def as_the_log_reads(events: Iterable[Event]) -> list[Event]:
    """Whoever is forgotten at the end is nobody from the beginning on."""
    known = list(events)
    gone = {e.user_id for e in known if isinstance(e.data, MemberForgotten)}
    return [replace(e, user_id=UserId(-e.user_id)) if e.user_id is not None and e.user_id in gone else e for e in known]


class Log:
    """Events by position (from 1 on), and their subjects: a number for each user, in the order of their coming."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.args = Args()
        self.role_sets = RoleSets()
        self._subjects: dict[int, int] = {}
        for event in events:
            if event.user_id is not None:
                self._subjects.setdefault(event.user_id, len(self._subjects) + 1)

    @property
    def users(self) -> np.ndarray:
        """By subject; 0: nobody knows who it is."""
        return np.array([0, *(max(user, 0) for user in self._subjects)], np.int64)

    def columns(self, first: int, end: int) -> EventColumns:
        """The events [first, end)."""
        chunk = chunk_of(DriverRows(HOME, [self._row(i) for i in range(first, end)]), HOME, self.args)
        where = chunk.kind == ROLES_CHANGED
        numbers = self.role_sets.numbers(chunk.role_sets)
        chunk.arg[where] = np.array([numbers[i] for i in chunk.arg[where].tolist()], np.int64)
        return EventColumns(
            position=chunk.position,
            kind=chunk.kind,
            guild=chunk.guild,
            subject=chunk.subject,
            channel=chunk.channel,
            at=chunk.at,
            arg=chunk.arg,
            rest=chunk.rest,
            lookup=lambda columns, i: self._recorded(int(columns.position[i])),
        )

    def _row(self, i: int) -> tuple[object, ...]:
        event = self.events[i]
        subject = None if event.user_id is None else self._subjects[event.user_id]
        place = (event.guild_id, subject, event.channel_id)
        return (
            i + 1,
            event.id,
            event.type,
            type(event.data).VERSION,
            *place,
            event.occurred_at,
            1,
            data_to_json(event.data),
        )

    def _recorded(self, position: int) -> RecordedEvent:
        return RecordedEvent(
            partition=HOME, position=Position(position), recorded_at=Ms(1), event=self.events[position - 1]
        )


def batches(count: int, cuts: Iterable[int]) -> Iterator[tuple[int, int]]:
    """[first, end) of batches of `count` events, cut at these places."""
    bounds = sorted({0, count, *(cut for cut in cuts if cut < count)})
    yield from pairwise(bounds)


def rows_of(
    events: Sequence[Event],
    until: int,
    *,
    kernel: Compiled | None,
    cuts: Iterable[int] = (),
    drain: bool = False,
    in_order: bool = False,
) -> dict[str, list[Row]]:
    """The read models' rows after these events and the passing of time, by table and key.

    `cuts`: where a batch ends. `drain`: whether all that can be is handed over after each batch. `in_order`: by the
    harvest whose rows are sorted, and are to be just that.
    """
    log, gathered = Log(events), Gathered()
    feed = Feed(HOME, log.users, compiled=kernel, role_sets=log.role_sets)
    harvest = SortedHarvest(feed, HOME) if in_order else Harvest(feed)
    for first, end in batches(len(events), cuts):
        feed.fold(log.columns(first, end))
        if drain:
            _gather(gathered, harvest.deltas())
    feed.advance(until)
    _gather(gathered, harvest.all())
    return {name: sorted(rows) for name, rows in gathered.rows().items()}


def _gather(gathered: Gathered, found: Iterable[Rows | Sorted]) -> None:
    for rows in found:
        if isinstance(rows, Sorted):
            _gather_sorted(gathered, rows)
            continue
        gathered.add(rows.name, HOME, rows.columns, rows.nulls, fresh=rows.fresh)


def _gather_sorted(gathered: Gathered, made: Sorted) -> None:
    table, rows = TABLES[made.name], made.rows
    keys = [tuple(key) for key in rows[:, : len(table.key) + 1].tolist()]
    assert all(one < other for one, other in pairwise(keys)), made.name
    assert (rows[:, 0] == HOME).all()
    nulls = {name: (rows[:, -1] >> i) & 1 > 0 for i, name in enumerate(table.columns, start=1)}
    gathered.add(made.name, HOME, list(rows[:, 1:-1].T), nulls, fresh=False)
