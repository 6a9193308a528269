"""Folding the log in columns: events by the hundred thousand into the kernel, compiled where numba is installed.

What the kernel does not know (settings, descriptions of channels, outages…) is rare, and goes through the same handlers
as in a live bot, between two runs of the kernel.
"""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from store.columns import EventColumns
from store.columns_chunk import Ints
from tracker.events import kinds
from tracker.events.envelope import Event
from tracker.events.member import MemberForgotten, MemberJoined, MemberRenamed
from tracker.events.rule import SettingsChanged
from tracker.ids import EventId, GuildId, Ms, Partition, UserId
from tracker.projections.guild import GuildState
from tracker.projections.kernel.layout import (
    FOR_OTHERS, G_DISORDERED, MEMBER, M_GUILD, M_INTERACTION_AT, M_MESSAGE_AT, M_NAME, M_ROLES, M_USER, NOT_YET,
    NO_ROLES, STOPPED_FOR, Heap,
)  # fmt: skip
from tracker.projections.kernel.step import run
from tracker.projections.state import PartitionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracker.projections.kernel.compiled import Compiled

__all__ = ["Feed", "Preset", "view"]

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

    `presets`: by guild id. `again`: the guilds that must be folded once more, in canonical order: their events are not
    in it, or the log says in the middle what was in force from the beginning, which `retroactive` then holds.
    `names`: by the offset of a member's row. `forgotten`: (guild id, user id) of whom the log says so although the
    table of subjects still knows who they are; `erased`: these subjects, to be folded without a user the next time.
    """

    def __init__(
        self,
        partition: Partition,
        users: Ints,
        *,
        compiled: Compiled | None,
        presets: Mapping[int, Preset] | None = None,
        until: int | None = None,
    ) -> None:
        self.state = PartitionState(partition=partition)
        self.names: dict[int, str] = {}
        self.ticked = 0
        self.retroactive: dict[int, Preset] = {}
        self.forgotten: list[tuple[int, int]] = []
        self.erased: set[int] = set()
        self._users = users
        self._compiled = compiled
        self._presets = dict(presets or {})
        self._until = until
        self._guild_rows: dict[int, int] = {0: -1}
        self._by_row: dict[int, GuildState] = {}
        self._channels: dict[tuple[int, int], int] = {}
        self._members = np.full(len(users), -1, np.int64)
        self._role_rows = np.full(1, NO_ROLES)
        self._said = 0

    # -- columns to rows -------------------------------------------------------------------------------------------

    def fold(self, columns: EventColumns, role_sets: list[tuple[int, ...]]) -> None:
        """Fold events; of one guild they should come in canonical order. `role_sets`: the reader's."""
        here = np.arange(len(columns)) if self._until is None else np.flatnonzero(columns.at <= self._until)
        if not len(here):
            return
        take = partial(_taken, None if len(here) == len(columns) else here)
        kind, at, position = take(columns.kind), take(columns.at), take(columns.position)
        ticks = kind == kinds.TICKED
        if ticks.any():
            self.ticked = max(self.ticked, int(take(columns.arg)[ticks].max()))
        guild = self._guilds(take(columns.guild), at, position)
        member = self._members_of(take(columns.subject), guild)
        channel = self._channels_of(take(columns.channel), guild, kind)
        arg = self._arguments(take(columns.arg), kind, role_sets)
        self._run(columns, here, kind, guild, member, channel, at, arg, position)
        self._note_names(columns, here, kind, member)
        self._said += len(here)

    def _guilds(self, ids: Ints, at: Ints, position: Ints) -> Ints:
        found, first, which = _distinct(ids)
        for guild_id, i in zip(found.tolist(), first.tolist(), strict=True):
            if guild_id not in self._guild_rows:
                guild = self.state.guild(guild_id)
                self._guild_rows[guild_id] = guild.row
                self._by_row[guild.row] = guild
                if guild_id in self._presets:
                    self._preset(guild, self._presets[guild_id], int(at[i]))
        return np.array([self._guild_rows[g] for g in found.tolist()], np.int64)[which]

    def _preset(self, guild: GuildState, preset: Preset, at: int) -> None:
        given = SettingsChanged(settings=preset.document, by=preset.by)
        guild.apply(Event(id=EventId("preset"), guild_id=GuildId(guild.guild_id), occurred_at=Ms(at), data=given))

    def _members_of(self, subjects: Ints, guild: Ints) -> Ints:
        highest = int(subjects.max())
        if highest >= len(self._members):  # who was forgotten leaves no trace in the table of subjects
            self._members = np.concatenate([self._members, np.full(highest + 1 - len(self._members), -1, np.int64)])
        new = self._members[subjects] < 0
        if new.any():
            found, first = np.unique(subjects[new], return_index=True)
            rows = np.full((len(found), MEMBER), -1, np.int64)
            known = found < len(self._users)
            users = np.where(known, self._users[np.where(known, found, 0)], 0)
            rows[:, M_USER] = np.where(users > 0, users, -found)
            rows[:, M_GUILD] = guild[new][first]
            rows[:, M_GUILD + 1 : M_MESSAGE_AT] = 0
            rows[:, M_MESSAGE_AT] = rows[:, M_INTERACTION_AT] = NOT_YET
            rows[:, M_ROLES] = NO_ROLES
            at = self.state.memory.put(rows.tobytes())
            self._members[found] = at + MEMBER * np.arange(len(found))
            self._members[0] = -1
        return self._members[subjects]

    def _channels_of(self, ids: Ints, guild: Ints, kind: np.ndarray[Any, Any]) -> Ints:
        """The rows of channels in their guilds; adjustments count in the one whose id is 0."""
        ids = np.where(kind == kinds.ADJUSTED, 0, ids)
        _, _, which = _distinct(ids)
        several = int(which.max()) + 1
        pairs, first, place = _distinct(np.maximum(guild, 0) * several + which)
        rows = np.empty(len(pairs), np.int64)
        for number, i in enumerate(first.tolist()):
            rows[number] = self._channel(int(guild[i]), int(ids[i]))
        nowhere = (ids == 0) & (kind != kinds.ADJUSTED)
        found: Ints = np.where(nowhere, -1, rows[place])
        return found

    def _channel(self, guild: int, channel_id: int) -> int:
        if guild < 0:
            return -1
        row = self._channels.get((guild, channel_id))
        if row is None:
            row = self._channels[guild, channel_id] = self._by_row[guild].channel(channel_id).row
        return row

    def _arguments(self, arg: Ints, kind: np.ndarray[Any, Any], role_sets: list[tuple[int, ...]]) -> Ints:
        changed = kind == kinds.ROLES_CHANGED
        if not changed.any():
            return arg
        if len(self._role_rows) < len(role_sets):
            more = [self.state.memory.role_set(roles) for roles in role_sets[len(self._role_rows) :]]
            self._role_rows = np.concatenate([self._role_rows, np.array(more, np.int64)])
        arg = arg.copy()
        arg[changed] = self._role_rows[arg[changed]]
        return arg

    # -- the fold --------------------------------------------------------------------------------------------------

    def _run(
        self,
        columns: EventColumns,
        here: Ints,
        kind: np.ndarray[Any, Any],
        guild: Ints,
        member: Ints,
        channel: Ints,
        at: Ints,
        arg: Ints,
        position: Ints,
    ) -> None:
        memory, i, end = self.state.memory, 0, len(here)
        events: tuple[Any, ...] = (kind, guild, member, channel, at, arg)
        if self._compiled is None:
            events = tuple(column.tolist() for column in events)
        rare = kind >= kinds.FIRST_RARE
        rare &= kind != kinds.TICKED
        while i < end:
            if rare[i]:
                self._rare(columns.event(int(here[i])).event, int(position[i]), int(member[i]))
                i += 1
            else:
                i = self._call(events, i)
                if i < end and memory.heap[STOPPED_FOR] != FOR_OTHERS:
                    memory.supply()

    def _call(self, events: tuple[Any, ...], first: int) -> int:
        heap = self.state.memory.heap
        if self._compiled is None:
            kind, guild, member, channel, at, arg = events
            return run(heap, kind, guild, member, channel, at, arg, first, self._said)
        return self._compiled.run(view(heap), *events, first, self._said)

    def _rare(self, event: Event, position: int, who: int) -> None:
        guild = self.state.guilds[event.guild_id]
        if isinstance(event.data, SettingsChanged):
            preset = self._presets.get(event.guild_id)
            if preset is not None and preset.replaces(event.occurred_at, position):
                return
            if event.data.retroactive and preset is None:
                self._see_retroactive(event, event.data, position)
        if event.user_id is not None:
            user = UserId(self.state.memory.heap[who + M_USER])
            guild.members[user] = who  # of handlers that know people by their ids
            event = replace(event, user_id=user)  # it may have been forgotten since the subjects were read
            if isinstance(event.data, MemberForgotten) and user > 0:
                self.forgotten.append((event.guild_id, user))
                self.erased.update(np.flatnonzero(self._members == who).tolist())
        guild.apply(event)

    def _see_retroactive(self, event: Event, data: SettingsChanged, position: int) -> None:
        before, until = self.retroactive.get(event.guild_id), (int(event.occurred_at), position)
        if before is None or before.until is None or before.until < until:
            self.retroactive[event.guild_id] = Preset(document=data.settings, by=data.by, until=until)

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

    @property
    def again(self) -> set[int]:
        """The ids of the guilds that must be folded once more."""
        heap = self.state.memory.heap
        jumbled = {g.guild_id for g in self.state.guilds.values() if heap[g.row + G_DISORDERED]}
        return jumbled | self.retroactive.keys() | {guild for guild, _ in self.forgotten}

    # -- names -----------------------------------------------------------------------------------------------------

    def _note_names(self, columns: EventColumns, here: Ints, kind: np.ndarray[Any, Any], member: Ints) -> None:
        """What members are called after these events; the kernel has noted where it is said."""
        rows = view(self.state.memory.heap)
        for named, cls in _NAMED.items():
            said = np.flatnonzero((kind == named) & (member >= 0))
            said = said[rows[member[said] + M_NAME] == self._said + said]
            for i, who in zip(said.tolist(), member[said].tolist(), strict=True):
                text: Callable[[int], str] = columns.text
                if cls.VERSION == 1:
                    self.names[who] = _name_in(text(int(here[i]))).name
                else:
                    self.names[who] = columns.event(int(here[i])).event.data.name  # type: ignore[attr-defined]


def view(heap: Heap) -> Ints:
    """The heap as numpy's array on the same memory. To be dropped before it grows."""
    return np.frombuffer(heap, np.int64)


def _taken(here: Ints | None, column: Any) -> Any:
    return column if here is None else column[here]


def _distinct(values: Ints) -> tuple[Ints, Ints, Ints]:
    """The different values, where each comes first, and the place of each value among them."""
    found, first, which = np.unique(values, return_index=True, return_inverse=True)
    return found, first, which
