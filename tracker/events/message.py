"""Facts about messages. Never their text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracker.ids import ChannelId, EventId, MessageId

__all__ = ["MessageDeleted", "MessageSent", "message_deleted_id", "message_id_of", "message_sent_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """A member wrote a message. `thread_id`: None if it was not in a thread (the envelope's channel is the parent)."""

    TYPE: ClassVar[str] = "message.sent"
    VERSION: ClassVar[int] = 1
    thread_id: ChannelId | None = None
    attachments: int = 0
    reply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    """A message is gone. Discord does not say whose it was, so the envelope has no user."""

    TYPE: ClassVar[str] = "message.deleted"
    VERSION: ClassVar[int] = 1
    message_id: MessageId


def message_sent_id(message_id: int) -> EventId:
    """The event id of a sent message: the same message can be appended once only."""
    return EventId(f"message:{message_id}")


def message_deleted_id(message_id: int) -> EventId:
    """The event id of a message's deletion."""
    return EventId(f"message-deleted:{message_id}")


def message_id_of(event_id: EventId) -> MessageId:
    """The message id within the id of a `message.sent` event. Raises ValueError if there is none."""
    tail = event_id.removeprefix("message:")
    number = int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 20 else 0
    if not 0 < number < 1 << 63 or event_id != f"message:{number}":
        raise ValueError(f"{event_id!r} is not `message:<message id>`")
    return MessageId(number)
