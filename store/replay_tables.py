"""Rows of members and channels by number: the part that numba compiles of finding what events are about
(`store.replay_rows`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tracker.projections.machine import Machine

__all__ = ["MACHINE", "channels", "known", "looked_up", "members", "placed"]

_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)
_PENDING: Final = -2
"""What stands for the first row of all those that are to be made: the next one is one less."""

MACHINE: Final = Machine(__name__)


@MACHINE.entry(*["int64[::1]"] * 6, "int32[::1]", results=1)
def members(subjects: Any, starts: Any, guilds: Any, rows: Any, guild: Any, member: Any, firsts: Any) -> Any:
    """The rows of each event's guild and of its member. `rows`: those of members by subject, 0 where there is none yet;
    it becomes _PENDING - n for the n-th one that is new, and firsts[n] the event in which it is met. Returns how many
    there are. See `known`.
    """
    count, end = np.int64(0), np.int64(len(subjects))
    for g in range(len(starts)):
        row = guilds[g]
        for i in range(starts[g], starts[g + 1] if g + 1 < len(starts) else end):
            guild[i] = row
            subject = np.uint64(subjects[i])
            who = rows[subject]
            if who == 0 and row < 0:
                who = np.int64(-1)
            elif who == 0:
                who = _PENDING - count
                rows[subject] = who
                firsts[count] = i
                count += 1
            member[i] = who
    return count


@MACHINE.entry(*["int64[::1]"] * 4, "int32[::1]")
def known(subjects: Any, made: Any, rows: Any, member: Any, firsts: Any) -> None:
    """The rows of those who are new have been `made`."""
    for n in range(len(firsts)):
        rows[np.uint64(subjects[firsts[n]])] = made[n]
    for i in range(firsts[0], len(member)):
        if member[i] <= _PENDING:
            member[i] = made[np.uint64(_PENDING - member[i])]


def _slot(a: int, b: int, mask: int) -> Any:
    """Where to begin to look for a pair of numbers."""
    mixed = (np.uint64(a) ^ np.uint64(b) * _FACTOR) * _FACTOR
    return np.int64(mixed >> _SHIFT) & mask


@MACHINE.entry("int64[:,::1]", "int64", "int32[::1]")
def placed(pairs: Any, count: int, slots: Any) -> None:
    """Fill empty slots: the number of the pair there + 1, 0 if there is none."""
    mask = len(slots) - 1
    for n in range(count):
        slot = _slot(pairs[0, n], pairs[1, n], mask)
        while slots[np.uint64(slot)]:
            slot = (slot + 1) & mask
        slots[np.uint64(slot)] = n + 1


@MACHINE.entry(
    "uint8[::1]", "int64[::1]", "int64[::1]", "int64", "int64", "int32[::1]", "int64[:,::1]", "int64", "int64[::1]",
    "int32[::1]", results=2,
)  # fmt: skip
def channels(
    kind: Any, channel: Any, guild: Any, adjusted: int, begin: int, slots: Any, pairs: Any, count: int, out: Any,
    firsts: Any,
) -> tuple[int, int]:  # fmt: skip
    """The number of each event's channel in its guild, from the event at `begin` on; -1: it has none. How many events
    are done, when there is no more room or at the end, and the count of channels that have a number.

    `pairs`: by number, the guild and the channel; `firsts`: the events in which those are met that are new.
    """
    mask, before = len(slots) - 1, count
    for i in range(begin, len(kind)):
        here, one = guild[i], channel[i]
        if kind[i] == adjusted:
            one = np.int64(0)
        elif one == 0:
            here = np.int64(-1)
        if here < 0:
            out[i] = -1
            continue
        slot = _slot(here, one, mask)
        number = np.int64(slots[np.uint64(slot)]) - 1
        while number >= 0 and (pairs[1, np.uint64(number)] != one or pairs[0, np.uint64(number)] != here):
            slot = (slot + 1) & mask
            number = np.int64(slots[np.uint64(slot)]) - 1
        if number < 0:
            if count == pairs.shape[1]:
                return i, count
            number = np.int64(count)
            pairs[0, number], pairs[1, number] = here, one
            slots[np.uint64(slot)] = count + 1
            firsts[count - before] = i
            count += 1
        out[i] = number
    return len(kind), count


@MACHINE.entry("int64[::1]", "int64[::1]")
def looked_up(numbers: Any, rows: Any) -> None:
    """Replace each number by its row; -1 by the last one."""
    last = np.uint64(len(rows) - 1)
    for i in range(len(numbers)):
        numbers[i] = rows[last if numbers[i] < 0 else np.uint64(numbers[i])]
