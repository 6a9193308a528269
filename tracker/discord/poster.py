"""Puts posts on Discord, each once, as far as Discord allows.

Between "Discord has it" and "we have noted that Discord has it" a process can die. Against that, two guards: every
post carries its nonce with `enforce_nonce` (hikari sets that with any nonce), so Discord answers a repetition within
some minutes with the message that is there already; and a post that was owed longer than that, and that may have been
sent before, is looked for in its channel first.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final

import hikari

from tracker.clock import Clock
from tracker.discord.embeds import with_picture
from tracker.discord.posts import BlockedError, DroppedError, Owed, Post
from tracker.ids import DISCORD_EPOCH_MS, ChannelId, MessageId, Ms

__all__ = ["Poster", "Turn"]

_LOG = logging.getLogger("tracker.discord.outbox")
_NONCE_HOLDS_MS: Final = 60_000
_LOOK_BACK: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Turn:
    """Posts that are made one after another. What a channel held before the first of them is asked for once.

    `since`: when the first of them was owed.
    """

    since: Ms
    mine: dict[int, tuple[Ms, list[hikari.Message]]] = field(default_factory=dict)


class Poster:
    """Knows what this process tried already: what is newer than the process, and untried, cannot be there."""

    def __init__(self, rest: hikari.api.RESTClient, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        self._started_at = clock.now()
        self._tried: set[str] = set()
        self._me: int | None = None

    async def post(self, owed: Owed, post: Post, channel: ChannelId | None, turn: Turn) -> MessageId:
        """Raises BlockedError without a channel, DroppedError for a member who takes no messages, hikari's errors."""
        if post.user_id is None:
            if channel is None:
                raise BlockedError("there is no channel for it: set log_channel_id, or channel_id of the report")
            return await self._once(owed, post, hikari.Snowflake(channel), turn)
        try:
            direct = await self._rest.create_dm_channel(post.user_id)
            return await self._once(owed, post, direct.id, turn)
        except (hikari.ForbiddenError, hikari.NotFoundError, hikari.BadRequestError):
            raise DroppedError("the member takes no direct messages") from None

    def forget(self, owed: Owed) -> None:
        """It is noted what became of it."""
        self._tried.discard(owed.key)

    async def _once(self, owed: Owed, post: Post, channel: hikari.Snowflake, turn: Turn) -> MessageId:
        maybe_there = owed.created_at < self._started_at or owed.attempts > 0 or owed.key in self._tried
        maybe_there = maybe_there and self._clock.now() - owed.created_at > _NONCE_HOLDS_MS
        if maybe_there or post.maybe_since is not None:
            since = turn.since if post.maybe_since is None else min(turn.since, post.maybe_since)
            for message in await self._mine(channel, since, turn):
                if _is_it(message, owed, post):
                    return MessageId(message.id)
        self._tried.add(owed.key)
        if post.picture is not None or post.card is not None:
            try:
                return await self._create(owed, post, channel, post.picture, post.card)
            except (hikari.ForbiddenError, hikari.BadRequestError) as error:
                _LOG.warning(
                    "the post %s goes out without its picture (HTTP %d %s): may the bot attach files there?",
                    owed.key,
                    error.status,
                    error.message,
                )
        return await self._create(owed, post, channel, None, None)

    async def _create(
        self, owed: Owed, post: Post, channel: hikari.Snowflake, picture: bytes | None, card: bytes | None
    ) -> MessageId:
        made = await self._rest.create_message(
            channel,
            hikari.UNDEFINED if post.content is None else post.content,
            embed=hikari.UNDEFINED if post.embed is None else with_picture(post.embed, picture),
            attachment=hikari.UNDEFINED if card is None else hikari.Bytes(card, "level.png"),
            components=post.components or hikari.UNDEFINED,
            nonce=owed.nonce,
            mentions_everyone=False,
            user_mentions=list(post.mentions),
            role_mentions=False,
        )
        return MessageId(made.id)

    async def _mine(self, channel: hikari.Snowflake, since_ms: Ms, turn: Turn) -> list[hikari.Message]:
        """The bot's own messages since then; none where the history may not be read."""
        if channel in turn.mine and turn.mine[channel][0] <= since_ms:
            return turn.mine[channel][1]
        if self._me is None:
            self._me = int((await self._rest.fetch_my_user()).id)
        since = hikari.Snowflake(max(0, since_ms - _NONCE_HOLDS_MS - DISCORD_EPOCH_MS) << 22)
        found: list[hikari.Message] = []
        try:
            if await self._find(self._rest.fetch_messages(channel).take_while(lambda m: m.id > since), found):
                await self._find(self._rest.fetch_messages(channel, after=since), found)
        except hikari.ForbiddenError:
            _LOG.info("the history of channel %s may not be read; relying on the nonce alone", channel)
        turn.mine[channel] = (since_ms, found)
        return found

    async def _find(self, messages: hikari.LazyIterator[hikari.Message], mine: list[hikari.Message]) -> bool:
        """Adds the bot's own. True if there are more messages than are looked at.

        What is looked for was posted either lately (the process died before it noted that) or soon after it was owed
        (and then came another trouble, for as long as you like): so both ends are read.
        """
        read = 0
        async for message in messages.limit(_LOOK_BACK):
            read += 1
            if message.author.id == self._me:
                mine.append(message)
        return read == _LOOK_BACK


def _is_it(message: hikari.Message, owed: Owed, post: Post) -> bool:
    """Whether a message of ours is this post. Discord need not give nonces back for ever; then the words tell."""
    if message.nonce is not None:
        return message.nonce == owed.nonce
    if post.embed is not None:
        wanted = (post.embed.title, post.embed.timestamp)
        return any((there.title, there.timestamp) == wanted for there in message.embeds)
    return post.unmistakable and message.content == post.content
