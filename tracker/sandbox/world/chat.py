"""Messages, as members and the application write them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from tracker.clock import Clock
from tracker.ids import DISCORD_EPOCH_MS, Ms
from tracker.sandbox.model import Attachment, Channel, ChannelType, Guild, Json, Member, Message, User
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.payloads import blanked, member_json
from tracker.sandbox.permissions import Permission, in_channel
from tracker.sandbox.world.base import Emission
from tracker.sandbox.world.people import People

__all__ = ["Chat"]

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_REPLY = 19


class Chat(People):
    """The god's hand on messages, and what REST needs of it."""

    def __init__(self, *, clock: Clock, options: SandboxOptions) -> None:
        super().__init__(clock=clock, options=options)
        self.nonces: dict[tuple[int, str], tuple[float, Message]] = {}
        """By channel and nonce: when it was used (monotonic seconds) and by which message, oldest first."""

    def send_message(
        self,
        author: Member | User,
        channel: Channel,
        content: str = "",
        *,
        attachments: int | Iterable[Attachment] = 0,
        reply_to: Message | None = None,
        webhook: bool = False,
    ) -> Message:
        """A message, by a member of the guild, or by a user in a direct message.

        `attachments` may be a number of small text files. With `webhook` it comes from a webhook that bears the
        author's name. Raises ValueError if the channel cannot hold messages.
        """
        if not channel.type.holds_messages:
            raise ValueError(f"{channel.name!r} holds no messages")
        user = author.user if isinstance(author, Member) else author
        if webhook:
            user = User(id=self.next_id(), name=user.name, bot=True)
        message = Message(id=self.next_id(), channel_id=channel.id, author=user, created_at=self.now(), content=content)
        message.guild_id = channel.guild_id
        message.webhook_id = user.id if webhook else None
        if isinstance(attachments, int):
            attachments = [self.make_attachment(f"file{n}.txt", b"sandbox") for n in range(attachments)]
        message.attachments = list(attachments)
        if reply_to is not None:
            message.type, message.reply_to = _REPLY, reply_to.id
        self.find_mentions(message)
        self.store(message)
        return message

    def write_history(
        self,
        author: Member | User,
        channel: Channel,
        at: Ms,
        *,
        attachments: int = 0,
        reply_to: Message | None = None,
        webhook: bool = False,
        type: int = 0,  # noqa: A002  (as Discord calls it)
    ) -> Message:
        """A message that was written at `at`, long before anybody listened: no session is told of it.

        `type` is Discord's own number; 0 is what people write.
        """
        user = author.user if isinstance(author, Member) else author
        first = (at - DISCORD_EPOCH_MS) << 22
        number = next(n for n in itertools.count(first) if n not in channel.messages)
        if webhook:
            user = User(id=self.next_id(), name=user.name, bot=True)
        message = Message(id=number, channel_id=channel.id, author=user, created_at=at, guild_id=channel.guild_id)
        message.webhook_id, message.type = (user.id if webhook else None), type
        message.attachments = [self.make_attachment(f"file{n}.txt", b"sandbox") for n in range(attachments)]
        if reply_to is not None:
            message.type, message.reply_to = _REPLY, reply_to.id
        newest = next(reversed(channel.messages), 0)
        channel.messages[number] = message
        if number < newest:
            channel.messages = dict(sorted(channel.messages.items()))
        return message

    def make_attachment(self, filename: str, content: bytes, content_type: str | None = None) -> Attachment:
        """A file with an id of its own."""
        return Attachment(id=self.next_id(), filename=filename, content=content, content_type=content_type)

    def find_mentions(self, message: Message) -> None:
        """Fill in whom the content mentions."""
        users = dict.fromkeys(int(found) for found in _USER.findall(message.content))
        message.mentions = [self.users[user] for user in users if user in self.users]
        message.mention_roles = list(dict.fromkeys(int(found) for found in _ROLE.findall(message.content)))

    def store(self, message: Message) -> None:
        """Put it into its channel and dispatch MESSAGE_CREATE, unless only one person sees it."""
        channel = self.channel(message.channel_id)
        if channel is None:
            raise KeyError(f"there is no channel {message.channel_id}")
        channel.messages[message.id] = message
        self._tell_message("MESSAGE_CREATE", message)

    def edit_message(self, message: Message, content: str) -> None:
        """Its author changes the text."""
        message.content = content
        self.edited(message)

    def edited(self, message: Message) -> None:
        """Stamp the edit and dispatch MESSAGE_UPDATE."""
        message.edited_at = self.now()
        self._tell_message("MESSAGE_UPDATE", message)

    def delete_message(self, message: Message) -> None:
        """MESSAGE_DELETE."""
        channel = self.channel(message.channel_id)
        if channel is None or channel.messages.pop(message.id, None) is None or message.ephemeral_to is not None:
            return
        body = {"id": str(message.id), "channel_id": str(channel.id)}
        guild = self._seen_in(channel)
        if guild is not None:
            body["guild_id"] = str(guild.id)
        if guild is not None or channel.guild_id is None:
            self.tell("MESSAGE_DELETE", body, guild)

    def bulk_delete(self, messages: Iterable[Message]) -> None:
        """Several messages of one guild channel at once: one MESSAGE_DELETE_BULK."""
        gone = list(messages)
        if not gone:
            return
        channel = self.channel(gone[0].channel_id)
        if channel is None or channel.guild_id is None:
            raise ValueError("only messages of a guild's channel can be deleted in bulk")
        for message in gone:
            channel.messages.pop(message.id, None)
        guild = self._seen_in(channel)
        if guild is not None:
            ids = [str(message.id) for message in gone]
            self.tell(
                "MESSAGE_DELETE_BULK", {"ids": ids, "channel_id": str(channel.id), "guild_id": str(guild.id)}, guild
            )

    def dm_channel(self, user: User) -> Channel:
        """The application's direct message channel with a user, made if there is none."""
        for channel in self.private.values():
            if channel.recipient is user:
                return channel
        channel = Channel(id=self.next_id(), type=ChannelType.DM, recipient=user)
        self.private[channel.id] = channel
        return channel

    def _seen_in(self, channel: Channel) -> Guild | None:
        """The channel's guild if the bot may see the channel."""
        if channel.guild_id is None:
            return None
        guild = self.guilds[channel.guild_id]
        return guild if in_channel(guild, self.me(guild), channel) & Permission.VIEW_CHANNEL else None

    def _tell_message(self, name: str, message: Message) -> None:
        channel = self.channel(message.channel_id)
        if channel is None or message.ephemeral_to is not None:
            return
        body = self.message_body(message)
        if channel.guild_id is None:
            self.emit(Emission(name=name, data=body | {"channel_type": int(channel.type)}))
            return
        guild = self._seen_in(channel)
        if guild is None or not guild.available:
            return
        body |= {"guild_id": str(guild.id), "channel_type": int(channel.type)}
        member = guild.members.get(message.author.id)
        if member is not None and message.webhook_id is None:
            body["member"] = member_json(member, with_user=False)
        blank = None if self.content_is_open(message) else blanked(body)
        self.emit(Emission(name=name, data=body, guild_id=guild.id, blanked=blank))

    def content_is_open(self, message: Message) -> bool:
        """Whether the application reads the content even without the intent: own, mentioned in, or direct."""
        return message.guild_id is None or message.author is self.bot or self.bot in message.mentions

    def seen_body(self, message: Message) -> Json:
        """The message as REST shows it to the application."""
        body = self.message_body(message)
        if self.options.message_content_intent_granted or self.content_is_open(message):
            return body
        return blanked(body)
