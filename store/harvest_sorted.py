"""The read models' rows as matrices in the order of their keys, made by what numba compiles (`store.harvest_rows`).

They are those of `store.harvest`, which goes on to make what holds texts; only sooner, and off the interpreter's lock.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from store import harvest_rows as compiled
from store.columns_chunk import Ints
from store.columns_rest import Written
from store.harvest import EXP, FIGURES, Harvest, Rows
from store.harvest_sources import CHANNEL, GUILD, NULL, OWN, PLACES, PLACES_CHANNEL, USER, Source
from store.replay_feed import Feed, view
from store.shadow_rows import Sorted, merged, order_of, ranks_of
from tracker.projections.kernel.layout import (
    C_ID, D_VALUES, G_ID, LAST_AT, L_FROM, L_TO, M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT, M_USER, NOT_YET, P_CHANNEL,
    P_MEMBER, TOP, U_CELLS, U_CHANNELS, U_GUILDS, WIDTHS,
)  # fmt: skip
from tracker.projections.rows import TABLES

__all__ = ["SortedHarvest"]

Seen = npt.NDArray[np.int32]

_NUMBERS: Final = np.array([M_USER, M_GUILD, G_ID, C_ID, P_MEMBER, P_CHANNEL], np.int64)
_MOST_BITS: Final = 40
"""Numbers of a key that are further apart are replaced by their ranks."""
_STEPS: Final = 8
"""So many times a row may be moved to its place, on average; else all keys are compared as a whole."""

if tuple(range(compiled.KINDS)) != (OWN, GUILD, USER, CHANNEL, PLACES, PLACES_CHANNEL, NULL):
    raise AssertionError("kinds of cells are not numbered as what is compiled has them")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Where rows of a table of the kernel's are that count."""

    source: Source
    rows: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranks:
    """`of`: by the offset of a guild, a channel or a member, its rank, from 1 on. `members`: by (guild id, user id)."""

    of: np.ndarray
    members: Ints


class SortedHarvest(Harvest):
    """A harvest whose rows are sorted where they hold numbers only.

    Wherever one member has two rows in the kernel's memory (which then are to be merged), it is as any harvest.
    """

    def __init__(self, feed: Feed, partition: int) -> None:
        super().__init__(feed)
        self._partition = partition

    def _numbers(self, wanted: Sequence[Source], *, last: bool) -> Iterator[Rows | Sorted]:
        found, members, seen = self._found(wanted)
        ranks = self._ranked(self._all_who(members, seen) if last else members, seen)
        if ranks is None:
            yield from super()._numbers(wanted, last=last)
            return
        for one in found:
            if one.source.table == U_CELLS:
                self._sum_up(one.rows, ranks)
        by_name: dict[str, list[_Found]] = {}
        for one in found:
            by_name.setdefault(one.source.name, []).append(one)
        made = [self._made(several, ranks) for several in by_name.values()]
        if last:
            made.append(self._sums(ranks))
        yield from made

    # -- what there is ---------------------------------------------------------------------------------------------

    def _found(self, wanted: Sequence[Source]) -> tuple[list[_Found], Ints, Seen]:
        """The rows of each source, and whose they are; by their offsets, who was seen.

        Most of those are never looked at: they are zeros, of which the system makes memory only where something is put.
        """
        heap, memory = view(self._memory.heap), self._memory
        seen = np.zeros(int(heap[TOP]), np.int32)
        found, members = [], [np.zeros(0, np.int64)]
        for source in wanted:
            parts = np.array(list(memory.parts(source.table)), np.int64).reshape(-1, 2)
            most = int((parts[:, 1] - parts[:, 0]).sum()) // WIDTHS[source.table]
            rows, whose = np.empty(most, np.int64), np.empty(most, np.int64)
            width, of, placed = WIDTHS[source.table], source.of, source.placed
            n, others = compiled.found(heap, _NUMBERS, parts, width, of, placed, seen, rows, whose)
            found.append(_Found(source=source, rows=rows[:n]))
            members.append(whose[:others].copy())
        return found, np.concatenate(members), seen

    def _all_who(self, members: Ints, seen: Seen) -> Ints:
        """These members, and those who ever earned anything but were not seen."""
        return np.concatenate([members, self._earners[seen[self._earners] == 0]])

    def _ranked(self, members: Ints, of: Seen) -> _Ranks | None:
        """None: two of them are the same member. `of`: zeros, but for them; it becomes that of the ranks."""
        heap, memory = view(self._memory.heap), self._memory
        for table, number in ((U_GUILDS, G_ID), (U_CHANNELS, C_ID)):
            rows = np.fromiter(memory.rows(table), np.int64)
            of[rows] = ranks_of(heap[rows + number]) + 1 if len(rows) else 0
        guilds, users = of[heap[members + M_GUILD]].astype(np.int64), heap[members + M_USER]
        order = order_of([guilds, users]) if len(members) else np.zeros(0, np.int64)
        members, guilds, users = members[order], guilds[order], users[order]
        if ((guilds[1:] == guilds[:-1]) & (users[1:] == users[:-1])).any():
            return None
        of[members] = np.arange(1, len(members) + 1)
        return _Ranks(of=of, members=members)

    # -- rows ------------------------------------------------------------------------------------------------------

    def _made(self, found: Sequence[_Found], ranks: _Ranks) -> Sorted:
        """The rows of one read model, of one source or more."""
        heap = view(self._memory.heap)
        table = TABLES[found[0].source.name]
        order, same = self._order(found, ranks, len(table.key))
        rows = np.empty((len(order), len(table.columns) + 2), np.int64)
        some, first = np.empty((3, compiled.BLOCK), np.int64), 0
        for one in found:
            cells, of, placed = np.array(one.source.cells, np.int64), one.source.of, one.source.placed
            compiled.gathered(heap, _NUMBERS, cells, one.rows, of, placed, order, first, rows, self._partition, some)
            first += len(one.rows)
        if same:
            rows = merged(table, rows)[0]
        return Sorted(name=table.name, rows=rows)

    def _order(self, found: Sequence[_Found], ranks: _Ranks, width: int) -> tuple[Ints, int]:
        """The order of all these rows by key, and how many of them have that of the one before."""
        heap = view(self._memory.heap)
        count = sum(len(one.rows) for one in found)
        if not count:
            return np.zeros(0, np.int64), 0
        images = np.empty((width, count), np.int64)
        bounds = np.tile(np.array([np.iinfo(np.int64).max, np.iinfo(np.int64).min], np.int64), (width, 1))
        first = 0
        for one in found:
            cells, of, placed = np.array(one.source.cells[:width], np.int64), one.source.of, one.source.placed
            compiled.images(heap, _NUMBERS, cells, one.rows, of, placed, ranks.of, images, first, bounds)
            first += len(one.rows)
        return _sorted(images, bounds)

    # -- sums ------------------------------------------------------------------------------------------------------

    def _sum_up(self, rows: Ints, ranks: _Ranks) -> None:
        heap, count = view(self._memory.heap), len(ranks.members)
        sums, earned = np.zeros((count, len(FIGURES) + 2), np.int64), np.zeros(count, bool)
        exp, figures = np.array(EXP, np.int64), np.array(FIGURES, np.int64)
        compiled.added_up(heap, _NUMBERS, rows, D_VALUES, exp, figures, LAST_AT, ranks.of, earned, sums)
        members = ranks.members[earned]
        order = np.argsort(members)
        self._earned(members[order], sums[earned][order])

    def _sums(self, ranks: _Ranks) -> Sorted:
        """The sums of all who ever earned anything."""
        heap = view(self._memory.heap)
        known = heap[self._earners + M_USER] > 0
        members, sums = self._earners[known], self._totals[known]
        order = np.argsort(ranks.of[members])
        members, sums = members[order], sums[order]
        table, width = TABLES["totals"], sums.shape[1]
        rows = np.zeros((len(members), len(table.columns) + 2), np.int64)
        rows[:, 0] = self._partition
        rows[:, 1], rows[:, 2] = self._whose(members)
        rows[:, 3 : 3 + width] = sums
        for i, began in enumerate((M_MESSAGE_AT, M_INTERACTION_AT), start=3 + width):
            rows[:, i] = np.where(heap[members + began] == NOT_YET, 0, heap[members + began])
        return Sorted(name=table.name, rows=rows)

    # -- texts -----------------------------------------------------------------------------------------------------

    def _roles(self, sets: Ints) -> Written:
        heap = view(self._memory.heap)
        first, end = heap[sets + L_FROM], heap[sets + L_TO]
        letters = np.empty(compiled.LONGEST * int((end - first).sum()), np.uint8)
        sizes = np.empty(len(sets), np.int64)
        size = compiled.listed(heap, first, end, letters, sizes)
        return Written.one_behind_the_other(letters[:size], sizes)


def _sorted(images: Ints, bounds: Ints) -> tuple[Ints, int]:
    """The order of keys, given column by column, and how many are the same as the one before.

    Numbers of 64 bits are sorted many times faster by themselves than along with others: so as much of each key as fits
    goes into one, with the row's place; what is alike so far is put in its place afterwards.
    """
    count = images.shape[1]
    place_bits = (count - 1).bit_length()
    left, widths, shifts = 63 - place_bits, np.zeros(len(images), np.int64), np.zeros(len(images), np.int64)
    for c, (low, high) in enumerate(bounds.tolist()):
        if high - low >> _MOST_BITS:
            images[c] = ranks_of(images[c])
            low, high = bounds[c] = 0, int(images[c].max())
        needed = (high - low).bit_length()
        widths[c] = min(needed, left)
        shifts[c] = needed - widths[c]
        left -= int(widths[c])
    order = np.empty(count, np.int64)
    compiled.packed(images, bounds, widths, shifts, place_bits, order)
    order.sort()
    same = compiled.put_right(images, order, place_bits, _STEPS * count + 1_000)
    if same < 0:
        order = np.lexsort(images[::-1])
        same = int((images[:, order[1:]] == images[:, order[:-1]]).all(axis=0).sum())
    return order, int(same)
