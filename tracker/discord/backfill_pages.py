"""Pages of a channel's messages, newest first, and the facts in them.

hikari would make whole messages of them, embeds and all, and one that it cannot read would hide all older ones; a fact
needs six fields. So the request is hikari's, with its rate limits and retries, and the reading is done here. This rests
on one private name of hikari 2.6 (`RESTClientImpl._request`); `tests/discord/test_backfill_pages.py` fails if it goes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast

import hikari
from hikari.internal import data_binding, routes

from store.backfills import Backfill, Place
from tracker.events.envelope import Event
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import ChannelId, MessageId, Ms, UserId, snowflake_ms

__all__ = ["PAGE", "IsSilent", "fetch_page", "message_facts"]

_LOG = logging.getLogger("tracker.discord.backfill")

PAGE: Final = 100
"""Messages in a page, Discord's most."""

IsSilent = Callable[[UserId, Ms], bool]
"""Whether a user made no events at that instant: opted out, or known to be a bot."""

_COUNTED: Final = (int(hikari.MessageType.DEFAULT), int(hikari.MessageType.REPLY))
_DELETED_USER: Final = 456_226_577_798_135_808
"""Whom Discord names as the author of what was written by people who deleted their accounts long ago."""

Payload = Mapping[str, Any]


async def fetch_page(rest: hikari.api.RESTClient, channel: ChannelId, before: MessageId) -> list[Payload]:
    """At most `PAGE` messages older than `before`, newest first. Raises hikari's errors."""
    query = data_binding.StringMapBuilder()
    query.put("before", before)
    query.put("limit", PAGE)
    route = routes.GET_CHANNEL_MESSAGES.compile(channel=channel)
    return cast("list[Payload]", await cast("Any", rest)._request(compiled_route=route, query=query))


def message_facts(page: Iterable[Payload], wanted: Backfill, place: Place, is_silent: IsSilent) -> list[Event]:
    """What the messages would have been had they come live, oldest first; those that cannot be read are left out."""
    facts = []
    for payload in page:
        try:
            fact = _fact(payload, wanted, place, is_silent)
        except (AttributeError, KeyError, TypeError, ValueError):
            _LOG.warning("a message in channel %d cannot be read, and is left out", place.channel_id)
        else:
            if fact is not None:
                facts.append(fact)
    return facts[::-1]


def _fact(payload: Payload, wanted: Backfill, place: Place, is_silent: IsSilent) -> Event | None:
    author, kind = payload["author"], payload["type"]
    if kind not in _COUNTED or author.get("bot") or author.get("system") or payload.get("webhook_id") is not None:
        return None
    message, user = int(payload["id"]), UserId(int(author["id"]))
    at = snowflake_ms(message)
    if user == _DELETED_USER or is_silent(user, at):
        return None
    return Event(
        id=message_sent_id(message),
        guild_id=wanted.guild_id,
        user_id=user,
        channel_id=place.parent_id or place.channel_id,
        occurred_at=at,
        data=MessageSent(
            thread_id=None if place.parent_id is None else place.channel_id,
            attachments=len(payload.get("attachments") or ()),
            reply=kind == int(hikari.MessageType.REPLY),
        ),
    )
