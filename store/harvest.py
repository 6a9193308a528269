"""The read models' rows, as columns, out of the kernel's tables: what a replay hands to the shadow tables."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from store import harvest_sources as sources
from store.columns_chunk import Ints
from store.columns_rest import Written
from store.harvest_sources import DRAINED, LEFT, Source
from store.replay_feed import Feed, view
from store.shadow_rows import Sorted
from tracker.projections.kernel.layout import (
    BOT, C_ID, D_PLACE, D_VALUES, EXP_ADJUSTED, EXP_INTERACTIONS, EXP_MESSAGES, EXP_VOICE, G_ID, INTERACTIONS, K_MEMBER,
    K_SAID, LAST_AT, MESSAGES, M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT, M_ROLES, M_STATE, M_USER, NOT_YET, OPTED_OUT,
    PRESENT, P_MEMBER, SAID_BOT, SAID_NAME, SAID_OPTED_OUT, SAID_PRESENT, SAID_ROLES, U_CELLS, U_EXPIRED, U_GIVEN,
    U_KNOWN, VOICE_MS, WIDTHS,
)  # fmt: skip
from tracker.projections.rows import TABLES

__all__ = ["EXP", "FIGURES", "Harvest", "Rows"]

_EMPTIED: Final = (*(source.table for source in DRAINED), U_GIVEN, U_EXPIRED)
EXP: Final = (EXP_VOICE, EXP_MESSAGES, EXP_INTERACTIONS, EXP_ADJUSTED)
"""Of a day's values, those whose sum is the EXP."""
FIGURES: Final = (VOICE_MS, MESSAGES, INTERACTIONS)
"""Of a day's values, those that a member's sums have too, in their order."""
_SAID: Final = {
    "name": SAID_NAME, "bot": SAID_BOT, "present": SAID_PRESENT, "opted_out": SAID_OPTED_OUT, "role_ids": SAID_ROLES,
}  # fmt: skip
"""By column of the members' rows, what says that it was heard of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a read model as columns, in the order of TABLES[name].columns. `nulls`: by column, where it is null."""

    name: str
    columns: Sequence[Any]
    nulls: Mapping[str, np.ndarray[Any, Any]]
    fresh: bool


class Harvest:
    """Takes what a Feed has come to, part by part, and the rest at the end; nothing of pseudonyms."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._memory = feed.state.memory
        self._earners = np.zeros(0, np.int64)
        self._totals = np.zeros((0, 5), np.int64)

    @property
    def waiting(self) -> int:
        """How many numbers are in the tables that `deltas` empties."""
        return sum(end - start for table in _EMPTIED for start, end in self._memory.parts(table))

    def deltas(self) -> Iterator[Rows | Sorted]:
        """Days, sessions that ended, roles taken and given up since the last call; they are gone from the memory."""
        yield from self._numbers(DRAINED, last=False)
        for table in _EMPTIED:
            self._memory.clear(table)

    def all(self) -> Iterator[Rows | Sorted]:
        """All that has not been taken yet. Nothing more comes after it."""
        yield from self._numbers((*DRAINED, *LEFT), last=True)
        yield from self._described()

    def _numbers(self, wanted: Sequence[Source], *, last: bool) -> Iterator[Rows | Sorted]:
        """Rows of these sources, and in the end the members' sums."""
        self._add_up()
        yield from map(self._rows, wanted)
        if last:
            yield self._totals_rows()

    # -- rows and whose they are -----------------------------------------------------------------------------------

    def _table(self, table: int) -> Ints:
        """A table of the kernel's as a matrix, copied."""
        heap = view(self._memory.heap)
        parts = [heap[start:end] for start, end in self._memory.parts(table)]
        rows: Ints = np.concatenate([*parts, heap[:0]]).reshape(-1, WIDTHS[table])
        return rows

    def _whose(self, members: Ints) -> tuple[Ints, Ints]:
        """The ids of the guilds and of the users of members."""
        heap = view(self._memory.heap)
        return heap[heap[members + M_GUILD] + G_ID], heap[members + M_USER]

    def _rows(self, source: Source) -> Rows:
        heap, rows = view(self._memory.heap), self._table(source.table)
        rows = rows[rows[:, source.of] >= 0]
        members = heap[rows[:, source.of] + P_MEMBER] if source.placed else rows[:, source.of]
        known = heap[members + M_USER] > 0
        rows, (guilds, users) = rows[known], self._whose(members[known])

        def cell(kind: int, number: int) -> Ints:
            if kind in (sources.GUILD, sources.USER):
                return guilds if kind == sources.GUILD else users
            if kind == sources.NULL:
                return np.zeros(len(rows), np.int64)
            of_place = kind in (sources.PLACES, sources.PLACES_CHANNEL)
            values: Ints = heap[rows[:, source.of] + number] if of_place else rows[:, number]
            return heap[values + C_ID] if kind in (sources.CHANNEL, sources.PLACES_CHANNEL) else values

        columns = [cell(kind, number) for kind, number in source.cells]
        named = zip(TABLES[source.name].columns, source.cells, strict=True)
        nulls = {column: np.ones(len(rows), bool) for column, (kind, _) in named if kind == sources.NULL}
        return _rows(source.name, *columns, nulls=nulls)

    # -- the tables ------------------------------------------------------------------------------------------------

    def _add_up(self) -> None:
        """A member's sums are its daily deltas over days and channels."""
        cells = self._table(U_CELLS)
        cells = cells[cells[:, D_PLACE] >= 0]
        values = cells[:, D_VALUES:]
        if not len(cells):
            return
        exp = values[:, list(EXP)].sum(axis=1)
        whose = view(self._memory.heap)[cells[:, D_PLACE] + P_MEMBER]
        members, which = np.unique(whose, return_inverse=True)
        sums = np.zeros((len(members), 5), np.int64)
        for column, added in enumerate([exp, *(values[:, figure] for figure in FIGURES)]):
            np.add.at(sums[:, column], which, added)
        np.maximum.at(sums[:, 4], which, values[:, LAST_AT])
        self._earned(members, sums)

    def _earned(self, members: Ints, sums: Ints) -> None:
        """More sums, by member, ascending."""
        self._earners, self._totals = _united(self._earners, self._totals, members, sums)

    def _totals_rows(self) -> Rows:
        heap = view(self._memory.heap)
        known = heap[self._earners + M_USER] > 0
        members, sums = self._earners[known], self._totals[known]
        began = (heap[members + column] for column in (M_MESSAGE_AT, M_INTERACTION_AT))
        stamps = [np.where(at == NOT_YET, 0, at) for at in began]
        return _rows("totals", *self._whose(members), *(sums[:, i] for i in range(5)), *stamps)

    def _described(self) -> Iterator[Rows]:
        """What holds texts, and what there is little of."""
        yield self._members()
        for name, keyed in self._feed.state.ledger.simple.items():
            rows = [key + values for key, values in keyed.items()]
            if rows:
                yield _rows(name, *(list(column) for column in zip(*rows, strict=True)))

    def _members(self) -> Rows:
        heap, rows = view(self._memory.heap), self._table(U_KNOWN)
        rows = rows[rows[:, K_MEMBER] >= 0]
        rows = rows[heap[rows[:, K_MEMBER] + M_USER] > 0]
        members, said = rows[:, K_MEMBER], rows[:, K_SAID]
        state = heap[members + M_STATE]
        told = {column: said & flag > 0 for column, flag in _SAID.items()}
        sets, which = np.unique(heap[members + M_ROLES], return_inverse=True)
        return _rows(
            "members",
            *self._whose(members),
            _where(told["name"], self._feed.names.of(members[told["name"]])),
            *((state & bit > 0).astype(np.int64) for bit in (BOT, PRESENT, OPTED_OUT)),
            self._roles(sets).taken(which),
            nulls={column: ~is_told for column, is_told in told.items()},
        )

    def _roles(self, sets: Ints) -> Written:
        """The ids in the sets of roles in these rows, each set as a text."""
        return Written.of(",".join(map(str, self._memory.roles_of(row))) for row in sets.tolist())


def _where(wanted: np.ndarray, texts: Written) -> Written:
    """These texts where one is wanted, in their order, and elsewhere empty ones."""
    starts, ends = np.zeros((2, len(wanted)), np.int64)
    starts[wanted], ends[wanted] = texts.starts, texts.ends
    return Written(texts.letters, starts, ends)


def _united(members: Ints, sums: Ints, more: Ints, added: Ints) -> tuple[Ints, Ints]:
    """Sums by member, both ascending, as one: what is of the same member is added up, of the last column the larger."""
    every = np.union1d(members, more)
    united = np.zeros((len(every), 5), np.int64)
    united[np.searchsorted(every, members)] = sums
    at = np.searchsorted(every, more)
    united[at, :4] += added[:, :4]
    united[at, 4] = np.maximum(united[at, 4], added[:, 4])
    return every, united


def _rows(name: str, *columns: Any, nulls: Mapping[str, np.ndarray[Any, Any]] | None = None) -> Rows:
    return Rows(name=name, columns=columns, nulls=nulls or {}, fresh=False)
