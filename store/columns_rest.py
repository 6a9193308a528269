"""What of some events is in no column: their ids and their texts, of which there is no object until somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, overload

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["Kept", "Rest", "Written"]

_Ints = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Written(Sequence[str]):
    """Texts in UTF-8, each somewhere among `letters`: those of a whole log would be millions of objects."""

    letters: _Bytes
    starts: _Ints
    ends: _Ints

    @classmethod
    def of(cls, texts: Iterable[str | bytes]) -> Written:
        """These texts."""
        encoded = [text.encode() if isinstance(text, str) else text for text in texts]
        return cls.one_behind_the_other(b"".join(encoded), np.array([len(one) for one in encoded], np.int64))

    @classmethod
    def one_behind_the_other(cls, letters: bytes | _Bytes, sizes: _Ints) -> Written:
        """Texts of so many bytes each."""
        ends = np.cumsum(sizes, dtype=np.int64)
        return cls(np.frombuffer(letters, np.uint8), ends - sizes, ends)

    @classmethod
    def joined(cls, several: Sequence[Written]) -> Written:
        """The texts of all of them."""
        if several and all(one.letters is several[0].letters for one in several):
            starts, ends = ([one.starts for one in several], [one.ends for one in several])
            return cls(several[0].letters, np.concatenate(starts), np.concatenate(ends))
        before = np.cumsum([0, *(len(one.letters) for one in several)]).tolist()
        moved = list(zip(several, before, strict=False))  # the last sum is the end of them all
        return cls(
            np.concatenate([_NO_LETTERS, *(one.letters for one in several)]),
            np.concatenate([_NONE, *(one.starts + by for one, by in moved)]),
            np.concatenate([_NONE, *(one.ends + by for one, by in moved)]),
        )

    @property
    def sizes(self) -> _Ints:
        """How many bytes each has."""
        return self.ends - self.starts

    def tolist(self) -> list[str]:
        """All of them, as an array gives its numbers."""
        return list(self)

    def taken(self, which: _Ints) -> Written:
        """Some of them, in the order given."""
        return Written(self.letters, self.starts[which], self.ends[which])

    def between(self, first: int, end: int) -> Written:
        """Those from `first` to before `end` without the others' letters, if each begins where the last one ends."""
        begin, last = (int(self.starts[first]), int(self.ends[end - 1])) if first < end else (0, 0)
        return Written(self.letters[begin:last], self.starts[first:end] - begin, self.ends[first:end] - begin)

    def packed(self) -> bytes:
        """Their letters, one text behind the other."""
        if (self.starts[1:] == self.ends[:-1]).all():
            return self.letters[self.starts[0] : self.ends[-1]].tobytes() if len(self.starts) else b""
        sizes = self.sizes
        ends = np.cumsum(sizes)
        return self.letters[np.arange(int(ends[-1])) + np.repeat(self.starts - ends + sizes, sizes)].tobytes()

    def bytes(self) -> Iterator[memoryview]:
        """One after the other, as they are."""
        letters = self.letters.data
        return (letters[a:b] for a, b in zip(self.starts.tolist(), self.ends.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice[Any, Any, Any]) -> Written: ...

    def __getitem__(self, index: int | slice[Any, Any, Any]) -> str | Written:
        if isinstance(index, slice):
            return Written(self.letters, self.starts[index], self.ends[index])
        return str(self.letters[self.starts[index] : self.ends[index]].data, "utf-8")

    def __iter__(self) -> Iterator[str]:
        letters, ends = self.packed(), np.cumsum(self.sizes).tolist()
        if letters.isascii():  # then a letter is a byte
            text = letters.decode()
            return iter([text[a:b] for a, b in pairwise([0, *ends])])
        return iter([letters[a:b].decode() for a, b in pairwise([0, *ends])])

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


_NONE: Final = np.zeros(0, np.int64)
_NO_LETTERS: Final = np.zeros(0, np.uint8)


class Kept(msgspec.Struct, array_like=True):
    """A Rest as bytes: of each row the number, the version, recorded_at, and how many bytes its id and its text have
    (64 bits each, all rows' numbers first); and those.
    """

    numbers: bytes
    ids: bytes
    texts: bytes

    def matrix(self) -> _Ints:
        """The numbers, by what they are. Raises ValueError."""
        return np.frombuffer(self.numbers, np.int64).reshape(_KEPT, -1)

    def rest(self) -> Rest:
        """What it was made of. Raises ValueError."""
        rows, versions, recorded_at, ids, texts = self.matrix()
        return Rest(
            rows=rows,
            ids=Written.one_behind_the_other(self.ids, ids),
            versions=versions,
            recorded_at=recorded_at,
            texts=Written.one_behind_the_other(self.texts, texts),
        )


_KEPT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rest:
    """What of some rows is in no column. `rows`: which they are, ascending; all else is as long."""

    rows: npt.NDArray[np.intp]
    ids: Written
    versions: _Ints
    recorded_at: _Ints
    texts: Written

    @classmethod
    def none(cls) -> Rest:
        """Of no row."""
        nothing = Written(_NO_LETTERS, _NONE, _NONE)
        return cls(rows=_NONE, ids=nothing, versions=_NONE, recorded_at=_NONE, texts=nothing)

    @classmethod
    def joined(cls, several: Sequence[Rest]) -> Rest:
        """What is of the rows of all of them; `rows` one behind the other."""
        return cls(
            rows=np.concatenate([_NONE, *(one.rows for one in several)]),
            ids=Written.joined([one.ids for one in several]),
            versions=np.concatenate([_NONE, *(one.versions for one in several)]),
            recorded_at=np.concatenate([_NONE, *(one.recorded_at for one in several)]),
            texts=Written.joined([one.texts for one in several]),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, row: int) -> int | None:
        """Where among them that row is; None: nowhere."""
        at = int(np.searchsorted(self.rows, row))
        return at if at < len(self.rows) and self.rows[at] == row else None

    def taken(self, which: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> Rest:
        """Some of it, in the order given, as that of these rows."""
        return Rest(
            rows=rows,
            ids=self.ids.taken(which),
            versions=self.versions[which],
            recorded_at=self.recorded_at[which],
            texts=self.texts.taken(which),
        )

    def apart(self) -> Rest:
        """The same, without the letters of what is not in it."""
        return self.kept().rest()

    def between(self, first: int, end: int) -> Rest:
        """Some of what is `apart`, from the `first` to before `end` of them: without the others' letters, too."""
        return Rest(
            rows=self.rows[first:end],
            ids=self.ids.between(first, end),
            versions=self.versions[first:end],
            recorded_at=self.recorded_at[first:end],
            texts=self.texts.between(first, end),
        )

    def part(self, first: int, end: int) -> Rest:
        """What is of the rows from `first` to before `end`, which count from `first` on. Shares the arrays."""
        low, high = np.searchsorted(self.rows, (first, end)).tolist()
        return Rest(
            rows=self.rows[low:high] - first,
            ids=self.ids[low:high],
            versions=self.versions[low:high],
            recorded_at=self.recorded_at[low:high],
            texts=self.texts[low:high],
        )

    def kept(self) -> Kept:
        """As bytes."""
        numbers = (self.rows, self.versions, self.recorded_at, self.ids.sizes, self.texts.sizes)
        return Kept(np.concatenate(numbers).tobytes(), self.ids.packed(), self.texts.packed())
