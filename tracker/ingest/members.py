"""What members should look like on Discord, for the event loop: every touch of the database is on another thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

import store.member_sync
from store.engine import Database
from store.member_sync import MemberSync, State
from tracker.ids import GuildId, Ms, UserId
from tracker.ingest.ingest import Ingest
from tracker.ingest.reader import Reader

__all__ = ["Members"]

T = TypeVar("T")


class Members:
    """Everything raises DatabaseError when the database cannot be reached.

    Only a flush and what is noted here change what is owed, so when nothing is due it is remembered when something
    will be: `due_guilds` is asked every second, and almost always about nothing.

    What only reads, and may read a whole guild, does so on the reader's threads: the writer's has events to write.
    `reader` None: on the writer's all the same.
    """

    def __init__(self, database: Database, ingest: Ingest, reader: Reader | None = None) -> None:
        self._database = database
        self._ingest = ingest
        self._reader = reader
        self._quiet_until: Ms | None = Ms(0)  # None: nothing is owed
        self._flushes = -1
        self._changes = 0
        self._not_before: dict[GuildId, Ms] = {}

    async def due(self, guild: GuildId, now: Ms, *, limit: int) -> Sequence[MemberSync]:
        """Those of one guild to be tried now, the longest due first."""
        return await self._ingest.write(partial(store.member_sync.due, self._database, now, limit=limit, guild=guild))

    async def due_guilds(self, now: Ms) -> Sequence[GuildId]:
        """The guilds in which somebody is to be tried now, the longest due first."""
        flushes, changes = self._ingest.health.flushes, self._changes
        if flushes == self._flushes and (self._quiet_until is None or now < self._quiet_until):
            return ()
        owed = await self._ingest.write(partial(store.member_sync.owed_guilds, self._database))
        self._not_before = {guild: until for guild, until in self._not_before.items() if until > now}
        when = {guild: max(at, self._not_before.get(guild, at)) for guild, at in owed.items()}
        found = [guild for guild, at in when.items() if at <= now]
        if not found and self._changes == changes:
            self._quiet_until, self._flushes = min(when.values(), default=None), flushes
        return found

    async def desired(self, guild: GuildId) -> Mapping[UserId, MemberSync]:
        """Everybody in the guild of whom something is noted."""
        return await self._read(partial(store.member_sync.desired, self._database, guild))

    def postpone(self, guild: GuildId, until: Ms) -> None:
        """The guild is not due before `until`, as long as this process lives."""
        self._not_before[guild] = until

    async def mark_meant(self, sync: MemberSync, *, nick: str, original: str | None, there: str | None) -> None:
        """The nickname is about to be set, where `there` is the one of ours that is there now (None: not ours)."""
        mark = partial(store.member_sync.mark_meant, self._database, sync, nick=nick, original=original, there=there)
        await self._ingest.write(mark)

    async def mark_sent(self, sync: MemberSync, *, managed: bool, set_nick: str | None) -> None:
        """The member looks like this revision; stays owed if something else is desired by now."""
        await self._change(
            partial(store.member_sync.mark_sent, self._database, sync, managed=managed, set_nick=set_nick)
        )

    async def mark_failed(self, sync: MemberSync, error: str, next_attempt_at: Ms) -> None:
        """It will be tried again."""
        await self._change(
            partial(store.member_sync.mark_failed, self._database, sync, error, next_attempt_at=next_attempt_at)
        )

    async def mark_blocked(self, sync: MemberSync, reason: str, *, managed: bool, set_nick: str | None) -> None:
        """A person has to change something."""
        await self._change(
            partial(store.member_sync.mark_blocked, self._database, sync, reason, managed=managed, set_nick=set_nick)
        )

    async def make_pending(self, guild: GuildId, users: Collection[UserId]) -> int:
        """Has another look at these members; returns how many they are."""
        now, curve = self._ingest.clock.now(), self._ingest.sight.settings(guild).curve
        return await self._change(partial(store.member_sync.make_pending, self._database, guild, users, curve, now=now))

    async def retry_blocked(self, guild: GuildId) -> int:
        """What was blocked in the guild is tried again; returns how many."""
        now = self._ingest.clock.now()
        return await self._change(partial(store.member_sync.retry_blocked, self._database, guild, now=now))

    async def counts(self, guild: GuildId | None = None) -> Mapping[State, int]:
        """How many members are in each state, in one guild or in all (None)."""
        return await self._read(partial(store.member_sync.counts, self._database, guild))

    async def blocked(self, guild: GuildId, *, limit: int = 20) -> Sequence[tuple[UserId, str]]:
        """Who is blocked in the guild, and why."""
        return await self._read(partial(store.member_sync.blocked, self._database, guild, limit=limit))

    async def _read(self, job: Callable[[], T]) -> T:
        return await (self._ingest.write(job) if self._reader is None else self._reader.read(job))

    async def _change(self, job: Callable[[], T]) -> T:
        try:
            return await self._ingest.write(job)
        finally:  # whatever an error left behind: look
            self._changes += 1
            self._flushes = -1
