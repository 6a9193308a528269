"""Rows of the read models out of the kernel's heap, in the order of their keys: the part that numba compiles.

What the numbers of the kernel's rows are is handed in (`store.harvest_sources`). Nothing here may raise anything: it is
kept as machine code, which knows no Python (`tracker.projections.machine`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.columns_book import same, written
from tracker.projections.machine import Machine

__all__ = [
    "BLOCK", "KINDS", "LONGEST", "MACHINE", "NUMBERS", "added_up", "found", "gathered", "images", "listed", "names_in",
    "packed", "put_right",
]  # fmt: skip

NUMBERS: Final = 6
"""What `numbers` says: where in a member's row the user's id is, and where the guild's row; where in a guild's row its
id is, and a channel's in its own; where in a place's row the member's is, and where the channel's."""
_USER, _GUILD, _GUILD_ID, _CHANNEL_ID, _MEMBER, _CHANNEL = range(NUMBERS)

KINDS: Final = 7
_OWN, _IS_GUILD, _IS_USER, _IS_CHANNEL, _OF_PLACE, _PLACES_CHANNEL, _NULL = range(KINDS)
"""As in `store.harvest_sources`."""

BLOCK: Final = 128
"""Rows that are put together column by column: they fit into the processor's first cache."""

LONGEST: Final = 21
"""So many letters has the longest number, and the comma before it."""

_A_MEMBER: Final = written('{"bot":false,"name":"')
_A_BOT: Final = written('{"bot":true,"name":"')
_NAMED: Final = written('{"name":"')
"""What stands before a name, as the codec writes it."""

MACHINE: Final = Machine(__name__)
_HEAP: Final = "int64[::1]"
_COLUMN: Final = "int64[::1]"
_MATRIX: Final = "int64[:,::1]"


@MACHINE.entry(
    _HEAP, _COLUMN, _MATRIX, "int64", "int64", "int64", "int32[::1]", _COLUMN, _COLUMN, results=2,
)  # fmt: skip
def found(m: Any, numbers: Any, parts: Any, width: int, of: int, placed: bool, seen: Any, rows: Any, whose: Any) -> Any:
    """The rows in these parts of the heap that belong to somebody who has a name. Returns how many they are, and their
    members, of those who are not `seen` yet (0), and are then (1).
    """
    user, of_place = numbers[_USER], numbers[_MEMBER]
    n = others = 0
    for part in range(len(parts)):
        for k in range((parts[part, 1] - parts[part, 0]) // width):
            row = parts[part, 0] + k * width
            who = m[row + of]
            if who >= 0 and placed:
                who = m[who + of_place]
            if who < 0 or m[who + user] <= 0:
                continue
            rows[n] = row
            n += 1
            if not seen[who]:
                seen[who] = 1
                whose[others] = who
                others += 1
    return n, others


def _value(m: Any, at: Any) -> Any:
    """A number of the heap. Unsigned: numba then need not ask whether it counts from the end."""
    return m[np.uint64(at)]


@MACHINE.entry(
    _HEAP, _COLUMN, _MATRIX, _COLUMN, "int64", "int64", "int32[::1]", _MATRIX, "int64", _MATRIX,
)  # fmt: skip
def images(
    m: Any, numbers: Any, cells: Any, rows: Any, of: int, placed: bool, ranks: Any, out: Any, first: int, bounds: Any
) -> None:
    """Each row's key in numbers that are in the same order, in `out` from its column `first` on. `bounds`: from where
    to where those reach, by column of the key.
    """
    of_place, of_member, places_channel = numbers[_MEMBER], numbers[_GUILD], numbers[_CHANNEL]
    for c in range(len(cells)):
        kind, number = cells[c, 0], cells[c, 1]
        low, high = bounds[c, 0], bounds[c, 1]
        for i in range(len(rows)):
            row = rows[i]
            if kind == _OWN:
                value = _value(m, row + number)
            elif kind == _IS_CHANNEL:
                value = np.int64(_value(ranks, _value(m, row + number)))
            else:
                link = _value(m, row + of)
                if kind == _PLACES_CHANNEL:
                    link = _value(m, link + places_channel)
                else:
                    if placed:
                        link = _value(m, link + of_place)
                    if kind == _IS_GUILD:
                        link = _value(m, link + of_member)
                value = np.int64(_value(ranks, link))
            out[c, first + i] = value
            low, high = min(low, value), max(high, value)
        bounds[c, 0], bounds[c, 1] = low, high


@MACHINE.entry(_MATRIX, _MATRIX, _COLUMN, _COLUMN, "int64", _COLUMN)
def packed(images: Any, bounds: Any, widths: Any, shifts: Any, place_bits: int, out: Any) -> None:
    """The first bits of each row's key, and behind them its place.

    `widths`: how many bits of each column are taken, `shifts`: how many of its last ones are not.
    """
    for i in range(images.shape[1]):
        code = np.int64(0)
        for c in range(len(widths)):
            if widths[c]:
                code = code << widths[c] | (images[c, i] - bounds[c, 0]) >> shifts[c]
        out[i] = code << place_bits | i


def _compared(images: Any, one: int, other: int) -> int:
    for c in range(len(images)):
        if images[c, one] != images[c, other]:
            return -1 if images[c, one] < images[c, other] else 1
    return 0


@MACHINE.entry(_MATRIX, _COLUMN, "int64", "int64", results=1)
def put_right(images: Any, order: Any, place_bits: int, steps: int) -> Any:
    """Make of sorted `packed` numbers the order of the rows. Returns how many have the same key as the one before, or
    -1 after more than so many `steps`: too many were alike as far as they were packed.
    """
    same = 0
    mask = (np.int64(1) << place_bits) - 1
    before = np.int64(0)
    for i in range(len(order)):
        here = order[i]
        row = here & mask
        order[i] = row
        if i and before == here >> place_bits:
            j = i
            while j and _compared(images, order[j - 1], row) > 0:
                order[j] = order[j - 1]
                j -= 1
                steps -= 1
            order[j] = row
            if steps < 0:
                return -1
            if j and _compared(images, order[j - 1], row) == 0:
                same += 1
        before = here >> place_bits
    return same


def _linked(m: Any, numbers: Any, kind: int, number: int, of: int, placed: bool, row: int) -> Any:
    """A cell that is not in the row itself."""
    if kind == _IS_CHANNEL:
        return _value(m, _value(m, row + number) + numbers[_CHANNEL_ID])
    link = _value(m, row + of)
    if kind == _OF_PLACE:
        return _value(m, link + number)
    if kind == _PLACES_CHANNEL:
        return _value(m, _value(m, link + numbers[_CHANNEL]) + numbers[_CHANNEL_ID])
    if placed:
        link = _value(m, link + numbers[_MEMBER])
    if kind == _IS_GUILD:
        return _value(m, _value(m, link + numbers[_GUILD]) + numbers[_GUILD_ID])
    return _value(m, link + numbers[_USER])


def _column(m: Any, numbers: Any, kind: int, number: int, of: int, placed: bool, rows: Any, out: Any) -> None:
    """A column of these rows."""
    if kind == _NULL:
        out[:] = 0
    elif kind == _OWN:
        for i in range(len(rows)):
            out[i] = _value(m, rows[i] + number)
    else:
        for i in range(len(rows)):
            out[i] = _linked(m, numbers, kind, number, of, placed, rows[i])


@MACHINE.entry(
    _HEAP, _COLUMN, _MATRIX, _COLUMN, "int64", "int64", _COLUMN, "int64", _MATRIX, "int64", _MATRIX,
)  # fmt: skip
def gathered(
    m: Any, numbers: Any, cells: Any, rows: Any, of: int, placed: bool, order: Any, first: int, out: Any,
    partition: int, some: Any,
) -> None:  # fmt: skip
    """The rows as they are to be written, (partition, *cells, marks), where `order` has them: those from `first` on.

    `some`: room for three times BLOCK numbers.
    """
    marks = np.int64(0)
    for c in range(len(cells)):
        if cells[c, 0] == _NULL:
            marks |= np.int64(1) << c + 1
    here, places, values = some[0], some[1], some[2]
    for begin in range(0, len(order), BLOCK):
        n = 0
        for i in range(begin, min(begin + BLOCK, len(order))):
            at = order[i] - first
            if 0 <= at < len(rows):
                here[n], places[n] = rows[at], i
                n += 1
                out[i, 0], out[i, len(cells) + 1] = partition, marks
        for c in range(len(cells)):
            _column(m, numbers, cells[c, 0], cells[c, 1], of, placed, here[:n], values)
            for i in range(n):
                out[places[i], c + 1] = values[i]


@MACHINE.entry(
    _HEAP, _COLUMN, _COLUMN, "int64", _COLUMN, _COLUMN, "int64", "int32[::1]", "boolean[::1]", _MATRIX,
)  # fmt: skip
def added_up(
    m: Any, numbers: Any, rows: Any, values: int, exp: Any, figures: Any, last: int, ranks: Any, earned: Any, sums: Any
) -> None:
    """Adds days' values up by member (in the order of `ranks`): EXP, figures, and the last instant of any.

    `values`: where in a row they begin; `exp` and `figures`: which of them those are, `last`: which is the instant.
    `earned`: of whom there was a day.
    """
    of_place = numbers[_MEMBER]
    for i in range(len(rows)):
        at = rows[i] + values
        who = ranks[m[m[rows[i]] + of_place]] - 1
        for column in exp:
            sums[who, 0] += m[at + column]
        for c in range(len(figures)):
            sums[who, c + 1] += m[at + figures[c]]
        sums[who, len(figures) + 1] = max(sums[who, len(figures) + 1], m[at + last])
        earned[who] = True


def _decimal(value: Any, out: Any, to: Any) -> Any:
    """Write a number; where it ends."""
    left = np.uint64(value)
    if value < 0:
        out[np.uint64(to)] = 45
        to += 1
        left = np.uint64(0) - left
    end, rest = to + 1, left
    while rest > np.uint64(9):
        rest //= np.uint64(10)
        end += 1
    for at in range(end - 1, to - 1, -1):
        out[np.uint64(at)] = np.uint64(48) + left % np.uint64(10)
        left //= np.uint64(10)
    return end


@MACHINE.entry(_HEAP, _COLUMN, _COLUMN, "uint8[::1]", _COLUMN, results=1)
def listed(m: Any, firsts: Any, ends: Any, out: Any, sizes: Any) -> Any:
    """Write the numbers of the heap from `firsts` to before `ends`, with commas between them. `sizes`: how many letters
    each such text has; returns how many that are together.
    """
    to = np.int64(0)
    for i in range(len(firsts)):
        begin = to
        for at in range(firsts[i], ends[i]):
            if at > firsts[i]:
                out[np.uint64(to)] = 44
                to += 1
            to = _decimal(_value(m, at), out, to)
        sizes[i] = to - begin
    return to


def _begin(m: Any, at: Any, end: Any) -> Any:
    """Where the name begins in a text that ends with it; -1: it is not written as usual."""
    begin = np.int64(-1)
    if at + len(_NAMED) <= end and same(m, at, _NAMED, 0, len(_NAMED)):
        begin = at + len(_NAMED)
    elif at + len(_A_MEMBER) <= end and same(m, at, _A_MEMBER, 0, len(_A_MEMBER)):
        begin = at + len(_A_MEMBER)
    elif at + len(_A_BOT) <= end and same(m, at, _A_BOT, 0, len(_A_BOT)):
        begin = at + len(_A_BOT)
    return begin


@MACHINE.entry("uint8[::1]", _COLUMN, _COLUMN, "uint8[::1]", _COLUMN, results=1)
def names_in(m: Any, starts: Any, ends: Any, out: Any, sizes: Any) -> Any:
    """Put the names in texts that hold little else one behind the other; how many bytes those are together.

    `sizes`: of each; -1: its letters are not those that are written, or it begins within one; the codec has to read it.
    """
    to = np.int64(0)
    for i in range(len(starts)):
        end = ends[i] - 2
        begin = _begin(m, starts[i], end)
        sizes[i] = -1
        if begin < 0 or m[np.uint64(end)] != 34 or m[np.uint64(end + 1)] != 125:
            continue
        odd = begin < end and m[np.uint64(begin)] & 192 == 128
        for k in range(end - begin):
            letter = m[np.uint64(begin + k)]
            odd |= letter < 32 or letter == 34 or letter == 92
            out[np.uint64(to + k)] = letter
        if not odd:
            sizes[i] = end - begin
            to += end - begin
    return to
