"""Folding the log in columns: events by the hundred thousand into the kernel, compiled where numba is installed.

What the kernel does not know (settings, descriptions of channels, outages…) is rare, and goes through the same handlers
as in a live bot, between two runs of the kernel.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from store.columns import EventColumns
from store.columns_chunk import Ints
from store.replay_arranging import numbers_of
from tracker.events import kinds
from tracker.events.envelope import Event
from tracker.events.member import MemberJoined, MemberRenamed
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId, GuildId, Ms, Partition, UserId
from tracker.projections.guild import GuildState
from tracker.projections.kernel.layout import (
    FOR_OTHERS, G_ID, MEMBER, M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT, M_NAME, M_ROLES, M_USER, NOT_YET, NO_ROLES,
    STOPPED_FOR, Heap,
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

_NUMBERS: Final = 12
"""How many numbers a folded event leaves in the memory, about."""

_NAMED: Final[dict[int, type[MemberJoined | MemberRenamed]]] = {
    kinds.MEMBER_JOINED: MemberJoined,
    kinds.RENAMED: MemberRenamed,
}


class _Named(msgspec.Struct):
    name: str = ""


_name_in: Final = msgspec.json.Decoder(_Named).decode


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

    `role_sets`: the reader's. `presets`: by guild id. `names`: by the offset of a member's row.
    `memory`: an empty one (None: a new one).
    """

    def __init__(
        self,
        partition: Partition,
        users: Ints,
        *,
        compiled: Compiled | None,
        role_sets: Sequence[tuple[int, ...]],
        presets: Mapping[int, Preset] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.state = PartitionState(partition=partition, memory=memory)
        self.names: dict[int, str] = {}
        self._users = users
        self._compiled = compiled
        self._role_sets = role_sets
        self._presets = presets or {}
        self._fast = compiled is not None
        self._subjects, self._rows = np.zeros(1, np.int64), np.full(1, -1, np.int64)  # those met, ascending; 0: nobody
        self._role_rows: dict[int, int] = {}
        self._said = 0

    # -- columns to rows -------------------------------------------------------------------------------------------

    def fold(self, columns: EventColumns, pause: Callable[[], None] | None = None) -> None:
        """Fold events, guild by guild and each one's in canonical order (`Groups.columns`).

        `pause` is called now and then, when nothing is half done.
        """
        self.state.memory.reserve(_NUMBERS * len(columns))
        for first in range(0, len(columns), _AT_ONCE):
            self._fold(columns.part(first, min(first + _AT_ONCE, len(columns))))
            if pause is not None:
                pause()

    def _fold(self, columns: EventColumns) -> None:
        which, guilds = self._guilds(columns)
        guild = guilds[which]
        member = self._members_of(columns.subject, guild)
        channel = self._channels_of(columns, which, guilds)
        self._run(columns, guild, member, channel)
        self._note_names(columns, member)
        self._said += len(columns)

    def _guilds(self, columns: EventColumns) -> tuple[Ints, Ints]:
        """For each event the number of its guild, and the guilds' rows by that number; -1: an event of none."""
        new = np.flatnonzero(np.diff(columns.guild, prepend=columns.guild[0] - 1))
        rows = np.full(len(new), -1, np.int64)
        for number, (guild_id, i) in enumerate(zip(columns.guild[new].tolist(), new.tolist(), strict=True)):
            if guild_id:
                known = guild_id in self.state.guilds
                guild = self.state.guild(guild_id)
                rows[number] = guild.row
                if guild_id in self._presets and not known:
                    self._preset(guild, self._presets[guild_id], int(columns.at[i]))
        return np.repeat(np.arange(len(new)), np.diff(new, append=len(columns))), rows

    def _preset(self, guild: GuildState, preset: Preset, at: int) -> None:
        given = SettingsChanged(settings=preset.document, by=preset.by)
        guild.apply(Event(id=EventId("preset"), guild_id=GuildId(guild.guild_id), occurred_at=Ms(at), data=given))

    def _members_of(self, subjects: Ints, guild: Ints) -> Ints:
        number, firsts = numbers_of(subjects, subjects, fast=self._fast)
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

    def _channels_of(self, columns: EventColumns, which: Ints, guilds: Ints) -> Ints:
        """The rows of channels in their guilds; adjustments count in the one whose id is 0."""
        adjusted = columns.kind == kinds.ADJUSTED
        ids = np.where(adjusted, 0, columns.channel)
        number, firsts = numbers_of(ids, which, fast=self._fast)
        rows = np.full(len(firsts), -1, np.int64)
        for one, (guild, channel) in enumerate(zip(guilds[which[firsts]].tolist(), ids[firsts].tolist(), strict=True)):
            if guild >= 0:
                rows[one] = self._by_row(guild).channel(channel).row
        nowhere = (ids == 0) & ~adjusted
        return np.where(nowhere, -1, rows[number])

    def _by_row(self, row: int) -> GuildState:
        return self.state.guilds[self.state.memory.heap[row + G_ID]]

    def _arguments(self, arg: Ints, kind: np.ndarray[Any, Any]) -> Ints:
        changed = np.flatnonzero(kind == kinds.ROLES_CHANGED)
        if not len(changed):
            return arg
        numbers = arg[changed]
        which, firsts = numbers_of(numbers, numbers, fast=self._fast)
        met = numbers[firsts].tolist()
        new = [number for number in met if number not in self._role_rows]
        self._role_rows |= zip(new, self.state.memory.role_rows([self._role_sets[n] for n in new]), strict=True)
        arg = arg.copy()
        arg[changed] = np.array([self._role_rows[number] for number in met], np.int64)[which]
        return arg

    # -- the fold --------------------------------------------------------------------------------------------------

    def _run(self, columns: EventColumns, guild: Ints, member: Ints, channel: Ints) -> None:
        arg = self._arguments(columns.arg, columns.kind)
        events: tuple[Any, ...] = (columns.kind, guild, member, channel, columns.at, arg)
        if self._compiled is None:
            events = tuple(column.tolist() for column in events)
        rare = ((columns.kind >= kinds.FIRST_RARE) & (columns.kind != kinds.TICKED)).tolist()
        memory, i = self.state.memory, 0
        while i < len(columns):
            if rare[i]:
                self._rare(columns.event(i).event, int(columns.position[i]), int(member[i]))
                i += 1
            else:
                i = self._call(events, i, self._said)
                if i < len(columns) and memory.heap[STOPPED_FOR] != FOR_OTHERS:
                    memory.supply()

    def _call(self, events: tuple[Any, ...], first: int, names_from: int) -> int:
        heap = self.state.memory.heap
        if self._compiled is None:
            kind, guild, member, channel, at, arg = events
            return run(heap, kind, guild, member, channel, at, arg, first, names_from)
        return self._compiled.run(view(heap), *events, first, names_from)

    def _rare(self, event: Event, position: int, who: int) -> None:
        guild = self.state.guilds[event.guild_id]
        if isinstance(event.data, SettingsChanged):
            preset = self._presets.get(event.guild_id)
            if preset is not None and preset.replaces(event.occurred_at, position):
                return
        if event.user_id is not None:
            user = UserId(self.state.memory.heap[who + M_USER])
            guild.members[user] = who  # of handlers that know people by their ids
            event = replace(event, user_id=user)  # it may have been forgotten since the subjects were read
        guild.apply(event)

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
        heap = self.state.memory.heap
        self.state.memory.heap = array("q")
        return heap

    # -- names -----------------------------------------------------------------------------------------------------

    def _note_names(self, columns: EventColumns, member: Ints) -> None:
        """What members are called after these events; the kernel has noted where it is said."""
        rows = view(self.state.memory.heap)
        for named, cls in _NAMED.items():
            said = np.flatnonzero((columns.kind == named) & (member >= 0))
            said = said[rows[member[said] + M_NAME] == self._said + said]
            whose = member[said].tolist()
            if cls.VERSION == 1:
                self.names |= zip(whose, (_name_in(text).name for text in columns.texts(said)), strict=True)
            else:
                for i, who in zip(said.tolist(), whose, strict=True):
                    self.names[who] = columns.event(i).event.data.name  # type: ignore[attr-defined]


def view(heap: Heap) -> Ints:
    """The heap as numpy's array on the same memory. To be dropped before it grows."""
    return np.frombuffer(heap, np.int64)
