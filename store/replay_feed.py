"""Folding the log in columns: events by the hundred thousand into the kernel, compiled where numba is installed.

What the kernel does not know (settings, descriptions of channels, outages…) is rare, and goes through the same handlers
as in a live bot, between two runs of the kernel.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from store.columns import EventColumns
from store.columns_chunk import Ints
from store.columns_roles import Packed, RoleSets
from store.replay_arranging import numbers_of
from store.replay_names import Names
from store.replay_rows import RowsOf, rows_of
from tracker.events import kinds
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined, MemberRenamed
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId, GuildId, Ms, Partition, UserId
from tracker.projections.guild import GuildState
from tracker.projections.kernel.layout import (
    AT_ONCE, G_ID, HEAP, MEMBER, M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT, M_NAME, M_ROLES, M_USER, NOT_YET, NO_ROLES,
    TOP, Heap,
)  # fmt: skip
from tracker.projections.kernel.step import run
from tracker.projections.memory import Memory
from tracker.projections.state import PartitionState

if TYPE_CHECKING:
    from tracker.projections.kernel.compiled import Compiled

__all__ = ["Feed", "Preset", "view"]

_AT_ONCE: Final = 100_000
"""Events that are prepared and folded at once: what is made of them on the way stays in the processor's caches. In
between, what is pending may be handed over."""

_NUMBERS: Final = 8
"""How many numbers a folded event leaves in the memory, about."""

_NAMED: Final[dict[int, type[MemberJoined | MemberRenamed]]] = {
    kinds.MEMBER_JOINED: MemberJoined,
    kinds.RENAMED: MemberRenamed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A guild's settings document in force from its first event on, up to the instant and position `until`.

    Its own changes of settings before that count for nothing. None: throughout. `by`: who set it.
    """

    document: Mapping[str, Any]
    by: UserId | None = None
    until: tuple[int, int] | None = None

    def replaces(self, at: int, position: int) -> bool:
        """Whether a change of settings at this instant and position counts for nothing."""
        return self.until is None or (at, position) < self.until


class Feed:
    """Folds columns into `state`. `users`: by subject id, 0 for one whom nobody knows any more.

    `role_sets`: the reader's. `presets`: by guild id. `memory`: an empty one (None: a new one). `names`: what members
    are called.
    """

    def __init__(
        self,
        partition: Partition,
        users: Ints,
        *,
        compiled: Compiled | None,
        role_sets: RoleSets,
        presets: Mapping[int, Preset] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.state = PartitionState(partition=partition, memory=memory)
        self.state.memory.heap[AT_ONCE] = 1
        self.names = Names(fast=compiled is not None)
        self._users = users
        self._compiled = compiled
        self._role_sets = role_sets
        self._presets = presets or {}
        self._fast = compiled is not None
        self._whose = rows_of(self._new_members, self._channels, fast=self._fast)
        self._said = 0

    # -- columns to rows -------------------------------------------------------------------------------------------

    def fold(self, columns: EventColumns, pause: Callable[[], None] | None = None) -> None:
        """Fold events, guild by guild and each one's in canonical order (`Groups.columns`).

        `pause` is called now and then, when nothing is half done.
        """
        self.state.memory.reserve(_NUMBERS * len(columns))
        columns = replace(columns, arg=self._arguments(columns.arg, columns.kind))
        for first in range(0, len(columns), _AT_ONCE):
            self._fold(columns.part(first, min(first + _AT_ONCE, len(columns))))
            if pause is not None:
                pause()

    def _fold(self, columns: EventColumns) -> None:
        starts = np.concatenate([[0], 1 + np.flatnonzero(columns.guild[1:] != columns.guild[:-1])])
        found = self._whose(columns, starts, self._guilds(columns, starts))
        self._run(columns, found)
        self._note_names(columns, found.member)
        self._said += len(columns)

    def _guilds(self, columns: EventColumns, starts: Ints) -> Ints:
        """The rows of the guilds of these events; -1: an event of none."""
        rows = np.full(len(starts), -1, np.int64)
        for number, (guild_id, i) in enumerate(zip(columns.guild[starts].tolist(), starts.tolist(), strict=True)):
            if guild_id:
                known = guild_id in self.state.guilds
                guild = self.state.guild(guild_id)
                rows[number] = guild.row
                if guild_id in self._presets and not known:
                    self._preset(guild, self._presets[guild_id], int(columns.at[i]))
        return rows

    def _preset(self, guild: GuildState, preset: Preset, at: int) -> None:
        given = SettingsChanged(settings=preset.document, by=preset.by)
        guild.apply(Event(id=EventId("preset"), guild_id=GuildId(guild.guild_id), occurred_at=Ms(at), data=given))

    def _new_members(self, subjects: Ints, guilds: Ints) -> Ints:
        rows = np.full((len(subjects), MEMBER), -1, np.int64)
        listed = subjects < len(self._users)  # who was forgotten leaves no trace in the table of subjects
        users = np.where(listed, self._users[np.where(listed, subjects, 0)], 0)
        rows[:, M_USER] = np.where(users > 0, users, -subjects)
        rows[:, M_GUILD] = guilds
        rows[:, M_GUILD + 1 : M_MESSAGE_AT] = 0
        rows[:, M_MESSAGE_AT] = rows[:, M_INTERACTION_AT] = NOT_YET
        rows[:, M_ROLES] = NO_ROLES
        return self.state.memory.put(rows.tobytes()) + MEMBER * np.arange(len(subjects))

    def _channels(self, guilds: Ints, ids: Ints, met_by: npt.NDArray[np.uint8]) -> Ints:
        """Of those that are described at once, it is worked out then what the settings say of them."""
        known = {row: self._by_row(row) for row in np.unique(guilds).tolist()}
        of = [known[row] for row in guilds.tolist()]
        met = list(zip(of, ids.tolist(), (met_by == kinds.CHANNEL).tolist(), strict=True))
        new = [one for one in met if one[1] not in one[0].channels]
        rows = self.state.memory.new_channels([one[1] for one in new], [one[0].row for one in new])
        for (guild, channel, is_said), row in zip(new, rows, strict=True):
            guild.meet(channel, row, weighed=not is_said)
        if len(new) < len(met):
            rows = [guild.channels[channel].row for guild, channel, _ in met]
        return np.array(rows, np.int64)

    def _by_row(self, row: int) -> GuildState:
        return self.state.guilds[self.state.memory.heap[row + G_ID]]

    def _arguments(self, arg: Ints, kind: np.ndarray[Any, Any]) -> Ints:
        """`arg` with the rows of sets of roles instead of their numbers."""
        changed = np.flatnonzero(kind == kinds.ROLES_CHANGED)
        if not len(changed):
            return arg
        numbers = arg[changed]
        which, firsts = numbers_of(numbers, numbers, fast=self._fast)
        arg = arg.copy()
        arg[changed] = self._role_rows(self._role_sets.several(numbers[firsts]))[which]
        return arg

    def _role_rows(self, sets: Packed) -> Ints:
        memory = self.state.memory
        if memory.has_role_sets:
            return np.array(memory.role_rows(sets.ids.tobytes(), sets.ends.tolist()), np.int64)
        sets, which = sets.distinct()
        places = np.stack([sets.ends - sets.sizes, sets.ends], axis=1)[sets.sizes > 0] + memory.put(sets.ids.tobytes())
        rows = np.full(len(sets.ends), NO_ROLES, np.int64)
        rows[sets.sizes > 0] = memory.new_role_sets(array("q", places.tobytes()))
        return rows[which]

    # -- the fold --------------------------------------------------------------------------------------------------

    def _run(self, columns: EventColumns, found: RowsOf) -> None:
        events: tuple[Any, ...] = (columns.kind, *found, columns.at, columns.arg)
        if self._compiled is None:
            events = tuple(column.tolist() for column in events)
        rest = columns.rest.rows  # all that are rare have one, but for ticks
        rare = rest[columns.kind[rest] >= kinds.FIRST_RARE]
        heap, guilds, i = self.state.memory.heap, self.state.guilds, 0
        told = (columns.kind, columns.guild, columns.channel, columns.at, columns.subject, found.member)
        cells = (one[rare].tolist() for one in told)
        for at, data, kind, guild, channel, moment, subject, who in zip(
            rare.tolist(), columns.said(rare), *cells, strict=True
        ):
            if i < at:
                self._call(events, i, at)
            i = at + 1
            if kind == kinds.SETTINGS and self._is_replaced(guild, moment, int(columns.position[at])):
                continue
            user = None
            if subject:
                user = heap[who + M_USER]  # it may have been forgotten since
                guilds[guild].members[user] = who  # of handlers that know people by their ids
            guilds[guild].apply_rare(kind, user, channel or None, moment, data)
        self._call(events, i, len(columns))

    def _call(self, events: tuple[Any, ...], first: int, end: int) -> None:
        """Have the kernel fold the events [first, end), of which none is rare, and what is at `end` is, if anything."""
        memory, said = self.state.memory, self._said
        while first < end:
            if self._compiled is None:
                first = run(memory.heap, *events, first, said)  # type: ignore[call-arg]
            else:
                first = self._compiled.run(view(memory.heap), *events, first, said)
            if first < end:
                memory.supply()

    def _is_replaced(self, guild: int, at: int, position: int) -> bool:
        preset = self._presets.get(guild)
        return preset is not None and preset.replaces(at, position)

    def advance(self, as_of: int) -> None:
        """Time has come to `as_of`."""
        memory = self.state.memory
        for guild in self.state.guilds.values():
            if self._compiled is None:
                guild.advance(as_of)
            else:
                while not self._compiled.advance(view(memory.heap), guild.row, as_of):
                    memory.supply()
        self.state.as_of = Ms(as_of)

    def close(self) -> Heap:
        """The heap, for another memory. Nothing more is to be asked of the state: its guilds are taken apart."""
        for guild in self.state.guilds.values():
            guild.take_apart()
        del self._whose  # it knows this feed, too, and nobody looks for such circles meanwhile
        heap = self.state.memory.heap
        view(heap)[HEAP : heap[TOP]] = 0  # here, as numpy does that off the interpreter's lock
        heap[TOP] = HEAP
        self.state.memory.heap = array("q")
        return heap

    # -- names -----------------------------------------------------------------------------------------------------

    def _note_names(self, columns: EventColumns, member: Ints) -> None:
        """What members are called after these events; the kernel has noted where it is said."""
        rows, rest = view(self.state.memory.heap), columns.rest.rows
        kind, of_somebody = columns.kind[rest], member[rest] >= 0
        for named, cls in _NAMED.items():
            said = rest[(kind == named) & of_somebody]
            said = said[rows[member[said] + M_NAME] == self._said + said]
            if not len(said):
                continue
            if cls.VERSION == 1:
                self.names.hear(member[said], columns.texts(said))
            else:
                names = (columns.event(i).event.data.name for i in said.tolist())  # type: ignore[attr-defined]
                self.names.hear_names(member[said], names)


def view(heap: Heap) -> Ints:
    """The heap as numpy's array on the same memory. To be dropped before it grows."""
    return np.frombuffer(heap, np.int64)
