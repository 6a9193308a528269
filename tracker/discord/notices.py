"""Once a day and guild, those who can change it are told what Discord does not let the bot do."""

from __future__ import annotations

import logging
from typing import Final

from store.outlook import Blocked, StuckPost
from tracker.clock import from_ms
from tracker.discord.notice import KINDS, MOST_NAMED, BlockedMember, BlockedPost, NoticePost
from tracker.discord.owing import Owe
from tracker.discord.sight import Intake
from tracker.discord.unavoidable import unavoidable
from tracker.errors import DatabaseError
from tracker.events.settings import GuildSettings
from tracker.ids import GuildId, Ms
from tracker.ingest.outlook import Outlook

__all__ = ["Notices"]

_LOG = logging.getLogger("tracker.notice")

_FROM_HOUR: Final = 9
"""Local time: who can do something about it is asleep at midnight, and reports come then."""
_POSTS_MS: Final = 2 * 86_400_000
"""Posts that were owed earlier than this are history: a person has been told, or has turned to other things."""


class Notices:
    """`look` is one round; whoever calls it decides when. It counts what is owed for the health check, too."""

    def __init__(self, intake: Intake, outlook: Outlook, owe: Owe) -> None:
        self._intake = intake
        self._outlook = outlook
        self._owe = owe
        self._told: dict[GuildId, int] = {}

    async def look(self) -> None:
        """Tell each guild that has anything blocked and was not told today. Without the database: another time."""
        try:
            await self._look()
        except DatabaseError as error:
            _LOG.debug("what is blocked cannot be looked at: %s", error)  # those who write say so louder

    async def _look(self) -> None:
        await self._outlook.refresh()
        if not self._outlook.anything_blocked:
            return
        now = self._intake.clock.now()
        found = await self._outlook.blocked_by_guild(
            posts_since=Ms(now - _POSTS_MS), kinds=KINDS, but_for=unavoidable()
        )
        for guild, blocked in found.items():
            settings = self._intake.sight.settings(guild)
            local = from_ms(now).astimezone(settings.zone)
            day = local.year * 10_000 + local.month * 100 + local.day
            if self._told.get(guild) != day and local.hour >= _FROM_HOUR:
                await self._tell(guild, blocked, settings, day, now)
                self._told[guild] = day

    async def _tell(self, guild: GuildId, blocked: Blocked, settings: GuildSettings, day: int, now: Ms) -> None:
        _LOG.warning(
            "guild %d: blocked: %d members, %d posts; `tracker doctor` says why", guild, blocked.members, blocked.posts
        )
        channel = settings.log_channel_id
        if channel is None or not await self._outlook.takes_posts(guild, channel):
            return
        notice = await self._notice(guild, blocked, now)
        await self._owe(guild, channel, key=f"notice:{guild}:{day}", payload=notice.text())

    async def _notice(self, guild: GuildId, blocked: Blocked, now: Ms) -> NoticePost:
        members = await self._outlook.blocked_members(guild, but_for=unavoidable(), limit=MOST_NAMED)
        since = Ms(now - _POSTS_MS)
        posts = await self._outlook.blocked_posts(guild, since=since, kinds=KINDS, limit=MOST_NAMED)
        settings = self._intake.sight.settings(guild)
        return NoticePost(
            at=now,
            members=tuple(BlockedMember(user_id=str(m.user_id), reason=m.error) for m in members),
            more_members=max(0, blocked.members - len(members)),
            posts=tuple(_named(post, settings) for post in posts),
            more_posts=max(0, blocked.posts - len(posts)),
        )


def _named(post: StuckPost, settings: GuildSettings) -> BlockedPost:
    channel = post.channel_id
    if channel is None and post.kind == "level":
        channel = settings.announcements.channel_id
    return BlockedPost(kind=post.kind, channel_id=None if channel is None else str(channel), reason=post.error)
