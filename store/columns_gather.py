"""Texts, many at once, out of where they lie, and of which rows: what numba compiles of handing them to Python."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.columns_book import ALONE, digits, same, written
from store.columns_bytes import copy
from store.columns_chunk import HAS_REST, Ints
from store.columns_rest import Rest, Written
from tracker.events import kinds
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "argued", "gathered", "roles_in", "sifted", "taken_apart"]

MACHINE: Final = Machine(__name__)

_SENT: Final = kinds.MESSAGE_SENT
_BEFORE: Final = written('{"role_ids":[')


@MACHINE.entry("uint8[::1]", "uint8[::1]", "int64[::1]", "int64[::1]", "uint8[::1]", "int64[::1]", results=1)
def gathered(m: Any, more: Any, starts: Any, sizes: Any, out: Any, letters: Any) -> bool:
    """Put these texts one behind the other. Places beyond the end of `m` are in `more`.

    `letters`: how many each has in UTF-8, if it is that. False: one begins within a letter.
    """
    to, end, sound = np.int64(0), len(m), True
    for i in range(len(starts)):
        if starts[i] < end:
            copy(m, starts[i], out, to, sizes[i])
        else:
            copy(more, starts[i] - end, out, to, sizes[i])
        count = np.int64(0)
        for k in range(to, to + sizes[i]):
            count += np.int64(out[np.uint64(k)] & 192 != 128)
        letters[i] = count
        sound &= not sizes[i] or out[np.uint64(to)] & 192 != 128
        to += sizes[i]
    return sound


@MACHINE.entry("uint8[::1]", *["int64[::1]"] * 4, results=1)
def roles_in(m: Any, starts: Any, sizes: Any, ids: Any, counts: Any) -> Any:
    """Put the ids in the texts of `member.roles_changed` one behind the other, and say how many are in each text.

    -1: the text is not written as the codec writes one, its ids ascending; the codec has to read it.
    """
    to, begin = np.int64(0), len(_BEFORE)
    for i in range(len(starts)):
        at, end = starts[i] + begin, starts[i] + sizes[i] - 2
        first, before = to, np.int64(0)
        counts[i] = -1
        if end < at or not same(m, starts[i], _BEFORE, 0, begin) or m[end] != 93 or m[end + 1] != 125:
            continue
        while at < end:
            upto = at + 1
            while upto < end and m[np.uint64(upto)] != 34:
                upto += 1
            role = digits(m, at + 1, upto - at - 1) if m[np.uint64(at)] == 34 and upto < end else np.int64(0)
            if role <= before:
                break
            ids[to], before = role, role
            to += 1
            at = upto + 1
            if at == end:
                break
            if m[np.uint64(at)] != 44 or at + 1 == end:
                break
            at += 1
        if at == end:
            counts[i] = to - first
        else:
            to = first
    return to


def taken_apart(rest: Rest, which: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> Rest:
    """Some of it, in the order given, as that of these rows, and `apart` from the others' letters."""
    return Rest(
        rows=rows,
        ids=_apart(rest.ids, which),
        versions=rest.versions[which],
        recorded_at=rest.recorded_at[which],
        texts=_apart(rest.texts, which),
    )


def _apart(texts: Written, which: npt.NDArray[np.intp]) -> Written:
    starts = texts.starts[which]
    sizes: Ints = texts.ends[which] - starts
    letters = np.empty(int(sizes.sum()), np.uint8)
    _together(texts.letters, starts, sizes, letters)
    return Written.one_behind_the_other(letters, sizes)


@MACHINE.entry("uint8[::1]", "int64[::1]", "int64[::1]", "uint8[::1]")
def _together(m: Any, starts: Any, sizes: Any, out: Any) -> None:
    """Put these texts one behind the other."""
    to = np.int64(0)
    for i in range(len(starts)):
        copy(m, starts[i], out, to, sizes[i])
        to += sizes[i]


@MACHINE.entry("uint8[::1]", "int32[::1]", "int64[::1]", "int64[::1]", "int64", "int64")
def argued(kind: Any, code: Any, arg: Any, numbers: Any, first: int, end: int) -> None:
    """The args of the rows from `first` to before `end` of which the text is in the book: what it says there."""
    for n in range(first, end):
        known = np.int64(code[n] >= 0) & np.int64(kind[n] != _SENT)
        number = numbers[np.uint64(np.int64(code[n]) * known)]  # without a branch, which nobody could foretell
        arg[n] = number if known else arg[n]


@MACHINE.entry("uint8[::1]", "int32[::1]", "int64[::1]", "int64", "int64[::1]", "int64[::1]", results=3)
def sifted(kind: Any, code: Any, arg: Any, end: int, alone: Any, rest: Any) -> tuple[int, int, int]:
    """Of the rows before `end`, those whose text is to be read ALONE, and those that HAS_REST has: how many they are.

    And how many messages among them are sent without an id.
    """
    alones, rests, wrong = np.int64(0), np.int64(0), np.int64(0)
    for n in range(end):
        alone[np.uint64(alones)] = rest[np.uint64(rests)] = n  # without a branch, too
        alones += np.int64(code[n] == ALONE)
        rests += np.int64(HAS_REST[np.uint64(kind[n])])
        wrong += np.int64(kind[n] == _SENT) & np.int64(arg[n] == 0)
    return int(alones), int(rests), int(wrong)
