"""An ingest without a database: the real fold, a list of events, a clock that stands where it is put."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tracker.events.envelope import Event
from tracker.events.ticks import TrackerLost
from tracker.ids import GuildId, Ms, Partition, mint_event_id
from tracker.ingest.sight import FoldSight
from tracker.projections.state import PartitionState


@dataclass
class HandClock:
    """Shows `ms`, which tests set."""

    ms: int = 1_700_000_000_000

    def now(self) -> Ms:
        return Ms(self.ms)


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
        self.sight = FoldSight({Partition(0): self.state})
        self._open.set()

    def accept(self, *events: Event) -> None:
        for event in events:
            last = self.state.guild(event.guild_id).last_at
            stamped = replace(event, occurred_at=Ms(max(last, event.occurred_at)))
            self.state.apply(stamped)
            self.events.append(stamped)
        self._wake()

    def gone(self, guild_ids: Iterable[GuildId], at: Ms) -> None:
        for guild in guild_ids:
            if self.state.guild(guild).lost_at is None:
                self.accept(Event(id=mint_event_id(at), guild_id=guild, occurred_at=at, data=TrackerLost()))

    def hold(self, key: object) -> None:
        self.held.add(key)
        self._wake()

    def release(self, key: object) -> None:
        self.held.discard(key)
        self._wake()

    async def room(self) -> None:
        await self._open.wait()

    async def flush(self) -> None:
        self.flushes += 1

    async def look(self, guild: GuildId) -> None:
        """Nothing is kept in memory here."""

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
        """Wait until `count` events of these types were accepted. Raises TimeoutError after five minutes."""
        await self.when(lambda: len(self.of(*types)) >= count)
        return self.of(*types)

    async def when(self, condition: Callable[[], bool]) -> None:
        """Wait for what an accepted event, a hold or a release brings. Raises TimeoutError after five minutes."""
        async with asyncio.timeout(300):
            while not condition():
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.append(waiter)
                await waiter

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
