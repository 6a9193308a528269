"""DiscordChatExporter's files become the facts that the bot would have written, had it been there."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.imports.samples import (
    BOT,
    CATEGORY,
    CHANNEL,
    GUILD,
    JISOO,
    MINJUN,
    START,
    THREAD,
    chat,
    message,
    message_id,
    text_of,
    thread_chat,
)
from tracker.errors import EventFormatError
from tracker.events.envelope import Event
from tracker.events.message import MessageSent
from tracker.ids import ChannelId, GuildId, Ms, UserId
from tracker.imports import stream
from tracker.imports.chat import Chat, ChatMessage, read_chat, read_messages

LATE = Ms(START + 86_400_000)


def read(plain: object, *, before: Ms = LATE) -> tuple[Chat, list[ChatMessage | None], list[str]]:
    """The channel, the messages and what was refused. `plain`: the file's text, or what is to be written as such."""
    file = io.BytesIO(plain if isinstance(plain, bytes) else text_of(plain))
    found, refused = read_chat(file), list[str]()
    messages = list(read_messages(file, found, lambda error: refused.append(str(error)), before=before))
    return found, messages, refused


def refusals(*messages: object) -> list[str]:
    return read(chat(messages))[2]


def test_a_message_becomes_the_fact_that_the_bot_would_have_written() -> None:
    attached = [{"id": "1", "url": "x", "fileName": "a.png", "fileSizeBytes": 5}] * 2
    about = {"messageId": "1", "channelId": str(CHANNEL), "guildId": str(GUILD)}
    found, messages, refused = read(chat([message(type="Reply", reference=about, attachments=attached)]))
    assert found == Chat(
        guild_id=GuildId(GUILD),
        channel_id=ChannelId(CHANNEL),
        thread_id=None,
        name="잡담",
        kind="text",
        parent_id=ChannelId(CATEGORY),
    )
    expected = Event(
        id=f"message:{message_id()}",  # type: ignore[arg-type]
        guild_id=GuildId(GUILD),
        user_id=UserId(MINJUN),
        channel_id=ChannelId(CHANNEL),
        occurred_at=Ms(START),
        data=MessageSent(attachments=2, reply=True),
    )
    assert messages == [ChatMessage(event=expected, name="민준")]
    assert refused == []


def test_a_message_in_a_thread_belongs_to_the_channel_that_the_thread_is_in() -> None:
    found, messages, _ = read(thread_chat([message()]))
    assert (found.channel_id, found.thread_id, found.name, found.parent_id) == (CHANNEL, THREAD, "잡담", None)
    assert messages[0] is not None
    assert messages[0].event.channel_id == CHANNEL
    assert messages[0].event.data == MessageSent(thread_id=ChannelId(THREAD))


@pytest.mark.parametrize(
    ("kind", "ours"),
    [("GuildVoiceChat", "voice"), ("GuildStageVoice", "stage"), ("GuildNews", "news"), ("GuildForum", "forum")],
)
def test_other_channels_have_their_kind(kind: str, ours: str) -> None:
    assert read(chat([], type=kind))[0].kind == ours


def test_older_exports_without_ids_of_categories_can_be_read() -> None:
    plain = chat([message()])
    del plain["channel"]["categoryId"], plain["exportedAt"], plain["messageCount"]
    found, messages, refused = read(plain)
    assert (found.parent_id, len(messages), refused) == (None, 1, [])


def test_bots_webhooks_and_discord_itself_make_no_events() -> None:
    joined = message(JISOO, type="GuildMemberJoin")
    pinned, command = message(type="ChannelPinnedMessage"), message(type="20")
    deleted = message(456_226_577_798_135_808)
    assert read(chat([message(BOT), joined, pinned, command, deleted]))[1:] == ([None] * 5, [])


def test_the_name_is_the_nickname_or_else_the_user_name() -> None:
    _, messages, _ = read(chat([message(nickname=None), message(nickname="  길동 "), message(nickname="x" * 300)]))
    assert [m.name for m in messages if m is not None] == ["user20", "길동", "x" * 100]


def test_every_bad_message_is_named_by_its_number_and_id_and_the_others_are_read() -> None:
    author = message()["author"]
    bad: list[Any] = [
        message(),
        5,
        message(id=None),
        message(id="12x"),
        message(type=None),
        message() | {"author": None},
        message() | {"author": author | {"id": ""}},
        message() | {"author": author | {"isBot": "no"}},
        message(attachments={"a": 1}),
        message(at=LATE),
        message(JISOO),
    ]
    _, messages, refused = read(chat(bad))
    assert len(messages) == 2
    this = f" (id {message_id()})"
    assert refused == [
        "message 2: a message must be a JSON object, and is 5",
        "message 3: id is missing",
        "message 4: id must be an id (a string of digits), and is '12x'",
        f"message 5{this}: type is missing",
        f"message 6{this}: author must be a JSON object, and is None",
        f"message 7{this}: author.id must be an id (a string of digits), and is ''",
        f"message 8{this}: author.isBot must be true or false, and is 'no'",
        f"message 9{this}: attachments must be a list, and is an object",
        f"message 10 (id {message_id(LATE)}): its id is of an instant that is still to come",
    ]


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        ({}, "it has no messages"),
        ([], "it has no messages"),
        ({"guild": {"id": "1"}, "channel": {}}, "it has no messages"),
        ({"messages": []}, "guild must be a JSON object"),
        ({"guild": {"id": "1"}, "messages": [], "channel": {}}, "channel must be a JSON object"),
        ({"guild": {"id": "1"}, "channel": {"id": "2"}, "messages": []}, "channel.type is missing"),
        ({"guild": {}, "channel": {"id": "2", "type": "GuildNews"}, "messages": []}, "guild.id is missing"),
        (chat([], type="DirectTextChat"), "these are direct messages"),
        (chat([], guild=0), "these are direct messages"),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(plain: object, problem: str) -> None:
    with pytest.raises(EventFormatError, match=problem):
        read(plain)


def test_a_file_that_is_cut_off_anywhere_is_refused_after_the_messages_that_are_whole() -> None:
    whole = text_of(chat([message(number=n) for n in range(3)]))
    begun = whole.index(b'"messages": [') + len(b'"messages": [')
    for cut in range(begun, len(whole) - 1, 97):
        _, messages, refused = read(whole[:cut])
        assert len(messages) <= 3
        assert len(refused) == 1
        assert refused[0].startswith(f"after message {len(messages)}: not JSON, or cut off (")
    assert read(whole[: begun + 5])[1] == []


def test_what_is_nested_deep_is_refused_like_anything_else() -> None:
    deep = text_of(chat([message(), "deep"])).replace(b'"deep"', b"[" * 2_000 + b"]" * 2_000)
    _, messages, refused = read(deep)
    assert (len(messages), refused) == (1, ["message 2: a message must be a JSON object, and is a list"])


def test_a_file_that_is_nested_too_deep_is_refused_before_it_fills_the_memory() -> None:
    deep = text_of(chat([message(), "deep"])).replace(b'"deep"', b"[{" * 100_000)
    with pytest.raises(EventFormatError, match="it is nested more than 5,000 deep"):
        read(deep)


@given(
    st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", "a", "\n"]), max_size=30).map("".join), st.integers(1, 9)
)
def test_brackets_in_texts_are_no_nesting_wherever_a_chunk_ends(said: str, size: int) -> None:
    plain = text_of(chat([message(content=said)] * 3))
    text = stream._Text(io.BytesIO(plain))
    while text.read(size):
        assert text._depth >= 0
    assert (text._depth, text._in_string, text._rest) == (0, 0, b"")


def test_something_after_the_end_is_refused() -> None:
    assert read(text_of(chat([message()])) + b"{")[2] != []
    assert refusals(message()) == []


@given(st.binary(max_size=120))
def test_no_bytes_whatever_do_more_than_be_refused(content: bytes) -> None:
    with pytest.raises(EventFormatError):
        read_chat(io.BytesIO(content))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(str(message_id())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "isBot", "x"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["id", "type", "author", "attachments"]), _VALUES), st.integers(0, 2))
def test_no_values_whatever_do_more_than_be_refused(changes: dict[str, Any], place: int) -> None:
    told = [message(), message(JISOO)]
    told.insert(place, message() | changes)
    _, messages, refused = read(chat(told))
    assert len(messages) + len(refused) == 3
    assert len(refused) <= 1


class Endless(io.RawIOBase):
    """A file of many messages that is made while it is read, and told how far that has come."""

    def __init__(self, count: int) -> None:
        begin, end = text_of(chat([0])).split(b"\n    0\n")
        one, its_id = text_of(message(content="안녕 " * 500)), str(message_id()).encode()
        self.size = len(one) + 1
        self._parts = itertools.chain(
            [begin],
            (b"," * (n > 0) + one.replace(its_id, str(message_id(START + n)).encode()) for n in range(count)),
            [end],
        )
        self._kept = b""
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while len(self._kept) < len(buffer) and (more := next(self._parts, None)) is not None:
            self._kept += more
        got = min(len(buffer), len(self._kept))
        buffer[:got], self._kept = self._kept[:got], self._kept[got:]
        self.taken += got
        return got


def test_of_a_long_file_only_a_little_is_read_before_what_is_in_it_is_given() -> None:
    file, found, given, ahead = Endless(13_000), read(chat([]))[0], 0, 0
    messages = read_messages(io.BufferedReader(file), found, pytest.fail, before=LATE)  # type: ignore[arg-type]
    for given, _ in enumerate(messages, 1):
        ahead = max(ahead, file.taken - given * file.size)
    assert given == 13_000
    assert file.taken > 50_000_000
    assert ahead < 400_000
