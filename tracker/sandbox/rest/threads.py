"""Archived threads over REST (https://discord.com/developers/docs/resources/channel#list-public-archived-threads)."""

from __future__ import annotations

from datetime import datetime

from tracker.clock import from_ms
from tracker.sandbox.model import Channel, ChannelType
from tracker.sandbox.payloads import channel_json
from tracker.sandbox.permissions import Permission
from tracker.sandbox.rest.call import Answer, Call, Route
from tracker.sandbox.wire import ApiError, Refusal, form_error

__all__ = ["ROUTES"]

_PARENTS = (ChannelType.TEXT, ChannelType.NEWS, ChannelType.FORUM)


def archived_public(call: Call) -> Answer:
    """List Public Archived Threads: the last archived first."""
    return _page(call, call.channel(Permission.READ_MESSAGE_HISTORY), private=False)


def archived_private(call: Call) -> Answer:
    """List Private Archived Threads."""
    return _page(call, call.channel(Permission.READ_MESSAGE_HISTORY, Permission.MANAGE_THREADS), private=True)


def _page(call: Call, parent: Channel, *, private: bool) -> Answer:
    if parent.type not in _PARENTS:
        raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
    limit, before = call.number("limit", 50, low=1, high=100), _before(call)
    guild = call.world.guild_of(parent)
    below = (c for c in guild.channels.values() if c.type.is_thread and c.parent_id == parent.id and c.archived)
    found = [
        thread
        for thread in sorted(below, key=lambda c: (c.archived_at, c.id), reverse=True)
        if (thread.type is ChannelType.PRIVATE_THREAD) == private
        and (before is None or from_ms(thread.archived_at) < before)
    ]
    threads = [channel_json(thread) for thread in found[:limit]]
    return {"threads": threads, "members": [], "has_more": len(found) > limit}


def _before(call: Call) -> datetime | None:
    text = call.query.get("before")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise form_error("before", "DATE_TIME_TYPE_PARSE", f"Could not parse {text}. Should be ISO8601.")
    return moment


_ARCHIVED = "/channels/{channel}/threads/archived"
ROUTES = (
    Route(method="GET", template=f"{_ARCHIVED}/public", handler=archived_public),
    Route(method="GET", template=f"{_ARCHIVED}/private", handler=archived_private),
)
