"""The scheduled reports that Discord refused, for whoever finds out when it takes them: off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

import store.blocked_runs
from store.blocked_runs import Again, BlockedRun, Over
from store.engine import Database
from tracker.ids import GuildId, Ms
from tracker.ingest.posts import Posts

__all__ = ["BlockedRuns"]


class BlockedRuns:
    """Knows the keys of all reports that are blocked: read once, then as `posts` notes them. Raises DatabaseError."""

    def __init__(self, database: Database, posts: Posts) -> None:
        self._database = database
        self._posts = posts
        self._begun = False

    async def guilds(self) -> Collection[GuildId]:
        """Where anything is blocked; may name guilds where nothing is any more."""
        if not self._begun:
            found = await asyncio.to_thread(store.blocked_runs.blocked_keys, self._database)
            for guild, keys in found.items():
                self._posts.refused.setdefault(guild, set()).update(keys)
            self._begun = True
        return self._posts.refused.keys()

    async def blocked(self, guild: GuildId) -> Sequence[BlockedRun]:
        """The guild's blocked reports, those that were owed first coming first."""
        known = self._posts.refused.get(guild, set())
        asked = frozenset(known)
        found = await asyncio.to_thread(store.blocked_runs.read, self._database, guild, asked)
        known -= asked - {run.key for run in found}
        if not known:
            self._posts.refused.pop(guild, None)
        return found

    async def settle(self, again: Sequence[Again], over: Sequence[Over], now: Ms) -> int:
        """Have them tried again, or given up; returns how many are owed once more."""
        return await self._posts.change(partial(store.blocked_runs.settle, self._database, again, over, now=now))
