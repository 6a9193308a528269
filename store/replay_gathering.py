"""The events of one group of guilds, from wherever they are, as columns in canonical order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from store.columns import EventColumns
from store.columns_chunk import ARRAYS, Ints
from store.columns_rest import Kept, Rest, Written
from store.columns_roles import Packed, RoleSets
from store.replay_arranging import BASES, NUMBERED, Stretch, arranged
from tracker.events.envelope import RecordedEvent

if TYPE_CHECKING:
    from store.archive_blocks import Said
    from store.archive_stored import Piece

__all__ = ["Gathering", "up_to"]

_POSITION: Final = 5
_WORD: Final = 8
_ROWS, _IDS, _TEXTS = 0, 3, 4
"""Which numbers of a Kept these are."""
_decode = msgspec.msgpack.Decoder(Kept).decode


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is said of the gathered events beyond their numbers, as parts: `kept`, of which the rows count from `moved`
    on. `positions`: those of the gathered events at `at`.
    """

    kept: list[Ints] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    at: list[Ints] = field(default_factory=list)
    positions: list[Ints] = field(default_factory=list)

    def add(self, numbers: Ints, ids: bytes, texts: bytes, moved: int) -> None:
        self.kept.append(numbers)
        self.moved.append(moved)
        self.ids.append(ids)
        self.texts.append(texts)

    def rest(self, places: Ints) -> Rest:
        """All of it, by the rows in their new order. `places`: where each event went."""
        if not self.kept:
            return Rest.none()
        rows, versions, recorded_at, ids, texts = np.concatenate(self.kept, axis=1)
        rows = places[rows + np.repeat(self.moved, [one.shape[1] for one in self.kept])]
        order = np.argsort(rows)
        return Rest(
            rows=rows[order],
            ids=Written.one_behind_the_other(b"".join(self.ids), ids).taken(order),
            versions=versions[order],
            recorded_at=recorded_at[order],
            texts=Written.one_behind_the_other(b"".join(self.texts), texts).taken(order),
        )


@dataclass(frozen=True, slots=True)
class _Changed:
    """Whose roles changed: the gathered events at `rows`, and `which` of these sets they then are."""

    rows: list[Ints] = field(default_factory=list)
    which: list[Ints] = field(default_factory=list)
    sizes: list[bytes] = field(default_factory=list)
    roles: list[bytes] = field(default_factory=list)


class Gathering:
    """Takes slices and pieces of blocks, those of the earlier events first. `ids`: what numbers in slices stand for."""

    def __init__(self, ids: Ints) -> None:
        self._ids = [ids]
        self._known = len(ids)
        self._parts: list[npt.NDArray[np.uint8]] = []
        self._start = self._events = 0
        self._stretches: list[Stretch] = []
        self._pieces: list[tuple[int, int, int]] = []
        self._heard = _Heard()
        self._changed = _Changed()
        self._sets = 0

    def add_slice(self, raw: npt.NDArray[np.uint8], events: int, size: int, rest: int) -> None:
        """A slice as a replay puts it down: numbers of this size, and then what is in no column."""
        if rest:
            kept = _decode(raw[size : size + rest].data)
            self._heard.add(kept.matrix(), kept.ids, kept.texts, self._events)
        self._add(raw[:size], Stretch(start=self._start, first=0, events=events, whole=events))

    def add_piece(self, piece: Piece) -> None:
        """Some rows of a block of an archived segment."""
        if piece.said is not None:
            self._hear(piece.said, piece.first, piece.end, piece.events)
        self._pieces.append((self._start // _WORD, self._known + 1, piece.position))
        self._ids.append(piece.ids)
        self._known += len(piece.ids)
        events = piece.end - piece.first
        self._add(piece.numbers, Stretch(start=self._start, first=piece.first, events=events, whole=piece.events))

    def _add(self, numbers: npt.NDArray[np.uint8], stretch: Stretch) -> None:
        self._parts.append(numbers)
        self._stretches.append(stretch)
        self._start += len(numbers)
        self._events += stretch.events

    def _hear(self, said: Said, first: int, end: int, whole: int) -> None:
        """What is said of the rows from `first` to before `end` of a block that has so many as a `whole`."""
        moved, numbers, ids, texts = self._events - first, said.kept.matrix(), said.kept.ids, said.kept.texts
        positions, changed = np.frombuffer(said.positions, np.int64), np.frombuffer(said.changed, np.int64)
        changed = changed.reshape(2, -1)
        if first or end < whole:
            low, high = np.searchsorted(numbers[_ROWS], (first, end)).tolist()
            ids, texts = (
                letters[int(sizes[:low].sum()) : int(sizes[:high].sum())]
                for letters, sizes in ((ids, numbers[_IDS]), (texts, numbers[_TEXTS]))
            )
            numbers, positions = numbers[:, low:high], positions[low:high]
            low, high = np.searchsorted(changed[0], (first, end)).tolist()
            changed = changed[:, low:high]
        if len(positions):
            self._heard.add(numbers, ids, texts, moved)
            self._heard.at.append(numbers[_ROWS] + moved)
            self._heard.positions.append(positions)
        if changed.shape[1]:
            self._changed.rows.append(changed[0] + moved)
            self._changed.which.append(changed[1] + self._sets)
            self._changed.sizes.append(said.sizes)
            self._changed.roles.append(said.roles)
            self._sets += len(said.sizes) // _WORD

    def columns(
        self, lookup: Callable[[EventColumns, int], RecordedEvent], role_sets: RoleSets, *, fast: bool
    ) -> EventColumns:
        """The events by guild, then `at`, then position. `fast`: numba is there."""
        found = arranged(self._raw(), self._stretches, np.concatenate(self._ids), fast=fast)
        subject, guild, channel, at, arg, position = found.columns
        changed, heard = self._changed, self._heard
        if changed.rows:
            numbers = role_sets.given(Packed.sized(b"".join(changed.roles), b"".join(changed.sizes)))
            arg[found.places[np.concatenate(changed.rows)]] = numbers[np.concatenate(changed.which)]
        if heard.at:
            position[found.places[np.concatenate(heard.at)]] = np.concatenate(heard.positions)
        return EventColumns(
            kind=found.kind,
            subject=subject,
            guild=guild,
            channel=channel,
            at=at,
            arg=arg,
            position=position,
            rest=heard.rest(found.places),
            lookup=lookup,
        )

    def _raw(self) -> npt.NDArray[np.uint8]:
        """All numbers. What a block cannot know is said in the heads of its slices: see `replay_arranging.HEAD`."""
        raw = np.concatenate(self._parts)
        if self._pieces:
            at, known, position = np.array(self._pieces, np.int64).T
            heads = raw.view(np.int64)
            heads[at + NUMBERED], heads[at + BASES + _POSITION] = known, position
        return raw


def up_to(columns: EventColumns, until: int) -> EventColumns:
    """Those that occurred up to the instant."""
    wanted = columns.at <= until
    if wanted.all():
        return columns
    kept = np.flatnonzero(wanted[columns.rest.rows])
    arrays: dict[str, Any] = {name: getattr(columns, name)[wanted] for name in ARRAYS}
    rows = (np.cumsum(wanted) - 1)[columns.rest.rows[kept]]
    return EventColumns(**arrays, rest=columns.rest.taken(kept, rows), lookup=columns.lookup)
