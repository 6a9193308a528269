"""Rows as a rebuild hands them in: columns become one matrix of 64-bit numbers, texts go into a file beside it.

A matrix row is (partition, *columns, marks). A text cell holds where the text lies; `marks` has bit i set where cell i
is null, and _FRESH where nobody handed in a row of that key before.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from store.columns_rest import Written
from store.schema import TEXT_COLUMNS
from store.shadow_hash import Fingerprint, hash_sum, text_number
from tracker.errors import DatabaseError
from tracker.projections.rows import Table

__all__ = [
    "FRESH",
    "LENGTH_BITS",
    "Column",
    "Matrix",
    "Sorted",
    "Texts",
    "fingerprint_of",
    "matrix_of",
    "merged",
    "nulls_of",
    "order_of",
    "ranks_of",
    "sorted_by_key",
]

Matrix = np.ndarray[Any, np.dtype[np.int64]]
Column = np.ndarray | Written | Sequence[Any]
"""Numbers; texts as bytes; or a list of either, in which None is null."""

FRESH: Final = 1 << 62
LENGTH_BITS: Final = 24
"""The lowest bits of a text's number say how long it is."""
_FEW_BITS: Final = 12
_LOWEST: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Rows of a read model without texts in the order of their keys, one a key."""

    name: str
    rows: Matrix


class Texts:
    """Texts on disk, in a file that vanishes with the process. A text is known by a number: where it lies."""

    def __init__(self, folder: Path | None) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._end = 0

    def put(self, texts: Sequence[str | None]) -> Matrix:
        """Keeps texts; null is 0."""
        joined, lengths = _joined(["" if text is None else text for text in texts])
        _refuse_too_long(lengths)
        starts = self._end + np.cumsum(lengths + 1) - lengths - 1
        self._keep(joined)
        return (starts << LENGTH_BITS) | lengths

    def put_written(self, texts: Written) -> Matrix:
        """Keeps texts, with all letters among which they are: those of which several consist are kept once."""
        sizes = texts.sizes
        _refuse_too_long(sizes)
        starts = self._end + texts.starts
        self._keep(texts.letters.data)
        return (starts << LENGTH_BITS) | sizes

    def _keep(self, letters: bytes | memoryview) -> None:
        self._file.seek(self._end)
        self._file.write(letters)
        self._end += len(letters)

    def letters(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The bytes of all texts; to be let go of before the next `clear`."""
        if not self._end:
            return np.zeros(1, np.uint8)
        self._file.flush()
        return np.frombuffer(mmap.mmap(self._file.fileno(), self._end, access=mmap.ACCESS_READ), np.uint8)

    def get(self, numbers: Matrix, absent: np.ndarray) -> list[str | None]:
        """The texts again; None where `absent`."""
        if not self._end:
            return [None if gone else "" for gone in absent.tolist()]
        self._file.flush()
        with mmap.mmap(self._file.fileno(), self._end, access=mmap.ACCESS_READ) as kept:
            starts = (numbers >> LENGTH_BITS).tolist()
            ends = ((numbers >> LENGTH_BITS) + (numbers & ((1 << LENGTH_BITS) - 1))).tolist()
            found: list[str | None] = [kept[a:b].decode() for a, b in zip(starts, ends, strict=True)]
        for at in np.flatnonzero(absent).tolist():
            found[at] = None
        return found

    def clear(self) -> None:
        """Forgets them all."""
        if self._end:
            self._file.flush()
            self._file.truncate(0)
            self._end = 0

    def close(self) -> None:
        """Gives the disk space back."""
        self._file.close()


def _refuse_too_long(lengths: Matrix) -> None:
    if len(lengths) and int(lengths.max()) >> LENGTH_BITS:
        raise DatabaseError(f"a text of {int(lengths.max()):,} bytes is too long to be written; 16 MiB is the most")


def _joined(texts: Sequence[str]) -> tuple[bytes, Matrix]:
    """Their bytes, with one more behind each, and how many each has: a text by itself takes four times as long."""
    joined = "\0".join([*texts, ""]).encode()
    ends = np.flatnonzero(np.frombuffer(joined, np.uint8) == 0)
    if len(ends) != len(texts):  # there are such characters within texts
        encoded = [text.encode() for text in texts]
        return b"\0".join([*encoded, b""]), np.fromiter(map(len, encoded), np.int64, len(encoded))
    return joined, np.diff(ends, prepend=-1) - 1


def matrix_of(
    table: Table, partition: int, columns: Sequence[Column], nulls: Mapping[str, np.ndarray], texts: Texts, fresh: bool
) -> Matrix:
    """The matrix of rows that are given as columns. Raises ValueError if columns are missing or unequally long."""
    if len(columns) != len(table.columns):
        raise ValueError(f"{table.name} has {len(table.columns)} columns, not {len(columns)}")
    rows = np.empty((len(columns[0]), len(columns) + 2), np.int64)
    rows[:, 0], rows[:, -1] = partition, FRESH if fresh else 0
    for i, (name, column) in enumerate(zip(table.columns, columns, strict=True), start=1):
        if len(column) != len(rows):
            raise ValueError(f"{table.name}.{name} has {len(column)} values, the columns before it {len(rows)}")
        absent = nulls.get(name)
        if isinstance(column, Written):
            rows[:, i] = texts.put_written(column)
        elif isinstance(column, np.ndarray):
            rows[:, i] = column
        else:
            gone = np.array([v is None for v in column], bool)
            absent = gone if absent is None else gone | absent
            rows[:, i] = texts.put(column) if name in TEXT_COLUMNS else [0 if v is None else v for v in column]
        if absent is not None and absent.any():
            rows[absent, i] = 0
            rows[absent, -1] |= 1 << i
    return rows


def nulls_of(rows: Matrix) -> np.ndarray:
    """By row, bit i set where cell i is null."""
    return rows[:, -1] & ~FRESH


def fingerprint_of(table: Table, rows: Matrix, texts: Mapping[int, Sequence[str | None]]) -> Fingerprint:
    """The fingerprint of a matrix's rows. `texts`: those of its text columns, by their place in a row."""
    cells = rows[:, :-1]
    if texts:
        cells = cells.copy()
        for i, column in texts.items():
            numbers = {text: 0 if text is None else text_number(text) for text in set(column)}
            cells[:, i] = [numbers[text] for text in column]
    return hash_sum(table, cells, nulls_of(rows))


def sorted_by_key(table: Table, rows: Matrix) -> Matrix:
    """The rows by (partition, *key); those of one key stay as they were handed in."""
    keys = [rows[:, i] for i in range(len(table.key) + 1)]
    varying = [key for key in keys if key[0] != key[-1] or (key != key[0]).any()] if len(rows) else []
    if not varying or _ascending(varying):
        return rows
    ordered: Matrix = np.take(rows, order_of(varying), axis=0)
    return ordered


def _ascending(keys: Sequence[Matrix]) -> bool:
    """Whether rows are in the order of their keys already."""
    undecided = np.ones(len(keys[0]) - 1, bool)
    for key in keys:
        if (undecided & (key[1:] < key[:-1])).any():
            return False
        undecided &= key[1:] == key[:-1]
    return True


def order_of(keys: Sequence[Matrix]) -> np.ndarray:
    """The order of rows by `keys`, the first one first; equal rows stay in theirs.

    Numbers of 64 bits are sorted many times faster by themselves than along with others. So each key is brought down to
    few bits, and one number made of all keys and the row's place.
    """
    place_bits = (len(keys[0]) - 1).bit_length()
    codes, bits = np.zeros(len(keys[0]), np.int64), place_bits
    for key in keys:
        low, high = int(key.min()), int(key.max())
        few = key - low if high - low < 1 << _FEW_BITS else ranks_of(key)
        width = int(few.max()).bit_length()
        bits += width
        if bits > 63:
            return np.lexsort(tuple(reversed(keys)))
        codes = (codes << width) | few
    return np.sort((codes << place_bits) | np.arange(len(codes))) & ((1 << place_bits) - 1)


def ranks_of(key: Matrix) -> Matrix:
    """Each number's place among the different ones, from 0 on."""
    order = np.argsort(key)
    ordered = key[order]
    ranks = np.empty(len(key), np.int64)
    ranks[order] = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
    return ranks


def merged(table: Table, rows: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """One row a key out of rows in their order: what upserts one after the other would have left.

    Also: the rows of keys that came more than once, and what became of them. Raises ValueError if a row that was said
    to be fresh was not.
    """
    same = np.ones(max(len(rows) - 1, 0), bool)
    for i in range(len(table.key) + 1):
        same &= rows[1:, i] == rows[:-1, i]
    if not same.any():
        return rows, rows[:0], rows[:0]
    if (same & (rows[1:, -1] >= FRESH)).any():
        first = rows[1:][same & (rows[1:, -1] >= FRESH)][0]
        raise ValueError(f"{table.name} was handed the fresh row {tuple(first[: len(table.key) + 1].tolist())} twice")
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    out = _merged_groups(table, rows, starts)
    sizes = np.diff(starts, append=len(rows))
    return out, rows[np.repeat(sizes > 1, sizes)], out[sizes > 1]


def _merged_groups(table: Table, rows: Matrix, starts: np.ndarray) -> Matrix:
    out: Matrix = rows[starts]
    nulls = nulls_of(rows)
    out[:, -1] = 0
    last = np.append(starts[1:], len(rows)) - 1
    for i, name in enumerate(table.columns, start=1):
        here, absent = rows[:, i], (nulls >> i) & 1 > 0
        if name in table.add:
            out[:, i] = np.add.reduceat(here, starts)
            continue
        if name in table.largest:
            out[:, i] = np.maximum.reduceat(np.where(absent, _LOWEST, here), starts)
            gone = np.logical_and.reduceat(absent, starts)
        elif name in table.known:
            chosen = np.maximum.reduceat(np.where(absent, -1, np.arange(len(rows))), starts)
            gone = chosen < 0
            out[:, i] = here[chosen]
        else:
            out[:, i], gone = here[last], absent[last]
        out[gone, i] = 0
        out[:, -1] |= gone.astype(np.int64) << i
    return out
