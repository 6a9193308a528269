"""The posts that are owed, for the event loop: every touch of the database is on the writer thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

import store.deliveries
from store.deliveries import Delivery, NewDelivery, Tried
from store.engine import Database
from tracker.events.settings import ReportEntry
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId
from tracker.ingest.ingest import Ingest
from tracker.reports.window import Window

__all__ = ["Posts"]

T = TypeVar("T")


class Posts:
    """Owes posts and notes what became of them. Everything raises DatabaseError when the database cannot be reached.

    Only a flush and what is noted here change what is owed, so when nothing is due it is remembered when something
    will be: `due` is asked every few seconds, and almost always about nothing.
    """

    def __init__(self, database: Database, ingest: Ingest) -> None:
        self._database = database
        self._ingest = ingest
        self._quiet_until: Ms | None = Ms(0)  # None: nothing is owed
        self._changes = 0
        self._flushes = -1

    async def owe(self, guild: GuildId, entry: ReportEntry, window: Window, key: str) -> None:
        """Owe the report of an entry about a window; owing it again changes nothing."""
        about = {
            "role_id": None if entry.role_id is None else str(entry.role_id),
            "period": window.period,
            "day": window.first_day,
        }
        payload = msgspec.json.encode(about).decode()
        await self.owe_post(guild, entry.channel_id, kind="report", key=key, payload=payload)

    async def owe_post(self, guild: GuildId, channel: ChannelId | None, *, kind: str, key: str, payload: str) -> bool:
        """Owe a post of any kind; False if one of that key is or was owed already. `channel` None: the log channel."""
        owed = NewDelivery(
            key=key, guild_id=guild, channel_id=channel, kind=kind, payload=payload, at=self._ingest.clock.now()
        )
        return await self._change(partial(store.deliveries.enqueue, self._database, owed))

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
        return found

    async def mark_sent(self, owed: Tried, message_id: MessageId) -> None:
        """It is posted."""
        await self._change(partial(store.deliveries.mark_sent, self._database, owed, message_id))

    async def mark_failed(self, owed: Tried, error: str, next_attempt_at: Ms) -> None:
        """It will be tried again."""
        mark = partial(store.deliveries.mark_failed, self._database, owed, error, next_attempt_at=next_attempt_at)
        await self._change(mark)

    async def mark_blocked(self, owed: Tried, error: str) -> None:
        """A person has to change something."""
        await self._change(partial(store.deliveries.mark_blocked, self._database, owed, error))

    async def mark_dropped(self, owed: Tried, reason: str) -> None:
        """It will never be posted."""
        await self._change(partial(store.deliveries.mark_dropped, self._database, owed, reason))

    async def keep_newest(self, owed: Tried, like: str) -> bool:
        """Of what is owed with keys that begin with `like`, drop all but the newest; False: not it."""
        return await self._change(partial(store.deliveries.keep_newest, self._database, owed, like))

    async def member_name(self, guild: GuildId, user: UserId) -> str | None:
        """What a member is called; None: not known."""
        return await self._ingest.write(partial(store.deliveries.member_name, self._database, guild, user))

    async def _change(self, job: Callable[[], T]) -> T:
        try:
            return await self._ingest.write(job)
        finally:  # whatever an error left behind: look
            self._changes += 1
            self._quiet_until = Ms(0)
