"""The events of one group of guilds, from wherever they are, as columns in canonical order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from store.columns import EventColumns
from store.columns_chunk import ARRAYS, Ints, Rest
from store.columns_roles import RoleSets
from store.columns_slices import Kept
from store.replay_arranging import BASES, HEAD, NUMBERED, Stretch, arranged
from tracker.events.envelope import RecordedEvent

if TYPE_CHECKING:
    from store.archive_blocks import Said
    from store.archive_stored import Piece

__all__ = ["Gathering", "up_to"]

_POSITION = 5
_decode = msgspec.msgpack.Decoder(Kept).decode


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is said of some of the gathered events beyond their numbers: those at `rows`."""

    rows: Ints
    ids: list[str]
    versions: list[int]
    recorded_at: list[int]
    texts: list[str]
    positions: list[int] | None


@dataclass(frozen=True, slots=True)
class _Changed:
    """Whose roles changed: the gathered events at `rows`, and `which` of these sets they then are."""

    rows: Ints
    which: Ints
    role_sets: list[tuple[int, ...]]


class Gathering:
    """Takes slices and pieces of blocks, those of the earlier events first. `ids`: what numbers in slices stand for."""

    def __init__(self, ids: Ints) -> None:
        self._ids = [ids]
        self._known = len(ids)
        self._parts: list[npt.NDArray[np.uint8]] = []
        self._start = self._events = 0
        self._stretches: list[Stretch] = []
        self._rests: list[_Rest] = []
        self._changed: list[_Changed] = []

    def add_slice(self, raw: npt.NDArray[np.uint8], events: int, size: int, rest: int) -> None:
        """A slice as a replay puts it down: numbers of this size, and then what is in no column."""
        if rest:
            kept = _decode(raw[size : size + rest].data)
            rows = self._events + np.array(kept.rows, np.int64)
            self._rests.append(_Rest(rows, kept.ids, kept.versions, kept.recorded_at, kept.texts, None))
        self._add(raw[:size], Stretch(start=self._start, first=0, events=events, whole=events))

    def add_piece(self, piece: Piece) -> None:
        """Some rows of a block of an archived segment."""
        if piece.said is not None:
            self._hear(piece.said, piece.first, piece.end)
        numbers = piece.numbers.copy()
        head = numbers[: 8 * HEAD].view(np.int64)
        head[NUMBERED] = self._known + 1
        head[BASES + _POSITION] = piece.position
        self._ids.append(piece.ids)
        self._known += len(piece.ids)
        events = piece.end - piece.first
        self._add(numbers, Stretch(start=self._start, first=piece.first, events=events, whole=piece.events))

    def _add(self, numbers: npt.NDArray[np.uint8], stretch: Stretch) -> None:
        self._parts.append(numbers)
        self._stretches.append(stretch)
        self._start += len(numbers)
        self._events += stretch.events

    def _hear(self, said: Said, first: int, end: int) -> None:
        low, high = bisect_left(said.rows, first), bisect_left(said.rows, end)
        moved = self._events - first
        if low < high:
            mine = (said.ids, said.versions, said.recorded_at, said.texts, said.positions)
            rows = moved + np.array(said.rows[low:high], np.int64)
            self._rests.append(_Rest(rows, *(one[low:high] for one in mine)))  # type: ignore[arg-type]
        low, high = bisect_left(said.changed, first), bisect_left(said.changed, end)
        if low < high:
            rows, which = (np.array(one[low:high], np.int64) for one in (said.changed, said.which))
            self._changed.append(_Changed(moved + rows, which, said.role_sets))

    def columns(
        self, lookup: Callable[[EventColumns, int], RecordedEvent], role_sets: RoleSets, *, fast: bool
    ) -> EventColumns:
        """The events by guild, then `at`, then position. `fast`: numba is there."""
        found = arranged(np.concatenate(self._parts), self._stretches, np.concatenate(self._ids), fast=fast)
        subject, guild, channel, at, arg, position = found.columns
        for one in self._changed:
            arg[found.places[one.rows]] = np.array(role_sets.numbers(one.role_sets), np.int64)[one.which]
        for rest in self._rests:
            if rest.positions is not None:
                position[found.places[rest.rows]] = rest.positions
        return EventColumns(
            kind=found.kind,
            subject=subject,
            guild=guild,
            channel=channel,
            at=at,
            arg=arg,
            position=position,
            rest=self._rest(found.places),
            lookup=lookup,
        )

    def _rest(self, place: Ints) -> Rest:
        """What is in no column, by the rows in their new order."""
        places = place[np.concatenate([np.zeros(0, np.int64), *(one.rows for one in self._rests)])]
        sorting = np.argsort(places)
        order = sorting.tolist()

        def in_order(lists: Iterator[list[Any]]) -> list[Any]:
            whole = [value for one in lists for value in one]
            return [whole[i] for i in order]

        return Rest(
            rows=places[sorting],
            ids=in_order(one.ids for one in self._rests),
            versions=in_order(one.versions for one in self._rests),
            recorded_at=in_order(one.recorded_at for one in self._rests),
            texts=in_order(one.texts for one in self._rests),
        )


def up_to(columns: EventColumns, until: int) -> EventColumns:
    """Those that occurred up to the instant."""
    wanted = columns.at <= until
    if wanted.all():
        return columns
    kept = wanted[columns.rest.rows].tolist()
    rest = columns.rest

    def picked(values: list[Any]) -> list[Any]:
        return [value for value, is_kept in zip(values, kept, strict=True) if is_kept]

    arrays: dict[str, Any] = {name: getattr(columns, name)[wanted] for name in ARRAYS}
    return EventColumns(
        **arrays,
        rest=Rest(
            rows=(np.cumsum(wanted) - 1)[rest.rows[wanted[rest.rows]]],
            ids=picked(rest.ids),
            versions=picked(rest.versions),
            recorded_at=picked(rest.recorded_at),
            texts=picked(rest.texts),
        ),
        lookup=columns.lookup,
    )
