"""Types and texts as small numbers: another part that numba compiles of reading SQLite's pages.

Most events of a log have one of a few texts. Each goes into a book once, and what is in the book is read once. Of a
text with an id or a name in it, written as the codec writes it, the rest is in the book, or nothing needs to be.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_args import REPEATING, SHORT_CUTS, TYPES
from store.columns_btree import SIZES
from store.columns_bytes import copy, eight
from tracker.events import kinds

__all__ = [
    "ALONE", "BOOK", "BOOKED", "CODED", "CODES", "LETTERS", "MOVED", "MOVED_FROM", "coded", "digits", "known_kinds",
    "known_types", "same", "written",
]  # fmt: skip

BOOKED, LETTERS = range(2)
"""What the numbers of `state` count: texts in the book, and their bytes."""

ALONE: Final = -1
"""The `code` of a row whose text is to be read by the codec."""

_READ: Final = -2
"""The `code` of a row of which all is known."""

MOVED: Final = 256
"""The kind, in the book, of the end of a text of `voice.moved`: what stands behind the id."""

BOOK: Final = "int64[:,::1]", "boolean[:,::1]", "int32[::1]", "int64[:,::1]", "uint8[::1]", "int64[::1]"
"""The types of what is known, and of the book: `types`, `how`, `slots`, `entries`, `letters`, `state` of `coded`."""
CODES: Final = "uint8[::1]", "int32[::1]", "int64[::1]"
"""The types of what it says of rows: `kind`, `code`, `arg`."""
CODED: Final = "uint8[::1]", "int64[:,::1]", "int64", "int64", *BOOK, *CODES
"""The types that `coded` takes."""

_SENT: Final = kinds.MESSAGE_SENT
_VOICE_MOVED: Final = kinds.VOICE_MOVED
_DELETED: Final = kinds.MESSAGE_DELETED
_JOINED: Final = kinds.MEMBER_JOINED
_TICKED: Final = kinds.TICKED
_MOST_TICKED: Final = np.uint64(10**13)

MOVED_FROM: Final = '{"from_channel_id":"'
_TYPES: Final = 128
_SHORTEST, _LONGEST = 8, 24
_TABLE: Final = 5
_FACTOR: Final = np.uint64(0x2127599BF4325C37)
_SHIFT: Final = np.uint64(32)
_ONE: Final = np.uint64(1)
_NIL: Final = np.uint64(48)


def written(text: str) -> npt.NDArray[np.uint8]:
    """A text's bytes."""
    return np.frombuffer(text.encode(), np.uint8).copy()


_MESSAGE: Final = written("message:")
_FROM: Final = written(MOVED_FROM)
_OF: Final = written('{"message_id":"')
_AS_OF: Final = written('{"as_of":')
_A_MEMBER: Final = written('{"bot":false,"name":"')
_A_BOT: Final = written('{"bot":true,"name":"')
_NAMED: Final = written('{"name":"')


def _hash(m: Any, at: int, size: int, seed: int) -> Any:
    """A hash of some bytes, not negative."""
    value = np.uint64(seed) * _FACTOR + np.uint64(size)  # unsigned: signed numbers must not overflow
    i = 0
    if size >= 8:
        while i + 8 <= size:
            value = (value ^ eight(m, at + i)) * _FACTOR
            value ^= value >> _SHIFT
            i += 8
        if i < size:
            value = (value ^ eight(m, at + size - 8)) * _FACTOR
    else:
        while i < size:
            value = (value ^ np.uint64(m[np.uint64(at + i)])) * _FACTOR
            i += 1
    return np.int64((value ^ (value >> _SHIFT)) >> _ONE)


def same(a: Any, i: int, b: Any, j: int, size: int) -> bool:
    """Whether so many bytes are the same."""
    k = 0
    if size >= 8:
        while k + 8 <= size:
            if eight(a, i + k) != eight(b, j + k):
                return False
            k += 8
        return bool(k == size or eight(a, i + size - 8) == eight(b, j + size - 8))
    while k < size:
        if a[np.uint64(i + k)] != b[np.uint64(j + k)]:
            return False
        k += 1
    return True


def digits(m: Any, at: int, size: int) -> Any:
    """The number that is written there as the codec writes one; 0 if none is, or none of 63 bits."""
    if size < 1 or size > 19 or m[np.uint64(at)] == 48:
        return np.int64(0)
    value, most = np.uint64(0), np.uint64(0)
    for i in range(size):
        digit = np.uint64(m[np.uint64(at + i)]) - _NIL
        most = max(most, digit)
        value = value * np.uint64(10) + digit
    return np.int64(0) if most > np.uint64(9) or value >= np.uint64(1 << 63) else np.int64(value)


def _message(m: Any, at: int, size: int) -> Any:
    """The number in `message:<number>`; 0 if it is not written so."""
    begin = len(_MESSAGE)
    if size <= begin or not same(m, at, _MESSAGE, 0, begin):
        return np.int64(0)
    return digits(m, at + begin, size - begin)


def _enclosed(m: Any, at: int, size: int, before: Any) -> Any:
    """The number between `before` and what ends a text of one id; 0: there is none."""
    begin = len(before)
    if size < begin + 3 or not same(m, at, before, 0, begin) or m[at + size - 1] != 125 or m[at + size - 2] != 34:
        return np.int64(0)
    return digits(m, at + begin, size - begin - 2)


def _plain(m: Any, at: int, size: int, before: Any) -> bool:
    """Whether a text is `before` and a name that is written as it is, whatever bytes it has (UTF-8 or not)."""
    begin = len(before)
    if size < begin + 2 or not same(m, at, before, 0, begin) or m[at + size - 1] != 125 or m[at + size - 2] != 34:
        return False
    wrong = False
    for i in range(at + begin, at + size - 2):
        letter = m[np.uint64(i)]
        wrong |= letter < 32 or letter == 34 or letter == 92
    return not wrong


def _alone(m: Any, at: int, size: int, k: int) -> Any:
    """The arg of a text in which hardly anything repeats; -1: the codec has to read it."""
    if k == _DELETED:
        value = _enclosed(m, at, size, _OF)
        return value if value else np.int64(-1)
    if k == _TICKED:
        begin = len(_AS_OF)
        if size < begin + 2 or not same(m, at, _AS_OF, 0, begin) or m[at + size - 1] != 125:
            return np.int64(-1)
        value = digits(m, at + begin, size - begin - 1)
        return value if value and np.uint64(value) <= _MOST_TICKED else np.int64(-1)
    if k == _JOINED:
        if _plain(m, at, size, _A_MEMBER):
            return np.int64(0)
        return np.int64(1) if _plain(m, at, size, _A_BOT) else np.int64(-1)
    return np.int64(0) if _plain(m, at, size, _NAMED) else np.int64(-1)


def _beyond(m: Any, at: int, size: int) -> int:
    """How much of a text of `voice.moved` the id and what is before it take; 0: it is not written as usual."""
    begin = len(_FROM)
    if size < begin + 3 or not same(m, at, _FROM, 0, begin):
        return 0
    end = begin
    while end < size and m[np.uint64(at + end)] != 34:
        end += 1
    return end + 1 if end < size and digits(m, at + begin, end - begin) else 0


def _kind(m: Any, at: int, size: int, types: Any) -> Any:
    """The kind of a type's name; 0: not known here."""
    if size < _SHORTEST or size > _LONGEST:
        return np.int64(0)
    first, last = eight(m, at), eight(m, at + size - 8)
    middle = eight(m, at + min(8, size - 8))
    slot = np.int64(((first ^ last * _FACTOR) * _FACTOR) >> np.uint64(57))
    while types[slot, 0]:
        if (
            types[slot, 1] == size
            and np.uint64(types[slot, 2]) == first
            and np.uint64(types[slot, 3]) == middle
            and np.uint64(types[slot, 4]) == last
        ):
            return types[slot, 0]
        slot = (slot + 1) & (_TYPES - 1)
    return np.int64(0)


def _entry(m: Any, at: int, size: int, tag: int, slots: Any, entries: Any, letters: Any, state: Any) -> Any:
    """The number of a text in the book; -1: there is no room for it."""
    mask, value = len(slots) - 1, _hash(m, at, size, tag)
    slot = value & mask
    while slots[slot]:
        e = np.int64(slots[slot] - 1)
        if (
            entries[e, 0] == value
            and entries[e, 1] == tag
            and entries[e, 3] == size
            and same(m, at, letters, entries[e, 2], size)
        ):
            return e
        slot = (slot + 1) & mask
    e, used = state[BOOKED], state[LETTERS]
    if e == len(entries) or used + size > len(letters):
        return np.int64(-1)
    slots[slot] = e + 1
    entries[e, 0], entries[e, 1], entries[e, 2], entries[e, 3] = value, tag, used, size
    copy(m, at, letters, used, size)
    state[BOOKED], state[LETTERS] = e + 1, used + size
    return e


def coded(
    m: Any, columns: Any, first: int, last: int, types: Any, how: Any, slots: Any, entries: Any, letters: Any,
    state: Any, kind: Any, code: Any, arg: Any,
) -> Any:  # fmt: skip
    """Number the kinds and texts of the rows from `first` to `last`; how far it came (short of `last`: no room).

    `types`: `known_types`; `how`: `known_kinds`. The book: `slots` (index + 1), `entries` (hash, tag, start, size),
    `letters`, `state`. `code`: in the book, ALONE, or _READ. `kind` 0: unknown, or not in `m`. `arg` of a sent message:
    its id, 0 if it has none; of what is _READ.
    """
    end = len(m) - 8  # behind what is read here there are eight bytes
    for n in range(first, last):
        kind[n], code[n], arg[n] = 0, ALONE, 0
        if columns[10, n] + columns[SIZES + 2, n] > end:
            continue
        k = _kind(m, columns[3, n], columns[SIZES + 1, n], types)
        kind[n] = k
        at, size, tag = columns[10, n], columns[SIZES + 2, n], k << 32 | columns[4, n]
        short = how[k, 1] and columns[4, n] == 1
        if k == _SENT:
            arg[n] = _message(m, columns[2, n], columns[SIZES, n])
        elif short and k == _VOICE_MOVED:
            beyond = _beyond(m, at, size)
            if beyond:
                at, size, tag = at + beyond, size - beyond, MOVED << 32 | 1
        elif short:
            value = _alone(m, at, size, k)
            if value >= 0:
                code[n], arg[n] = _READ, value
        if how[k, 0]:
            e = _entry(m, at, size, tag, slots, entries, letters, state)
            if e < 0:
                return n
            code[n] = e
    return last


def known_types() -> npt.NDArray[np.int64]:
    """The names of the types, for `coded`: kind, size, its first eight bytes, the next ones, the last ones."""
    types = np.zeros((_TYPES, _TABLE), np.int64)
    for kind, name in TYPES.items():
        text = name.encode()
        if not _SHORTEST <= len(text) <= _LONGEST:
            continue
        middle = min(8, len(text) - 8)
        words = [int.from_bytes(text[i : i + 8]) for i in (0, middle, len(text) - 8)]
        mixed = ((words[0] ^ words[2] * int(_FACTOR) % 2**64) * int(_FACTOR)) % 2**64
        slot = mixed >> 57
        while types[slot, 0]:
            slot = (slot + 1) & (_TYPES - 1)
        types[slot] = kind, len(text), *words
    return types


def known_kinds() -> npt.NDArray[np.bool_]:
    """For each kind: whether its texts go into the book, and whether there is a short cut to what they say."""
    how = np.zeros((256, 2), np.bool_)
    how[sorted(REPEATING), 0] = True
    how[sorted(SHORT_CUTS), 1] = True
    return how
