"""Chunks of what `columns_btree` found: numbers are there already; types and texts are numbered (`columns_book`) and
those that are new are read.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from store.columns_args import REPEATING, TYPES, Args
from store.columns_ask import UnfitError
from store.columns_book import coded, hashed
from store.columns_btree import SIZES
from store.columns_chunk import HAS_REST, Chunk, Ints, Rest, own_sets
from tracker.events import kinds
from tracker.events.message import message_id_of
from tracker.ids import EventId

__all__ = ["Bytes", "Texts"]

Bytes = npt.NDArray[np.uint8]

_ENTRIES, _LETTERS = 1 << 17, 1 << 24
"""Texts in the book, and their bytes. When there are more, a new one begins."""

_TYPES: Final = 128
_ID, _TYPE, _TEXT = (2, SIZES), (3, SIZES + 1), (10, SIZES + 2)


class Texts:
    """Makes chunks of columns of `columns_btree.walk` over `pages`, at most `rows` rows in each."""

    def __init__(self, pages: Bytes, rows: int) -> None:
        self._pages = pages
        self._names, self._types = _types()
        self._repeating = np.array([k in REPEATING for k in range(256)])
        self._kind, self._arg = np.zeros(rows, np.uint8), np.zeros(rows, np.int64)
        self._code = np.zeros(rows, np.int32)
        self._args = Args()
        self._begin()

    def _begin(self) -> None:
        """An empty book."""
        self._slots, self._entries = np.zeros(2 * _ENTRIES, np.int32), np.zeros((4, _ENTRIES), np.int64)
        self._letters, self._state = np.zeros(_LETTERS, np.uint8), np.zeros(2, np.int64)
        self._numbers = np.zeros(_ENTRIES, np.int64)

    def chunk(self, columns: npt.NDArray[np.int64], extra: Bytes) -> Chunk:
        """The rows of `columns`. Texts beyond the end of the pages are in `extra`. Raises UnfitError."""
        n = columns.shape[1]
        self._number(columns)
        kind, arg = self._kind[:n].copy(), self._arg[:n].copy()
        single = np.flatnonzero(self._code[:n] < 0)
        for i in single[kind[single] == 0]:
            self._odd(columns, extra, i, kind, arg)
        if not arg[kind == kinds.MESSAGE_SENT].all():
            raise UnfitError
        texts = self._texts(columns, extra, single, _TEXT)
        self._read_single(single, kind, columns[4], texts, arg)
        has_rest = np.flatnonzero(HAS_REST[kind[single]])
        rest = single[has_rest]
        return Chunk(
            position=columns[1].copy(),
            kind=kind,
            guild=columns[5].copy(),
            subject=columns[6].copy(),
            channel=columns[7].copy(),
            at=columns[8].copy(),
            arg=arg,
            role_sets=own_sets(kind, arg, self._args.role_sets),
            rest=Rest(
                rows=rest,
                ids=self._texts(columns, extra, rest, _ID),
                versions=columns[4][rest].tolist(),
                recorded_at=columns[9][rest].tolist(),
                texts=[texts[i] for i in has_rest.tolist()],
            ),
        )

    def _number(self, columns: npt.NDArray[np.int64]) -> None:
        """Kinds and args of the rows whose texts are in the book."""
        done, n = 0, columns.shape[1]
        while done < n:
            booked, first = int(self._state[0]), done
            done = coded(
                self._pages, columns, np.array([first, n]), self._types, self._names, self._slots, self._entries,
                self._letters, self._state, self._kind, self._code, self._arg, self._repeating,
            )  # fmt: skip
            self._learn(booked, int(self._state[0]))
            rows = first + np.flatnonzero(
                (self._code[first:done] >= 0) & (self._kind[first:done] != kinds.MESSAGE_SENT)
            )
            self._arg[rows] = self._numbers[self._code[rows]]
            if done < n:
                if not booked and done == first:
                    raise UnfitError  # not even an empty book has room for it
                self._begin()

    def _learn(self, booked: int, now: int) -> None:
        """Read the texts that are new in the book."""
        _, tags, starts, sizes = self._entries[:, booked:now]
        letters = self._letters.data
        for tag in np.unique(tags).tolist():
            mine = np.flatnonzero(tags == tag)
            places = zip(starts[mine].tolist(), sizes[mine].tolist(), strict=True)
            texts = [_decoded(letters[at : at + size]) for at, size in places]
            self._numbers[booked + mine] = self._read(tag >> 32, tag & 0xFFFF_FFFF, texts)

    def _read(self, kind: int, version: int, texts: list[str]) -> list[int]:
        found, bad = self._args.read(kind, version, texts)
        if bad:
            raise UnfitError  # the other way says which event it is, and what is wrong
        return found

    def _read_single(
        self, rows: npt.NDArray[np.intp], kind: npt.NDArray[np.uint8], version: Ints, texts: list[str], arg: Ints
    ) -> None:
        tags = kind[rows].astype(np.int64) << 32 | version[rows]
        for tag in np.unique(tags).tolist():
            mine = np.flatnonzero(tags == tag)
            found = self._read(tag >> 32, tag & 0xFFFF_FFFF, [texts[i] for i in mine.tolist()])
            if tag >> 32 != kinds.MESSAGE_SENT:
                arg[rows[mine]] = found

    def _odd(
        self, columns: npt.NDArray[np.int64], extra: Bytes, i: np.intp, kind: npt.NDArray[np.uint8], arg: Ints
    ) -> None:
        """A row that does not fit on its page, or whose type nobody knows."""
        only = np.array([i])
        kind[i] = kinds.KINDS.get(self._texts(columns, extra, only, _TYPE)[0], 0)
        if not kind[i]:
            raise UnfitError
        if kind[i] == kinds.MESSAGE_SENT:
            try:
                arg[i] = message_id_of(EventId(self._texts(columns, extra, only, _ID)[0]))
            except ValueError:
                raise UnfitError from None

    def _texts(
        self, columns: npt.NDArray[np.int64], extra: Bytes, rows: npt.NDArray[np.intp], column: tuple[int, int]
    ) -> list[str]:
        """A column's texts of some rows."""
        pages, beyond, end = self._pages.data, extra.data, len(self._pages)
        starts, sizes = columns[column[0], rows].tolist(), columns[column[1], rows].tolist()
        return [
            _decoded(pages[at : at + size] if at < end else beyond[at - end : at - end + size])
            for at, size in zip(starts, sizes, strict=True)
        ]


def _decoded(text: memoryview) -> str:
    try:
        return str(text, "utf-8")
    except UnicodeDecodeError:
        raise UnfitError from None


def _types() -> tuple[Bytes, Ints]:
    """The names that `columns_book.coded` knows, and where it finds them."""
    names, types = bytearray(b"message:"), np.zeros((_TYPES, 3), np.int64)
    for kind, name in TYPES.items():
        text = np.frombuffer(name.encode(), np.uint8)
        slot = hashed(text.copy(), 0, len(text), 0) & (_TYPES - 1)
        while types[slot, 0]:
            slot = (slot + 1) & (_TYPES - 1)
        types[slot] = kind, len(names), len(text)
        names += text.tobytes()
    return np.frombuffer(names, np.uint8).copy(), types
