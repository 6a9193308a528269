"""What PostgreSQL itself makes of a row, for its fingerprint: the server's own functions, and the same in machine code.

The fingerprint of `store.shadow_hash` is made of what every database can compute; adding up a row so costs PostgreSQL
three times as much as it takes to find it. Its own hash of a number is one call. That is Bob Jenkins's, as it is kept
from version to version for those who partition tables by it; but no manual describes it, so the server is asked first
whether it makes the same of some numbers and texts (`makes_the_same`).

A row's hash: of its cells (a text's is the hash of its bytes, a null's _NULL) each of the first half is combined with
one of the second half by exclusive or, which takes half as long as to hash both; and that is hashed, with the hash of
what came before for a seed. So what becomes of one cell is found, as far as a hash can tell, and that cells changed
places; but not that the two of a pair did, nor that the same bits changed in both, which nothing that goes wrong with a
memory or a disk is likely to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, zip_longest
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from store.engine import Database
from store.schema import TEXT_COLUMNS, metadata
from store.shadow_hash import HALF, SUFFIX, Fingerprint, text_cells
from store.shadow_rows import LENGTH_BITS, Matrix
from tracker.errors import DatabaseError
from tracker.projections.machine import Machine
from tracker.projections.rows import TABLES, Table

__all__ = ["MACHINE", "fingerprint_of_native", "hashes_of", "makes_the_same", "native_fingerprint"]

MACHINE: Final = Machine(__name__)

_WORD: Final = 0xFFFF_FFFF
_BEGIN: Final = 0x9E37_79B9 + 3_923_095
_NULL: Final = 0x6E75_6C6C_9E37_79B9
"""What stands for a null; no cell holds it. Of equal halves the hash would be that of 0."""
_SIZE: Final = 4
"""Bytes of a number that is hashed; of one of 64 bits the halves are put together before."""


def _turned(value: Any, by: int) -> Any:
    """The 32 bits turned to the left."""
    return (value << by | value >> 32 - by) & _WORD


def _ended(a: Any, b: Any, c: Any) -> Any:
    """The 64 bits of a hash, in halves, the higher one first."""
    c = (c ^ b) - _turned(b, 14) & _WORD
    a = (a ^ c) - _turned(c, 11) & _WORD
    b = (b ^ a) - _turned(a, 25) & _WORD
    c = (c ^ b) - _turned(b, 16) & _WORD
    a = (a ^ c) - _turned(c, 4) & _WORD
    b = (b ^ a) - _turned(a, 14) & _WORD
    c = (c ^ b) - _turned(b, 24) & _WORD
    return b, c


def _mixed(a: Any, b: Any, c: Any) -> Any:
    """As what is hashed is mixed, before more of it is added."""
    a, c = (a - c & _WORD) ^ _turned(c, 4), c + b & _WORD
    b, a = (b - a & _WORD) ^ _turned(a, 6), a + c & _WORD
    c, b = (c - b & _WORD) ^ _turned(b, 8), b + a & _WORD
    a, c = (a - c & _WORD) ^ _turned(c, 16), c + b & _WORD
    b, a = (b - a & _WORD) ^ _turned(a, 19), a + c & _WORD
    c, b = (c - b & _WORD) ^ _turned(b, 4), b + a & _WORD
    return a, b, c


def _of_halves(high: Any, low: Any, seed_high: Any, seed_low: Any) -> Any:
    """The hash of a number of 64 bits with such a seed; all are told in halves, as is the hash."""
    told = low ^ (high if high >> 31 == 0 else high ^ _WORD)
    a = b = c = _BEGIN + _SIZE & _WORD
    if seed_high | seed_low:
        a, b, c = _mixed(a + seed_high & _WORD, b + seed_low & _WORD, c)
    return _ended(a + told & _WORD, b, c)


@MACHINE.entry("int64[:,::1]", "int64", results=2)
def _hashed(rows: Any, null: int) -> Any:
    """The low and the high halves of the hashes of rows (*cells, marks), added up. Texts are their hashes already."""
    total_low = total_high = np.int64(0)
    width = rows.shape[1] - 1
    half = width + 1 >> 1
    for i in range(len(rows)):
        marks = rows[i, width]
        high = low = np.int64(0)
        for c in range(half):
            pair = np.int64(null) if marks >> c & 1 else rows[i, c]
            if c + half < width:
                pair ^= np.int64(null) if marks >> c + half & 1 else rows[i, c + half]
            high, low = _of_halves(pair >> 32 & _WORD, pair & _WORD, high, low)
        total_low += low & (1 << HALF) - 1
        total_high += ((high ^ 1 << 31) - (1 << 31) << 32 - HALF) + (low >> HALF)
    return total_low, total_high


def _bytes(m: Any, at: int, count: int) -> Any:
    """A number of so many bytes, the lowest one first; four at most."""
    found = np.int64(0)
    for i in range(min(count, 4)):
        found |= np.int64(m[np.uint64(at + i)]) << 8 * i
    return found


def _of_text(m: Any, at: int, size: int) -> Any:
    """The hash of the bytes there."""
    a = b = c = _BEGIN + size & _WORD
    left = size
    while left >= 12:
        a, b, c = a + _bytes(m, at, 4) & _WORD, b + _bytes(m, at + 4, 4) & _WORD, c + _bytes(m, at + 8, 4) & _WORD
        a, b, c = _mixed(a, b, c)
        at, left = at + 12, left - 12
    a = a + _bytes(m, at, left) & _WORD
    b = b + _bytes(m, at + 4, left - 4) & _WORD
    c = c + (_bytes(m, at + 8, left - 8) << 8) & _WORD
    return _ended(a, b, c)


@MACHINE.entry("int64[:,::1]", "int64[::1]", "uint8[::1]", "int64")
def _named(rows: Any, cells: Any, letters: Any, length_bits: int) -> None:
    """Put, for each text of these `cells`, its hash; they say where in `letters` it is, and how long."""
    marks = rows.shape[1] - 1
    for i in range(len(rows)):
        for c in cells:
            place = rows[i, c]
            if rows[i, marks] >> c & 1 == 0:
                high, low = _of_text(letters, place >> length_bits, place & (1 << length_bits) - 1)
                rows[i, c] = high << 32 | low


def fingerprint_of_native(
    table: Table, rows: Matrix, letters: np.ndarray[Any, np.dtype[np.uint8]] | None = None
) -> Fingerprint:
    """The fingerprint of a matrix's rows, whose texts are among these letters."""
    texts = text_cells(table)
    if texts:
        assert letters is not None  # noqa: S101
        rows = rows.copy()
        _named(rows, np.array(texts, np.int64), letters, LENGTH_BITS)
    low, high = _hashed(np.ascontiguousarray(rows), _NULL)
    return Fingerprint(rows=len(rows), total=(int(high) << HALF) + int(low))


# -- the server's -----------------------------------------------------------------------------------------------------

_NUMBERS: Final = (0, 1, -1, 20_260_301, 1_446_652_359_475_200_007, -(1 << 63), (1 << 63) - 1)
_TEXTS: Final = ("", "a", "ten bytes.", "twelve bytes", "김🎙️", "a text that is longer than some words are")
"""What the server is asked about first. It does not make the same of the last but one if it writes texts otherwise."""


def native_fingerprint(connection: Connection, name: str) -> Fingerprint:
    """PostgreSQL: the fingerprint of a read model's shadow table, as the server computes it."""
    row = _hash_of(["partition", *(_cell(name, column) for column in TABLES[name].columns)])
    asked = f"SELECT count(*), coalesce(sum({row}), 0) FROM {name}{SUFFIX}"  # noqa: S608 - names of our own
    rows, total = connection.exec_driver_sql(asked).one()
    return Fingerprint(rows=rows, total=int(total))


def _cell(name: str, column: str) -> str:
    cell = _hash_of_text(column) if column in TEXT_COLUMNS else column
    return _or_null(cell) if metadata.tables[name].columns[column].nullable else cell


def _or_null(cell: str) -> str:
    return f"coalesce({cell}, {_NULL})"


def _hash_of(cells: Sequence[str]) -> str:
    whole, half = "0", len(cells) + 1 >> 1
    for pair in zip_longest(cells[:half], cells[half:]):
        whole = f"hashint8extended({' # '.join(filter(None, pair))}, {whole})"
    return whole


def _hash_of_text(text: str) -> str:
    return f'hashtextextended({text} COLLATE "C", 0)'


def makes_the_same(db: Database) -> bool:
    """Whether the server makes of some numbers and texts what is made of them here."""
    texts = {f"text{i}": text for i, text in enumerate(_TEXTS)}
    row = [
        *(f"({number})::bigint" for number in _NUMBERS),
        _or_null("NULL::bigint"),
        *(_hash_of_text(f"%({name})s::text") for name in texts),
    ]
    try:
        with db.read() as connection:
            found = connection.exec_driver_sql(f"SELECT {_hash_of(row)}", texts).scalar_one()
    except DatabaseError:  # it has no such functions
        return False
    return int(found) == hashes_of(_NUMBERS, _TEXTS)


def hashes_of(numbers: Sequence[int], texts: Sequence[str]) -> int:
    """The hash of a row of these numbers, a null, and these texts."""
    letters = "".join(texts).encode()
    starts = np.cumsum([0, *(len(text.encode()) for text in texts)])
    places = [int(a) << LENGTH_BITS | int(b - a) for a, b in pairwise(starts)]
    first = len(numbers) + 1
    row = np.array([[*numbers, 0, *places, 1 << len(numbers)]], np.int64)
    _named(row, np.arange(first, first + len(texts)), np.frombuffer(letters, np.uint8), LENGTH_BITS)
    low, high = _hashed(row, _NULL)
    return (int(high) << HALF) + int(low)
