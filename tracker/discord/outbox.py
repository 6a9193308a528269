"""Delivers the posts that are owed: each exactly once, as far as Discord allows.

Between "Discord has it" and "we have noted that Discord has it" a process can die. Against that, two guards: every
post carries its nonce with `enforce_nonce` (hikari sets that with any nonce), so Discord answers a repetition within
some minutes with the message that is there already; and a post that was owed longer than that is looked for in its
channel before it is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import hikari
import msgspec

from tracker.discord.embeds import report_embed
from tracker.discord.sight import Intake
from tracker.errors import NotFoundError
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, GuildId, MessageId, Ms, RoleId
from tracker.reports.model import Report

__all__ = ["Deliveries", "Outbox", "Owed", "Renderer", "ReportPost", "Reports"]

_LOG = logging.getLogger("tracker.discord.outbox")
_NONCE_HOLDS_MS: Final = 60_000
_LOOK_BACK: Final = 500
_FIRST_PAUSE_MS: Final = 5_000
_LONGEST_PAUSE_MS: Final = 3_600_000


class ReportPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `report`. `role_id` None: everyone. `day` (yyyymmdd) is in the window."""

    role_id: str | None
    period: str
    day: int

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


class Owed(Protocol):
    """A post that is owed. `channel_id` None: the guild's log channel."""

    @property
    def key(self) -> str: ...
    @property
    def guild_id(self) -> GuildId: ...
    @property
    def channel_id(self) -> ChannelId | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> str: ...
    @property
    def nonce(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def created_at(self) -> Ms: ...


class Deliveries(Protocol):
    """Where posts are noted, off the event loop. All raise DatabaseError when the database cannot be reached."""

    async def due(self, now: Ms) -> Sequence[Owed]:
        """What is to be tried now, the longest due first."""
        ...

    async def mark_sent(self, owed: Owed, message_id: MessageId) -> None:
        """It is posted."""
        ...

    async def mark_failed(self, owed: Owed, error: str, next_attempt_at: Ms) -> None:
        """It will be tried again."""
        ...

    async def mark_blocked(self, owed: Owed, error: str) -> None:
        """A person has to change something."""
        ...


class Reports(Protocol):
    """Where reports come from (`tracker.discord.desk.ReportDesk`)."""

    async def report(self, guild: GuildId, role: RoleId | None, period: str, day: int | None) -> Report:
        """See `ReportReader.report`."""
        ...


Renderer = Callable[[str, str | None], hikari.Embed]
"""The embed of a payload in the language nearest to a locale. Raises ValueError or MsgspecError if it cannot."""


class _BlockedError(Exception):
    """The post cannot be made before a person has changed what the text says."""


class Outbox:
    """`deliver` is one round; whoever calls it decides when. `renderers`: of the kinds that are not reports."""

    def __init__(
        self,
        *,
        rest: hikari.api.RESTClient,
        intake: Intake,
        reports: Reports,
        deliveries: Deliveries,
        renderers: Mapping[str, Renderer] | None = None,
    ) -> None:
        self._rest = rest
        self._intake = intake
        self._reports = reports
        self._deliveries = deliveries
        self._renderers = renderers or {}
        self._busy = asyncio.Lock()
        self._unnoted: dict[str, MessageId] = {}
        self._me: int | None = None

    async def deliver(self) -> int:
        """Try every post that is due; returns how many were sent. Raises DatabaseError: then the rest waits."""
        sent = 0
        async with self._busy:
            for owed in await self._deliveries.due(self._intake.clock.now()):
                sent += await self._deliver(owed)
        return sent

    async def _deliver(self, owed: Owed) -> bool:
        try:
            message_id = self._unnoted.get(owed.key) or await self._post(owed)
        except (_BlockedError, NotFoundError) as error:
            await self._block(owed, str(error))
        except (hikari.ForbiddenError, hikari.NotFoundError, hikari.BadRequestError) as error:
            await self._block(owed, f"Discord refuses it ({_short(error)}): see the bot's permissions in the channel")
        except (hikari.HTTPError, hikari.ComponentStateConflictError, OSError) as error:
            pause = min(_FIRST_PAUSE_MS << min(owed.attempts, 20), _LONGEST_PAUSE_MS)
            await self._deliveries.mark_failed(owed, _short(error), Ms(self._intake.clock.now() + pause))
        else:
            self._unnoted[owed.key] = message_id
            await self._deliveries.mark_sent(owed, message_id)
            del self._unnoted[owed.key]
            return True
        return False

    async def _block(self, owed: Owed, reason: str) -> None:
        _LOG.warning("the post %s is blocked: %s", owed.key, reason)
        await self._deliveries.mark_blocked(owed, reason)

    async def _post(self, owed: Owed) -> MessageId:
        settings = self._intake.sight.settings(owed.guild_id)
        channel = owed.channel_id or settings.log_channel_id
        if channel is None:
            raise _BlockedError("there is no channel for it: set log_channel_id, or channel_id of the report")
        embed = await self._embed(owed, settings.locale)
        if self._intake.clock.now() - owed.created_at > _NONCE_HOLDS_MS:
            found = await self._find(owed, channel, embed)
            if found is not None:
                return found
        message = await self._rest.create_message(
            channel, embed=embed, nonce=owed.nonce, mentions_everyone=False, user_mentions=False, role_mentions=False
        )
        return MessageId(message.id)

    async def _embed(self, owed: Owed, locale: str | None) -> hikari.Embed:
        render = self._renderers.get(owed.kind)
        try:
            if render is not None:
                return render(owed.payload, locale)
            post = msgspec.json.decode(owed.payload, type=ReportPost)
            role = None if post.role_id is None else RoleId(int(post.role_id))
        except (msgspec.MsgspecError, ValueError):
            raise _BlockedError("its payload cannot be read") from None
        return report_embed(await self._reports.report(owed.guild_id, role, post.period, post.day), locale)

    async def _find(self, owed: Owed, channel: ChannelId, embed: hikari.Embed) -> MessageId | None:
        """The post among the bot's own messages since it was owed; None too where the history may not be read."""
        if self._me is None:
            self._me = int((await self._rest.fetch_my_user()).id)
        since = hikari.Snowflake(max(0, owed.created_at - _NONCE_HOLDS_MS - DISCORD_EPOCH_MS) << 22)
        try:
            async for message in self._rest.fetch_messages(channel, after=since).limit(_LOOK_BACK):
                if message.author.id == self._me and _is_it(message, owed, embed):
                    return MessageId(message.id)
        except hikari.ForbiddenError:
            _LOG.info("the history of channel %s may not be read; relying on the nonce alone", channel)
        return None


def _is_it(message: hikari.Message, owed: Owed, embed: hikari.Embed) -> bool:
    """Whether a message of ours is this post. Discord need not give nonces back for ever; then title and time tell."""
    if message.nonce is not None:
        return message.nonce == owed.nonce
    return any((there.title, there.timestamp) == (embed.title, embed.timestamp) for there in message.embeds)


def _short(error: Exception) -> str:
    """Status and Discord's own words, in one line; never headers or bodies."""
    if isinstance(error, hikari.HTTPResponseError):
        return f"HTTP {int(error.status)} {error.message}".strip()[:200]
    return type(error).__name__
