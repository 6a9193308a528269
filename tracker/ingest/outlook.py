"""What is owed to Discord and stuck, read beside the writer: for the health check and for notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from store import outlook
from store.engine import Database
from store.outlook import Blocked, StuckMember, StuckPost
from tracker.ids import ChannelId, GuildId, Ms
from tracker.ingest.health import Health
from tracker.ingest.reader import Reader

__all__ = ["Outlook"]


class Outlook:
    """Each method raises DatabaseError if the database cannot be read."""

    def __init__(self, database: Database, reader: Reader, health: Health) -> None:
        self._database = database
        self._reader = reader
        self._health = health

    async def refresh(self) -> None:
        """Bring what the health check shows of the outboxes up to date, in one statement."""
        self._health.outbox = await self._reader.read(partial(outlook.counts, self._database))

    @property
    def anything_blocked(self) -> bool:
        """Whether anything was blocked when last refreshed."""
        return any(states["blocked"] for states in self._health.outbox.values())

    async def blocked_by_guild(
        self, *, posts_since: Ms, kinds: Collection[str], but_for: Collection[str]
    ) -> Mapping[GuildId, Blocked]:
        """The guilds in which a member, or a post of these kinds owed since then, is blocked; and how many are.

        `but_for`: reasons for which a member does not count.
        """
        return await self._reader.read(
            partial(outlook.blocked_by_guild, self._database, posts_since=posts_since, kinds=kinds, but_for=but_for)
        )

    async def blocked_members(self, guild: GuildId, *, but_for: Collection[str], limit: int) -> Sequence[StuckMember]:
        """The first of them, by user id."""
        return await self._reader.read(
            partial(outlook.stuck_members, self._database, "blocked", guild=guild, but_for=but_for, limit=limit)
        )

    async def blocked_posts(
        self, guild: GuildId, *, since: Ms, kinds: Collection[str], limit: int
    ) -> Sequence[StuckPost]:
        """The newest of those of these kinds that were owed since then."""
        return await self._reader.read(
            partial(outlook.stuck_posts, self._database, "blocked", guild=guild, since=since, kinds=kinds, limit=limit)
        )

    async def takes_posts(self, guild: GuildId, channel: ChannelId) -> bool:
        """Whether the newest post to the channel that was decided is there; True if there was none."""
        return await self._reader.read(partial(outlook.takes_posts, self._database, guild, channel))
