"""Messages over REST (https://discord.com/developers/docs/resources/message)."""

from __future__ import annotations

import time

from tracker.ids import snowflake_ms
from tracker.sandbox.model import Channel, Message
from tracker.sandbox.permissions import Permission
from tracker.sandbox.rest.call import Answer, Call, Route
from tracker.sandbox.rest.posting import apply_edit, build_message
from tracker.sandbox.wire import ApiError, Refusal, form_error

__all__ = ["ROUTES", "check_may_post"]

_REPLY = 19
_TWO_WEEKS_MS = 14 * 86_400_000


def check_may_post(call: Call, channel: Channel) -> None:
    """Refuse a body that the bot's permissions in the channel do not allow."""
    if not channel.type.holds_messages:
        raise ApiError(Refusal.NOT_A_TEXT_CHANNEL)
    if channel.archived and channel.locked:
        raise ApiError(Refusal.ARCHIVED)
    sending = Permission.SEND_MESSAGES_IN_THREADS if channel.type.is_thread else Permission.SEND_MESSAGES
    call.require(channel, sending)
    body = call.form()
    if body.get("embeds"):
        call.require(channel, Permission.EMBED_LINKS)
    if call.files:
        call.require(channel, Permission.ATTACH_FILES)
    if body.get("tts"):
        call.require(channel, Permission.SEND_TTS_MESSAGES)


def create(call: Call) -> Answer:
    """Create Message. An enforced nonce that was used already gives the message that used it."""
    channel = call.channel()
    check_may_post(call, channel)
    body = call.form()
    known = _same_nonce(call, channel)
    if known is not None:
        return call.world.message_body(known)
    message = build_message(call, channel, body)
    reference = body.get("message_reference")
    if isinstance(reference, dict):
        _refer(call, channel, message, reference)
    call.world.store(message)
    if message.nonce is not None:
        call.world.nonces[channel.id, str(message.nonce)] = (time.monotonic(), message)
    return call.world.message_body(message)


def _same_nonce(call: Call, channel: Channel) -> Message | None:
    body, nonces = call.form(), call.world.nonces
    oldest = time.monotonic() - call.world.options.nonce_window_s
    while nonces and next(iter(nonces.values()))[0] < oldest:
        del nonces[next(iter(nonces))]
    if not body.get("enforce_nonce") or body.get("nonce") is None:
        return None
    found = nonces.get((channel.id, str(body["nonce"])))
    return None if found is None else found[1]


def _refer(call: Call, channel: Channel, message: Message, reference: dict[str, str]) -> None:
    call.require(channel, Permission.READ_MESSAGE_HISTORY)
    target = int(reference.get("message_id", 0))
    if target in channel.messages:
        message.type, message.reply_to = _REPLY, target
    elif reference.get("fail_if_not_exists", True):
        raise form_error("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")


def get(call: Call) -> Answer:
    """Get Channel Message."""
    channel = call.channel()
    if not call.held(channel) & Permission.READ_MESSAGE_HISTORY:
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    return call.world.seen_body(call.message(channel))


def list_messages(call: Call) -> Answer:
    """Get Channel Messages: newest first; without READ_MESSAGE_HISTORY there are none.

    In a voice channel one must be allowed to connect.
    """
    channel = call.channel()
    if channel.type.is_voice and not call.held(channel) & Permission.CONNECT:
        raise ApiError(Refusal.MISSING_ACCESS)
    if not channel.type.holds_messages:
        raise ApiError(Refusal.NOT_A_TEXT_CHANNEL)
    limit = call.number("limit", 50, low=1, high=100)
    if not call.held(channel) & Permission.READ_MESSAGE_HISTORY:
        return []
    found = [message for message in channel.messages.values() if message.ephemeral_to is None]
    around, before, after = (call.query_id(name) for name in ("around", "before", "after"))
    if around is not None:
        found = sorted(sorted(found, key=lambda m: abs(m.id - around))[:limit], key=lambda m: m.id)
    elif after is not None:
        found = [message for message in found if message.id > after][:limit]
    elif before is not None:
        found = [message for message in found if message.id < before]
    return [call.world.seen_body(message) for message in reversed(found[-limit:])]


def edit(call: Call) -> Answer:
    """Edit Message: the bot's own; with MANAGE_MESSAGES the flags of others' too."""
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.world.bot:
        if set(call.form()) - {"flags"}:
            raise ApiError(Refusal.NOT_YOUR_MESSAGE)
        call.require(channel, Permission.MANAGE_MESSAGES)
    apply_edit(call, message, call.form())
    call.world.edited(message)
    return call.world.message_body(message)


def delete(call: Call) -> Answer:
    """Delete Message."""
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.world.bot:
        call.require(channel, Permission.MANAGE_MESSAGES)
    call.world.delete_message(message)
    return None


def bulk_delete(call: Call) -> Answer:
    """Bulk Delete Messages: 2 to 100, none older than two weeks; unknown ids are passed over."""
    channel = call.channel(Permission.MANAGE_MESSAGES)
    ids = call.form().get("messages") or []
    if not 2 <= len(ids) <= 100:
        raise ApiError(Refusal.BULK_COUNT)
    oldest = call.world.now() - _TWO_WEEKS_MS
    if any(snowflake_ms(int(one)) < oldest for one in ids):
        raise ApiError(Refusal.BULK_TOO_OLD)
    call.world.bulk_delete([channel.messages[int(one)] for one in ids if int(one) in channel.messages])
    return None


def typing(call: Call) -> Answer:
    """Trigger Typing Indicator."""
    call.channel(Permission.SEND_MESSAGES)
    return None


_ALL = "/channels/{channel}/messages"
ROUTES = (
    Route(method="POST", template=_ALL, handler=create),
    Route(method="GET", template=_ALL, handler=list_messages),
    Route(method="POST", template=f"{_ALL}/bulk-delete", handler=bulk_delete),
    Route(method="GET", template=f"{_ALL}/{{message}}", handler=get),
    Route(method="PATCH", template=f"{_ALL}/{{message}}", handler=edit),
    Route(method="DELETE", template=f"{_ALL}/{{message}}", handler=delete),
    Route(method="POST", template="/channels/{channel}/typing", handler=typing),
)
