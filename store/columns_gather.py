"""Texts, many at once, out of where they lie: what numba compiles of handing them to Python."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from store.columns_book import digits, same, written
from store.columns_bytes import copy
from tracker.projections.machine import Machine

__all__ = ["MACHINE", "gathered", "roles_in"]

MACHINE: Final = Machine(__name__)

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
