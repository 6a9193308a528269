"""Files of DiscordChatExporter as events, with the names that the database does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final

from store.backfills import opt_outs
from store.importing import KnownGuild, known_guild, there
from tracker.cli.intake import Refused, Survey
from tracker.errors import ConfigError, EventFormatError
from tracker.events.envelope import Event
from tracker.events.message import message_id_of
from tracker.ids import EventId, GuildId, MessageId, Ms, UserId
from tracker.imports.chat import Chat, ChatMessage, read_chat, read_messages
from tracker.imports.facts import described, named

if TYPE_CHECKING:
    from store.engine import Database
    from tracker.cli.sources import Source

__all__ = ["Chats"]

_BATCH: Final = 2_000
_Spans = dict[UserId, list[tuple[Ms, Ms | None]]]


@dataclass(slots=True)
class _Here:
    """A guild while its files come in. `first`: the first message in the files of each author nobody had a name for."""

    known: KnownGuild
    opted_out: _Spans
    first: dict[UserId, tuple[MessageId, Ms]] = field(default_factory=dict)
    named: set[UserId] = field(default_factory=set)

    def is_silent(self, user: UserId, at: Ms) -> bool:
        spans = self.opted_out.get(user, [])
        return user in self.known.bots or any(begin <= at and (end is None or at < end) for begin, end in spans)


class Chats:
    """`now`: no message may be from later. `guild` None: any server; else the only one that may be in the files."""

    word = "message"

    def __init__(self, now: Ms, guild: GuildId | None) -> None:
        self.passed = 0
        self._now = now
        self._guild = guild

    def survey(self, files: Sequence[Source], moved: Callable[[int], None]) -> Survey:
        """Read everything once."""
        found = Survey()
        for source in files:
            with source.opened(moved) as file:
                for chat, message in self._messages(source, file, found.refusals.add):
                    found.guilds.add(chat.guild_id)
                    if message is not None:
                        found.newest = max(found.newest, message.event.occurred_at)
        return found

    def batches(
        self, db: Database, files: Sequence[Source], moved: Callable[[int], None], refused: Refused
    ) -> Iterator[list[Event]]:
        """The messages that count, after the names that their guild did not know."""
        guilds: dict[GuildId, _Here] = {}
        for source in files:
            with source.opened(moved) as file:
                messages = self._messages(source, file, refused)
                while batch := list(islice(messages, _BATCH)):
                    chat = batch[0][0]
                    if chat.guild_id not in guilds:
                        spans = opt_outs(db, chat.guild_id)
                        guilds[chat.guild_id] = _Here(known_guild(db, chat.guild_id), spans)
                    if events := self._events(db, chat, [m for _, m in batch], guilds[chat.guild_id]):
                        yield events

    def _messages(self, source: Source, file: BinaryIO, refused: Refused) -> Iterator[tuple[Chat, ChatMessage | None]]:
        def tell(error: EventFormatError) -> None:
            refused(source.named(error))

        try:
            chat = read_chat(file)
        except EventFormatError as error:
            tell(error)
            return
        if self._guild is not None and chat.guild_id != self._guild:
            raise ConfigError(f"{source.path} is of server {chat.guild_id}, and not of {self._guild} (--guild)")
        yield from ((chat, message) for message in read_messages(file, chat, tell, before=self._now))

    def _events(self, db: Database, chat: Chat, messages: list[ChatMessage | None], here: _Here) -> list[Event]:
        counted = [m for m in messages if m is not None and not _is_silent(here, m)]
        self.passed += len(messages) - len(counted)
        events = [m.event for m in counted]
        if not events:
            return []
        if chat.name and chat.channel_id not in here.known.channels:
            here.known.channels.add(chat.channel_id)
            events.insert(0, described(chat, events[0].occurred_at))
        return [*_names(db, chat.guild_id, counted, here), *events]


def _is_silent(here: _Here, message: ChatMessage) -> bool:
    user = message.event.user_id
    return user is not None and here.is_silent(user, message.event.occurred_at)


def _names(db: Database, guild: GuildId, messages: list[ChatMessage], here: _Here) -> list[Event]:
    """What members are called of whom the database knows nothing, once something of theirs is new.

    Nothing is new of members who were forgotten since their messages came in: their names stay away.
    """
    strangers: dict[UserId, str] = {}
    for message in messages:
        user = message.event.user_id
        if user is None or user in here.known.names or user in here.named:
            continue
        here.first.setdefault(user, (message_id_of(message.event.id), message.event.occurred_at))
        if message.name:
            strangers.setdefault(user, message.name)
    theirs = [m.event for m in messages if m.event.user_id in strangers]
    known: set[EventId] = there(db, theirs)
    fresh = {e.user_id for e in theirs if e.id not in known}
    names = []
    for user, name in strangers.items():
        if user in fresh:
            here.named.add(user)
            names.append(named(guild, user, name, *here.first[user]))
    return names
