"""Which rows of the memory events are about: their guilds, their members, their channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from store.columns import EventColumns
from store.columns_chunk import Ints
from store.replay_arranging import numbers_of
from tracker.events import kinds

__all__ = ["NewChannels", "NewMembers", "RowsOf", "Whose", "rows_of"]

NewMembers = Callable[[Ints, Ints], Ints]
"""Makes rows for subjects, of whom nobody has heard yet, in the guilds whose rows these are; gives where they are: one
behind the other."""
NewChannels = Callable[[Ints, Ints, npt.NDArray[np.uint8]], Ints]
"""Makes rows for channels in the guilds whose rows these are, of these ids; each was met by an event of this kind."""

_SLOTS: Final = 1 << 10


class RowsOf(NamedTuple):
    """By event, where the row is; -1: there is none."""

    guild: Ints
    member: Ints
    channel: Ints


class Whose(Protocol):
    """Finds the rows of events, and remembers them. An adjustment counts in the channel whose id is 0."""

    def __call__(self, columns: EventColumns, starts: Ints, guilds: Ints) -> RowsOf:
        """`starts`: where events of another guild begin, `guilds`: the rows of those guilds (-1: of none)."""


def rows_of(members: NewMembers, channels: NewChannels, *, fast: bool) -> Whose:
    """Whoever finds them. `fast`: numba is there."""
    return _Compiled(members, channels) if fast else _Numpy(members, channels)


class _Numpy:
    def __init__(self, members: NewMembers, channels: NewChannels) -> None:
        self._new_members, self._new_channels = members, channels
        self._subjects, self._rows = np.zeros(1, np.int64), np.full(1, -1, np.int64)  # those met, ascending; 0: nobody

    def __call__(self, columns: EventColumns, starts: Ints, guilds: Ints) -> RowsOf:
        which = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(columns)))
        guild = guilds[which]
        member = self._members(columns.subject, guild)
        return RowsOf(guild, member, self._channels(columns, guild))

    def _members(self, subjects: Ints, guild: Ints) -> Ints:
        number, firsts = numbers_of(subjects, subjects, fast=False)
        found, guilds = subjects[firsts], guild[firsts]
        at = np.searchsorted(self._subjects, found)
        rows = self._rows[np.minimum(at, len(self._rows) - 1)]
        known = self._subjects[np.minimum(at, len(self._subjects) - 1)] == found
        new = np.flatnonzero(~known & (found != 0) & (guilds >= 0))
        rows[~known] = -1
        if len(new):
            rows[new] = self._new_members(found[new], guilds[new])
            self._subjects = np.concatenate([self._subjects, found[new]])
            self._rows = np.concatenate([self._rows, rows[new]])
            order = np.argsort(self._subjects)
            self._subjects, self._rows = self._subjects[order], self._rows[order]
        return rows[number]

    def _channels(self, columns: EventColumns, guild: Ints) -> Ints:
        adjusted = columns.kind == kinds.ADJUSTED
        ids = np.where(adjusted, 0, columns.channel)
        nowhere = ((ids == 0) & ~adjusted) | (guild < 0)
        here = np.flatnonzero(~nowhere)
        number, firsts = numbers_of(ids[here], guild[here], fast=False)
        firsts = here[firsts]
        rows = np.full(len(columns), -1, np.int64)
        rows[here] = self._new_channels(guild[firsts], ids[firsts], columns.kind[firsts])[number]
        return rows


class _Compiled:
    def __init__(self, members: NewMembers, channels: NewChannels) -> None:
        from store import replay_tables  # made of what numba compiles

        self._compiled = replay_tables
        self._new_members, self._new_channels = members, channels
        self._rows = np.full(1, -1, np.int64)  # by subject; 0: not met yet
        self._slots = np.zeros(_SLOTS, np.int32)
        self._channels = np.empty((2, _SLOTS // 2), np.int64)  # guild's row, id
        self._count = 0
        self._channel_rows = np.full(1, -1, np.int64)  # the last one: of none

    def __call__(self, columns: EventColumns, starts: Ints, guilds: Ints) -> RowsOf:
        found = RowsOf(*(np.empty(len(columns), np.int64) for _ in range(3)))
        self._find_members(columns.subject, starts, guilds, found)
        self._find_channels(columns, found)
        return found

    def _find_members(self, subjects: Ints, starts: Ints, guilds: Ints, found: RowsOf) -> None:
        self._see(int(subjects.max(initial=0)))
        firsts = np.empty(len(subjects), np.int32)
        count = self._compiled.members(subjects, starts, guilds, self._rows, *found[:2], firsts)
        if count:
            first = firsts[:count]
            rows = self._new_members(subjects[first], found.guild[first])
            self._compiled.known(subjects, rows, self._rows, found.member, first)

    def _see(self, highest: int) -> None:
        if highest >= len(self._rows):
            more = max(highest + 1, 2 * len(self._rows)) - len(self._rows)
            self._rows = np.concatenate([self._rows, np.zeros(more, np.int64)])

    def _find_channels(self, columns: EventColumns, found: RowsOf) -> None:
        firsts, before, done = np.empty(len(columns), np.int32), self._count, 0
        while done < len(columns):
            done, self._count = self._compiled.channels(
                columns.kind, columns.channel, found.guild, kinds.ADJUSTED, done, self._slots, self._channels,
                self._count, found.channel, firsts[self._count - before :],
            )  # fmt: skip
            if done < len(columns):
                self._grow()
        new = self._channels[:, before : self._count]
        rows = self._new_channels(new[0], new[1], columns.kind[firsts[: self._count - before]])
        self._channel_rows = np.concatenate([self._channel_rows[:-1], rows, self._channel_rows[-1:]])
        self._compiled.looked_up(found.channel, self._channel_rows)

    def _grow(self) -> None:
        self._channels = np.concatenate([self._channels, np.empty_like(self._channels)], axis=1)
        self._slots = np.zeros(2 * len(self._slots), np.int32)
        self._compiled.placed(self._channels, self._count, self._slots)
