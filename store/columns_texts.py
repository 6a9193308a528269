"""What the rows say that `columns_scan` finds: types and texts are numbered there; those that are new are read here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from store import columns_btree as btree
from store.columns_args import PLAIN_ROLES, Args
from store.columns_ask import UnfitError
from store.columns_book import BOOKED, MOVED, MOVED_FROM, known_kinds, known_types
from store.columns_btree import SIZES
from store.columns_chunk import Ints
from store.columns_gather import argued, gathered, roles_in, sifted
from store.columns_rest import Rest, Written
from store.columns_scan import CODED, coded_further, scan
from tracker.events import kinds
from tracker.events.message import message_id_of
from tracker.ids import EventId
from tracker.projections.machine import Entry

__all__ = ["Bytes", "Found", "Place", "Scanner", "Texts", "texts_at"]

Bytes = npt.NDArray[np.uint8]

_ENTRIES, _LETTERS = 1 << 17, 1 << 24
"""Texts in the book, and their bytes. When there are more, a new one begins."""

_EXTRA: Final = 1 << 20
"""Bytes for the rows of a chunk that are too long for their page, to begin with."""

_ROLES: Final = 100_000
"""Of so many roles it is seen to that each is one object, in however many sets it is."""

_APART: Final = 72
"""So much longer are columns than need be: at equal distances of a power of two, they would share few cache lines."""

_DEEPEST: Final = 40
_ID, _TYPE, _TEXT = (2, SIZES), (3, SIZES + 1), (10, SIZES + 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The table `events` in a file's pages; wanted of it are a partition's events, of these guilds (None: all).

    `guilds`: ascending.
    """

    pages: Bytes
    page_size: int
    root: int
    partition: int
    guilds: Ints | None

    @property
    def usable(self) -> int:
        """How many bytes of a page SQLite uses."""
        return self.page_size - int(self.pages[20])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows as columns, which are overwritten by the next ones. `arg` numbers sets of roles as the Args do."""

    position: Ints
    kind: npt.NDArray[np.uint8]
    guild: Ints
    subject: Ints
    channel: Ints
    at: Ints
    arg: Ints
    rest: Rest


class Texts:
    """What the texts of rows say, at most `rows` rows at a time. Several may share `args`, whose turn `turn` says.
    `coded`: that of `columns_book`, compiled together with what finds the rows.

    What finds rows in `pages` puts them into `_columns` (see `columns_btree.SIZES`).
    """

    def __init__(self, pages: Bytes, rows: int, args: Args, turn: Lock, coded: Entry) -> None:
        self._pages, self._rows = pages, rows
        self._args, self._turn, self._coded = args, turn, coded
        self._types, self._how = known_types(), known_kinds()
        wide = rows + _APART
        self._columns = np.zeros((SIZES + 3, wide), np.int64)
        self._kind, self._arg, self._code = np.zeros(wide, np.uint8), np.zeros(wide, np.int64), np.zeros(wide, np.int32)
        self._extra = np.zeros(_EXTRA, np.uint8)
        self._state = np.zeros(5, np.int64)
        self._roles: dict[int, int] = {}
        self._begin()

    def _begin(self) -> None:
        """An empty book."""
        self._slots, self._entries = np.zeros(2 * _ENTRIES, np.int32), np.zeros((_ENTRIES, 4), np.int64)
        self._letters, self._book = np.zeros(_LETTERS, np.uint8), np.zeros(2, np.int64)
        self._numbers = np.zeros(_ENTRIES, np.int64)

    def _finish(self, n: int, coded_upto: int, booked: int) -> None:
        """Args of the rows whose texts are in the book; if it was full, the next ones go into a new book."""
        first = 0
        while True:
            self._learn(booked, int(self._book[BOOKED]))
            argued(self._kind, self._code, self._arg, self._numbers, first, coded_upto)
            if coded_upto == n:
                return
            self._begin()
            first, booked = coded_upto, 0
            coded_upto = self._coded(
                self._pages, self._columns, first, n, self._types, self._how, self._slots, self._entries,
                self._letters, self._book, self._kind, self._code, self._arg,
            )  # fmt: skip
            if coded_upto == first:
                raise UnfitError  # not even an empty book has room for it

    def _found(self, n: int) -> Found:
        columns, kind, arg = self._columns[:, :n], self._kind[:n], self._arg[:n]
        alone, rest, wrong = self._sifted(n)
        odd = alone[kind[alone] == 0]
        if len(odd):
            for i in odd:
                self._odd(i)
            alone, rest, wrong = self._sifted(n)
        if wrong:
            raise UnfitError
        self._read_alone(alone)
        return Found(
            position=columns[1],
            kind=kind,
            guild=columns[5],
            subject=columns[6],
            channel=columns[7],
            at=columns[8],
            arg=arg,
            rest=Rest(
                rows=rest,
                ids=self._written(rest, _ID),
                versions=columns[4][rest],
                recorded_at=columns[9][rest],
                texts=self._written(rest, _TEXT),
            ),
        )

    def _sifted(self, n: int) -> tuple[Ints, Ints, int]:
        """The rows whose texts are to be read alone, those that have a rest, and how many cannot be."""
        alone, rest = np.empty(n, np.int64), np.empty(n, np.int64)
        alones, rests, wrong = sifted(self._kind, self._code, self._arg, n, alone, rest)
        return alone[:alones].copy(), rest[:rests].copy(), wrong

    def _learn(self, booked: int, now: int) -> None:
        """Read the texts that are new in the book."""
        tags, starts, sizes = self._entries[booked:now, 1:].T.copy()
        for tag in np.unique(tags).tolist():
            mine = np.flatnonzero(tags == tag)
            kind, version = tag >> 32, tag & 0xFFFF_FFFF
            if kind == kinds.ROLES_CHANGED and version == 1 and PLAIN_ROLES:
                mine = self._learn_roles(booked, mine, starts, sizes)
            texts = texts_at(self._letters, self._letters, starts[mine], sizes[mine])
            if kind == MOVED:
                kind, texts = kinds.VOICE_MOVED, [f'{MOVED_FROM}1"{text}' for text in texts]
            self._numbers[booked + mine] = self._read(kind, version, texts)

    def _learn_roles(self, booked: int, mine: Ints, starts: Ints, sizes: Ints) -> Ints:
        """Number the sets of roles in those of the new texts that are written as usual; returns the others."""
        ids, counts = np.empty(int(sizes[mine].sum()) // 4 + 1, np.int64), np.empty(len(mine), np.int64)
        one = self._roles
        if len(one) > _ROLES:
            one.clear()
        met = ids[: roles_in(self._letters, starts[mine], sizes[mine], ids, counts)].tolist()
        known = [one.setdefault(role, role) for role in met]
        usual = np.flatnonzero(counts >= 0)
        ends = np.cumsum(counts[usual])
        places = zip((ends - counts[usual]).tolist(), ends.tolist(), strict=True)
        with self._turn:
            self._numbers[booked + mine[usual]] = [self._args.number(tuple(known[a:b])) for a, b in places]
        return mine[counts < 0]

    def _read(self, kind: int, version: int, texts: list[str]) -> list[int]:
        with self._turn:
            found, bad = self._args.read(kind, version, texts)
        if bad:
            raise UnfitError  # the other way says which event it is, and what is wrong
        return found

    def _read_alone(self, rows: npt.NDArray[np.intp]) -> None:
        tags = self._kind[rows].astype(np.int64) << 32 | self._columns[4][rows]
        for tag in np.unique(tags).tolist():
            mine = rows[tags == tag]
            found = self._read(tag >> 32, tag & 0xFFFF_FFFF, self._texts(mine, _TEXT))
            if tag >> 32 != kinds.MESSAGE_SENT:
                self._arg[mine] = found

    def _odd(self, i: np.intp) -> None:
        """A row that does not fit on its page, or whose type nobody knows."""
        only = np.array([i])
        self._kind[i] = kind = kinds.KINDS.get(self._texts(only, _TYPE)[0], 0)
        if not kind:
            raise UnfitError
        if kind == kinds.MESSAGE_SENT:
            try:
                self._arg[i] = message_id_of(EventId(self._texts(only, _ID)[0]))
            except ValueError:
                raise UnfitError from None

    def _texts(self, rows: npt.NDArray[np.intp], column: tuple[int, int]) -> list[str]:
        """A column's texts of some rows."""
        return texts_at(self._pages, self._extra, self._columns[column[0], rows], self._columns[column[1], rows])

    def _written(self, rows: npt.NDArray[np.intp], column: tuple[int, int]) -> Written:
        """The same, of which there are no objects yet."""
        sizes = self._columns[column[1], rows]
        letters, _, _ = _letters_at(self._pages, self._extra, self._columns[column[0], rows], sizes)
        return Written.one_behind_the_other(letters, sizes)


class Scanner(Texts):
    """Finds the rows of a place."""

    def __init__(self, place: Place, rows: int, args: Args, turn: Lock) -> None:
        super().__init__(place.pages, rows, args, turn, coded_further)
        self._place = place
        self._stack, self._steps = np.zeros(_DEEPEST, np.int64), np.zeros(_DEEPEST, np.int64)

    def find(self, after: int, upto: int) -> Iterator[Found]:
        """The events beyond position `after` up to `upto`, in order. Raises UnfitError."""
        place, state = self._place, self._state
        self._stack[0], self._steps[0], state[btree.DEPTH] = place.root, 0, 1
        want = np.array([place.partition, after, upto, place.guilds is not None], np.int64)
        guilds = np.zeros(0, np.int64) if place.guilds is None else place.guilds
        page_size, usable = place.page_size, place.usable
        done = btree.MORE
        while done == btree.MORE:
            state[btree.ROWS] = state[btree.KEPT] = state[CODED] = 0
            booked = int(self._book[BOOKED])
            done = scan(
                self._pages, page_size, usable, self._stack, self._steps, state, want, guilds, self._extra,
                self._columns, self._rows, self._types, self._how, self._slots, self._entries, self._letters,
                self._book, self._kind, self._code, self._arg,
            )  # fmt: skip
            if done == btree.UNFIT:
                raise UnfitError
            n = int(state[btree.ROWS])
            if n:
                self._finish(n, int(state[CODED]), booked)
                yield self._found(n)
            elif done == btree.MORE and not state[btree.KEPT]:
                self._extra = np.zeros(4 * len(self._extra), np.uint8)  # there was no room for a single row


def texts_at(pages: Bytes, extra: Bytes, starts: Ints, sizes: Ints) -> list[str]:
    """The texts that begin there; places beyond the end of the pages are in `extra`. Raises UnfitError: not UTF-8."""
    _, letters, counts = _letters_at(pages, extra, starts, sizes)
    ends = np.cumsum(counts)
    return [letters[a:b] for a, b in zip((ends - counts).tolist(), ends.tolist(), strict=True)]


def _letters_at(pages: Bytes, extra: Bytes, starts: Ints, sizes: Ints) -> tuple[Bytes, str, Ints]:
    """The same one behind the other, as bytes and as a text; and how many letters each has in it."""
    out, counts = np.empty(int(sizes.sum()), np.uint8), np.empty(len(sizes), np.int64)
    sound = gathered(pages, extra, starts, sizes, out, counts)
    try:
        letters = out.tobytes().decode()
    except UnicodeDecodeError:
        sound = False
    if not sound:
        raise UnfitError
    return out, letters, counts
