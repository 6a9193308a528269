"""An ingest without a database: the real fold, a list of events, a clock that stands where it is put."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.events.ticks import TrackerLost
from tracker.events.voice import Flags
from tracker.ids import ChannelId, GuildId, Ms, Partition, RoleId, UserId, mint_event_id
from tracker.projections.guild import GuildState
from tracker.projections.state import PartitionState


@dataclass
class HandClock:
    """Shows `ms`, which tests set."""

    ms: int = 1_700_000_000_000

    def now(self) -> Ms:
        return Ms(self.ms)


@dataclass
class FoldSight:
    """`Sight` over the fold of one partition."""

    state: PartitionState

    def guilds(self) -> Collection[GuildId]:
        return [GuildId(g) for g in self.state.guilds]

    def lost_at(self, guild: GuildId) -> Ms | None:
        at = self._guild(guild).lost_at
        return None if at is None else Ms(at)

    def bridge_ms(self, guild: GuildId) -> Ms:
        return self._guild(guild).voice.settings.bridge_ms

    def in_voice(self, guild: GuildId) -> Iterable[UserId]:
        return [UserId(u) for u in self._guild(guild).voice.open]

    def channel_of(self, guild: GuildId, user: UserId) -> ChannelId | None:
        session = self._guild(guild).voice.open.get(user)
        return None if session is None else ChannelId(session.channel.id)

    def flags_of(self, guild: GuildId, user: UserId) -> Flags:
        session = self._guild(guild).voice.open.get(user)
        return Flags(0) if session is None else session.flags

    def is_member(self, guild: GuildId, user: UserId) -> bool:
        return self._guild(guild).roster.is_present(user)

    def is_silent(self, guild: GuildId, user: UserId) -> bool:
        return not self._guild(guild).is_tracked(user)

    def is_named(self, guild: GuildId, user: UserId, name: str) -> bool:
        return self._guild(guild).roster.is_named(user, name)

    def roles_of(self, guild: GuildId, user: UserId) -> tuple[int, ...]:
        return self._guild(guild).roster.roles(user)

    def members(self, guild: GuildId) -> Iterable[UserId]:
        roster = self._guild(guild).roster
        return [UserId(u) for u in roster.present() if not roster.is_bot(u)]

    def channel(self, guild: GuildId, channel: ChannelId) -> ChannelDescribed | None:
        known = self._guild(guild).voice.channels.get(channel)
        if known is None or not known.described:
            return None
        parent = None if known.parent_id is None else ChannelId(known.parent_id)
        return ChannelDescribed(name=known.name, kind=known.kind, parent_id=parent, afk=known.afk)

    def role_name(self, guild: GuildId, role: RoleId) -> str | None:
        return self._guild(guild).role_names.get(role)

    def _guild(self, guild: GuildId) -> GuildState:
        return self.state.guild(guild)


@dataclass
class FoldIntake:
    """`Intake` that folds and remembers. `full` closes the door; `arrived` is set at each accepted event."""

    clock: HandClock = field(default_factory=HandClock)
    state: PartitionState = field(default_factory=lambda: PartitionState(partition=Partition(0)))
    events: list[Event] = field(default_factory=list)
    held: set[object] = field(default_factory=set)
    flushes: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sight = FoldSight(self.state)
        self._open.set()

    def accept(self, *events: Event) -> None:
        for event in events:
            last = self.state.guild(event.guild_id).last_at
            stamped = replace(event, occurred_at=Ms(max(last, event.occurred_at)))
            self.state.apply(stamped)
            self.events.append(stamped)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def gone(self, guild_ids: Iterable[GuildId], at: Ms) -> None:
        for guild in guild_ids:
            if self.state.guild(guild).lost_at is None:
                self.accept(Event(id=mint_event_id(at), guild_id=guild, occurred_at=at, data=TrackerLost()))

    def hold(self, key: object) -> None:
        self.held.add(key)

    def release(self, key: object) -> None:
        self.held.discard(key)

    async def room(self) -> None:
        await self._open.wait()

    async def flush(self) -> None:
        self.flushes += 1

    def shut(self) -> None:
        """No room from now on."""
        self._open.clear()

    def reopen(self) -> None:
        """Room again."""
        self._open.set()

    def of(self, *types: str) -> list[Event]:
        """The accepted events of these types."""
        return [event for event in self.events if event.type in types]

    async def until(self, count: int, *types: str) -> list[Event]:
        """Wait until `count` events of these types were accepted. Raises TimeoutError after 10 s."""
        async with asyncio.timeout(10):
            while len(found := self.of(*types)) < count:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.append(waiter)
                await waiter
        return found
