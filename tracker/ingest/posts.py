"""The posts that are owed, for the event loop: every touch of the database is on the writer thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import store.deliveries
import store.report_runs
from store.deliveries import Delivery, NewDelivery, Tried
from store.engine import Database
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId
from tracker.ingest.ingest import Ingest
from tracker.reports.due import entry_key_of

__all__ = ["Posts"]

T = TypeVar("T")

_UNSEEN_PAUSE_MS: Final = 30_000
_UNSEEN: Final = "the bot does not see the server (removed from it, or Discord is away); posted once it does again"


class Posts:
    """Owes posts and notes what became of them. Everything raises DatabaseError when the database cannot be reached.

    Only a flush and what is noted here change what is owed, so when nothing is due it is remembered when something
    will be: `due` is asked every few seconds, and almost always about nothing.
    """

    def __init__(self, database: Database, ingest: Ingest) -> None:
        self._database = database
        self._ingest = ingest
        self._begun = ingest.clock.now()
        self._quiet_until: Ms | None = Ms(0)  # None: nothing is owed
        self._changes = 0
        self._flushes = -1
        self.refused: dict[GuildId, set[str]] = {}  # reports that were blocked, for `BlockedRuns`

    async def owe_post(self, guild: GuildId, channel: ChannelId | None, *, kind: str, key: str, payload: str) -> bool:
        """Owe a post of any kind; False if one of that key is or was owed already. `channel` None: the log channel."""
        owed = NewDelivery(
            key=key, guild_id=guild, channel_id=channel, kind=kind, payload=payload, at=self._ingest.clock.now()
        )
        return await self.change(partial(store.deliveries.enqueue, self._database, owed))

    async def due(self, now: Ms) -> Sequence[Delivery]:
        """What is to be tried now, see `store.deliveries.due`."""
        changes, flushes = self._changes, self._ingest.health.flushes
        if flushes == self._flushes and (self._quiet_until is None or now < self._quiet_until):
            return ()
        found = await self._ingest.write(partial(store.deliveries.due, self._database, now))
        if not found:
            quiet_until = await self._ingest.write(partial(store.deliveries.next_due, self._database))
            if self._changes == changes:
                self._quiet_until, self._flushes = quiet_until, flushes
        return await self._seen(found, now)

    async def _seen(self, found: Sequence[Delivery], now: Ms) -> Sequence[Delivery]:
        """Without the reports of guilds that are not seen: those wait for them, and say so."""
        sight = self._ingest.sight
        waiting = [owed for owed in found if owed.kind == "report" and sight.lost_at(owed.guild_id) is not None]
        if not waiting:
            return found
        if now - self._begun < _UNSEEN_PAUSE_MS:  # the snapshots are on their way
            return [owed for owed in found if owed not in waiting]
        again = Ms(now + _UNSEEN_PAUSE_MS)
        await self.change(partial(store.report_runs.put_off, self._database, waiting, _UNSEEN, again))
        return [owed for owed in found if owed not in waiting]

    async def mark_sent(self, owed: Tried, message_id: MessageId) -> None:
        """It is posted."""
        await self.change(partial(store.deliveries.mark_sent, self._database, owed, message_id))

    async def mark_failed(self, owed: Tried, error: str, next_attempt_at: Ms) -> None:
        """It will be tried again."""
        mark = partial(store.deliveries.mark_failed, self._database, owed, error, next_attempt_at=next_attempt_at)
        await self.change(mark)

    async def mark_blocked(self, owed: Tried, error: str) -> None:
        """A person has to change something."""
        await self.change(partial(store.deliveries.mark_blocked, self._database, owed, error))
        if entry_key_of(owed.key) is not None:
            self.refused.setdefault(owed.guild_id, set()).add(owed.key)

    async def mark_dropped(self, owed: Tried, reason: str) -> None:
        """It will never be posted."""
        await self.change(partial(store.deliveries.mark_dropped, self._database, owed, reason))

    async def keep_newest(self, owed: Tried, like: str) -> bool:
        """Of what is owed with keys that begin with `like`, drop all but the newest; False: not it."""
        return await self.change(partial(store.deliveries.keep_newest, self._database, owed, like))

    async def member_name(self, guild: GuildId, user: UserId) -> str | None:
        """What a member is called; None: not known."""
        return await self._ingest.write(partial(store.deliveries.member_name, self._database, guild, user))

    async def change(self, job: Callable[[], T]) -> T:
        """Run a job on the writer's thread that may owe posts."""
        try:
            return await self._ingest.write(job)
        finally:  # whatever an error left behind: look
            self._changes += 1
            self._quiet_until = Ms(0)
