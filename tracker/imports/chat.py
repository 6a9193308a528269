"""The messages of one channel as DiscordChatExporter writes them (`--format Json`), as facts.

The shape is that of its `JsonMessageWriter` (seen at commit 08524e9; the kinds of channels at 0e1c3e4, of messages at
20f5896): an object of `guild`, `channel` (`type` by name; of a thread, `categoryId` is the channel it is in),
`dateRange`, `exportedAt`, `messages` and `messageCount`. Texts, embeds and reactions are passed over. A message's time
is the one in its id, which `timestamp` only repeats, in the exporter's own zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from tracker.errors import EventFormatError
from tracker.events.envelope import Event
from tracker.events.message import MessageSent, message_sent_id
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId, snowflake_ms
from tracker.imports.shape import Refused, flag, items_of, name_in, object_in, snowflake, snowflake_or_none, text
from tracker.imports.stream import elements, parsed

__all__ = ["Chat", "ChatMessage", "read_chat", "read_messages"]

_THREADS: Final = frozenset({"GuildNewsThread", "GuildPublicThread", "GuildPrivateThread"})
_DIRECT: Final = frozenset({"DirectTextChat", "DirectGroupTextChat"})
_KINDS: Final = {
    "GuildTextChat": "text",
    "GuildVoiceChat": "voice",
    "GuildCategory": "category",
    "GuildNews": "news",
    "GuildNewsThread": "news",
    "GuildStageVoice": "stage",
    "GuildForum": "forum",
    "GuildMedia": "media",
}
_COUNTED: Final = frozenset({"Default", "Reply"})
_DELETED_USER: Final = 456_226_577_798_135_808
"""Whom Discord names as the author of what was written by people who deleted their accounts long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Where the messages were written. `thread_id` None: in the channel itself. `name`: the channel's, or empty.

    `kind` is that of `channel.described`; that of a channel of which only a thread is there is a guess.
    """

    guild_id: GuildId
    channel_id: ChannelId
    thread_id: ChannelId | None
    name: str
    kind: str
    parent_id: ChannelId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message that counts, and what its author was called when it was exported (empty: not told)."""

    event: Event
    name: str


def read_chat(file: BinaryIO) -> Chat:
    """What is said before the messages. Raises EventFormatError if it is no such file."""
    from ijson import ObjectBuilder

    found: dict[str, ObjectBuilder] = {"guild": ObjectBuilder(), "channel": ObjectBuilder()}
    for path, event, value in parsed(file):
        if (path, event) == ("messages", "start_array"):
            break
        if path == "" and event not in ("start_map", "map_key"):
            raise EventFormatError("not a file of DiscordChatExporter: it has no messages")
        top = path.partition(".")[0]
        if top in found:
            found[top].event(event, value)
    file.seek(0)
    return _chat(*(object_in(getattr(found[key], "value", None), key) for key in ("guild", "channel")))


def _chat(guild: Mapping[str, Any], channel: Mapping[str, Any]) -> Chat:
    kind = text(channel, "type", where="channel.")
    if kind in _DIRECT or guild.get("id") == "0":
        raise EventFormatError("these are direct messages: only messages in a server can be imported")
    here = ChannelId(snowflake(channel, "id", where="channel."))
    above = snowflake_or_none(channel, "categoryId", where="channel.")
    parent = None if above is None else ChannelId(above)
    is_thread = kind in _THREADS and parent is not None
    return Chat(
        guild_id=GuildId(snowflake(guild, "id", where="guild.")),
        channel_id=parent if is_thread and parent is not None else here,
        thread_id=here if is_thread else None,
        name=name_in(channel, "category" if is_thread else "name"),
        kind=_KINDS.get(kind, "text"),
        parent_id=None if is_thread else parent,
    )


def read_messages(file: BinaryIO, chat: Chat, refused: Refused, *, before: Ms) -> Iterator[ChatMessage | None]:
    """Each message in the file's order: those that count, and None for those of bots, webhooks and Discord itself.

    What is wrong goes to `refused`, naming the message by its number from 1 on; of a file that is cut off, what comes
    before that is given. `before`: no message is from then or later.
    """
    number = 0
    try:
        for number, plain in enumerate(elements(file, "messages.item"), 1):
            try:
                yield _message(object_in(plain, "a message"), chat, before)
            except EventFormatError as error:
                refused(EventFormatError(f"message {number}{_id_of(plain)}: {error.problem}", line=None))
    except EventFormatError as error:
        refused(EventFormatError(f"after message {number}: {error.problem}"))


def _message(plain: Mapping[str, Any], chat: Chat, before: Ms) -> ChatMessage | None:
    message, kind = MessageId(snowflake(plain, "id")), text(plain, "type")
    author = object_in(plain.get("author"), "author")
    user, is_bot = UserId(snowflake(author, "id", where="author.")), flag(author, "isBot", where="author.")
    attachments = items_of(plain, "attachments")
    at = snowflake_ms(message)
    if at >= before:
        raise EventFormatError("its id is of an instant that is still to come")
    if is_bot or kind not in _COUNTED or user == _DELETED_USER:
        return None
    event = Event(
        id=message_sent_id(message),
        guild_id=chat.guild_id,
        user_id=user,
        channel_id=chat.channel_id,
        occurred_at=at,
        data=MessageSent(thread_id=chat.thread_id, attachments=len(attachments), reply=kind == "Reply"),
    )
    return ChatMessage(event=event, name=name_in(author, "nickname", "name"))


def _id_of(plain: object) -> str:
    found = plain.get("id") if isinstance(plain, dict) else None
    return f" (id {found})" if isinstance(found, str) and found.isascii() and found.isdigit() else ""
