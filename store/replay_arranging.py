"""Stretches of the log in canonical order, and numbers for what occurs in them: by what numba compiles, or by numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from store.columns_chunk import Ints
from tracker.events import kinds

__all__ = [
    "BASES", "COLUMNS", "EPOCH", "HEAD", "INSTANT_BITS", "KIND_BITS", "NUMBERED", "SEQUENCE", "WIDTHS", "Arranged",
    "Stretch", "arranged", "numbers_of",
]  # fmt: skip

KIND_BITS: Final = 8
COLUMNS: Final = ("subject", "guild", "channel", "at", "arg", "position")
"""An event's numbers; with the first one in a stretch goes its kind, in the lowest KIND_BITS."""

Bytes = npt.NDArray[np.uint8]

HEAD: Final = 2 * len(COLUMNS) + 2
"""How many numbers of eight bytes a slice begins with: a base and a width in bytes for each of COLUMNS, and, if guilds
and channels are numbers, one more than where among the ids the one with the number 0 is (0: they are the ids); and, if
of message ids only that is there by which they differ from what their instants say, when those began to be counted (0:
all is there). Then the columns follow, each from a multiple of eight bytes on: what is there is unsigned, and the base
to be added."""

SEQUENCE: Final = 0
"""The width of a column that is not there: its numbers count up from the base."""

BASES, WIDTHS, NUMBERED, EPOCH = 0, len(COLUMNS), 2 * len(COLUMNS), 2 * len(COLUMNS) + 1
"""Where in the head what is."""

INSTANT_BITS: Final = 22
"""A message's id is the instant at which it was sent, and so many bits more."""

_SLOTS: Final = 1 << 13
_STEPS: Final = 8
"""So many places an event may be moved to where it belongs, on average; else its guild's events are all sorted."""

_SUBJECT, _GUILD, _CHANNEL, _AT, _ARG, _POSITION = range(6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Where among some bytes a slice begins (see HEAD), and how many `events` are wanted of it: from the `first` on, of
    so many that it has as a `whole`.
    """

    start: int
    first: int
    events: int
    whole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """Events by guild, then `at`, then position. `columns`: COLUMNS. `places`: where each event went."""

    kind: npt.NDArray[np.uint8]
    columns: Ints
    places: Ints


def arranged(raw: Bytes, stretches: Sequence[Stretch], ids: Ints, *, fast: bool) -> Arranged:
    """The events of these stretches, which had best come in the order of the log.

    `ids`: those of guilds and channels, by number. `fast`: numba is there.
    """
    if not fast:
        found = _sorted(raw, stretches, ids)
        _put_right(found)
        return found
    found = _scattered(raw, stretches, ids)
    if not _righted(found):
        _put_right(found)
    return found


def _scattered(raw: Bytes, stretches: Sequence[Stretch], ids: Ints) -> Arranged:
    from store import replay_order

    where = np.array([(s.start, s.first, s.events, s.whole) for s in stretches], np.int64)
    forms = raw, raw.view(np.uint16), raw.view(np.uint32), raw.view(np.int64)
    guild = np.empty(int(where[:, 2].sum()), np.int64)
    replay_order.guilds(*forms, where, ids, guild)
    moved, firsts = numbers_of(guild, guild, fast=True)
    number_of = np.argsort(guild[firsts])
    counts = np.bincount(moved, minlength=len(firsts))
    place = np.empty(len(firsts), np.int64)
    place[number_of] = np.cumsum(counts[number_of]) - counts[number_of]
    kind, columns = np.empty(len(guild), np.uint8), np.empty((len(COLUMNS), len(guild)), np.int64)
    some = np.empty(where[:, 2].max(), np.int64)
    replay_order.scattered(*forms, where, ids, place, moved, kind, columns, some, kinds.MESSAGE_SENT)
    return Arranged(kind=kind, columns=columns, places=moved)


def _sorted(raw: Bytes, stretches: Sequence[Stretch], ids: Ints) -> Arranged:
    whole = np.concatenate([_unpacked(raw, one, ids) for one in stretches], axis=1)
    order = np.argsort(whole[_GUILD], kind="stable")
    columns = np.take(whole, order, axis=1)
    kind = (columns[_SUBJECT] & (1 << KIND_BITS) - 1).astype(np.uint8)
    columns[_SUBJECT] >>= KIND_BITS
    return Arranged(kind=kind, columns=columns, places=_inverse(order))


def _unpacked(raw: Bytes, stretch: Stretch, ids: Ints) -> Ints:
    """The COLUMNS of a slice."""
    head = raw[stretch.start :][: 8 * HEAD].view(np.int64)
    found, at = np.empty((len(COLUMNS), stretch.events), np.int64), stretch.start + 8 * HEAD
    for c, (base, width) in enumerate(zip(head[BASES:WIDTHS].tolist(), head[WIDTHS:NUMBERED].tolist(), strict=True)):
        if width == SEQUENCE:
            found[c] = np.arange(stretch.first, stretch.first + stretch.events)
        else:
            mine = raw[at + stretch.first * width :][: stretch.events * width]
            found[c] = mine.view(np.int64 if width == 8 else np.dtype(f"u{width}"))
        found[c] += base
        at += stretch.whole * width + 7 & ~7
    if head[EPOCH]:
        sent = found[_SUBJECT] & (1 << KIND_BITS) - 1 == kinds.MESSAGE_SENT
        found[_ARG, sent] += found[_AT, sent] - head[EPOCH] << INSTANT_BITS
    if head[NUMBERED]:
        here = ids[head[NUMBERED] - 1 :]
        found[_GUILD], found[_CHANNEL] = here[found[_GUILD]], here[found[_CHANNEL]]
    return found


def _put_right(found: Arranged) -> None:
    """Sort the guilds whose events are not in canonical order yet: history was added to them, or nobody kept order."""
    guild, at, position = (found.columns[c] for c in (_GUILD, _AT, _POSITION))
    later = (at[1:] < at[:-1]) | ((at[1:] == at[:-1]) & (position[1:] < position[:-1]))
    wrong = np.flatnonzero((guild[1:] == guild[:-1]) & later)
    for one in np.unique(guild[wrong]).tolist():
        first, end = np.searchsorted(guild, one), np.searchsorted(guild, one, side="right")
        order = np.lexsort((position[first:end], at[first:end]))
        found.columns[:, first:end] = found.columns[:, first:end][:, order]
        found.kind[first:end] = found.kind[first:end][order]
        here = np.flatnonzero((found.places >= first) & (found.places < end))
        found.places[here] = first + _inverse(order)[found.places[here] - first]


def _righted(found: Arranged) -> bool:
    """Move the events that are not in canonical order yet, if they are few, or nearly where they belong."""
    from store import replay_order

    guild, at, position = (found.columns[c] for c in (_GUILD, _AT, _POSITION))
    came = np.empty(len(guild), np.int64)
    steps = replay_order.righted(guild, at, position, came, _STEPS * len(came) + 1_000)
    if steps > 0:
        places = np.arange(len(came))
        rows = np.flatnonzero(came != places)
        found.columns[:, rows], found.kind[rows] = found.columns[:, came[rows]], found.kind[came[rows]]
        places[came[rows]] = rows
        found.places[:] = places[found.places]
    return bool(steps >= 0)


def _inverse(order: npt.NDArray[np.intp]) -> Ints:
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def numbers_of(a: Ints, b: Ints, *, fast: bool) -> tuple[Ints, Ints]:
    """Of equally long columns, the number of each pair, from 0 on in the order of their coming; and, by number, the
    row where it came first.
    """
    if fast:
        from store import replay_order

        number, firsts = np.empty(len(a), np.int64), np.empty(len(a), np.int64)
        count, slots = -1, _SLOTS
        while count < 0:
            count = replay_order.numbered(a, b, np.zeros(slots, np.int32), number, firsts)
            slots *= 8
        return number, firsts[:count].copy()
    _, of_b = np.unique(b, return_inverse=True)
    _, of_a = np.unique(a, return_inverse=True)
    _, rows, pairs = np.unique(of_a * (int(of_b.max(initial=0)) + 1) + of_b, return_index=True, return_inverse=True)
    order = np.argsort(rows)
    return _inverse(order)[pairs], rows[order]
