"""hikari's events as facts: voice, messages, interactions. Pure: what is known comes from `Sight`, the time as `now`.

Bots and webhooks make no events, nor do members who opted out. A function gives no event where nothing happened that
counts (a device switch, a system message, a direct message).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import hikari

from tracker.discord.sight import Sight
from tracker.events import voice as flag
from tracker.events.envelope import Event
from tracker.events.interaction import InteractionUsed, interaction_id
from tracker.events.message import MessageDeleted, MessageSent, message_deleted_id, message_sent_id
from tracker.events.voice import Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import ChannelId, GuildId, MessageId, Ms, UserId, mint_event_id, snowflake_ms

__all__ = ["Threads", "deletions", "flags_in", "interaction", "message", "voice"]

Threads = Mapping[int, ChannelId]
"""The parent channel of each thread that is known."""

_COUNTED = (hikari.MessageType.DEFAULT, hikari.MessageType.REPLY)
_SUBCOMMANDS = (hikari.OptionType.SUB_COMMAND, hikari.OptionType.SUB_COMMAND_GROUP)
_UNCOUNTED = "privacy"
"""What is done about one's own data is no activity: who has just been forgotten must be able to see that."""

_COMMAND_KINDS = {
    hikari.CommandType.SLASH: "slash",
    hikari.CommandType.USER: "user",
    hikari.CommandType.MESSAGE: "message",
}


def flags_in(state: hikari.VoiceState) -> Flags:
    """The seven flags of a voice state."""
    return Flags(
        (flag.SELF_MUTE if state.is_self_muted else 0)
        | (flag.SELF_DEAF if state.is_self_deafened else 0)
        | (flag.MUTE if state.is_guild_muted else 0)
        | (flag.DEAF if state.is_guild_deafened else 0)
        | (flag.STREAM if state.is_streaming else 0)
        | (flag.VIDEO if state.is_video_enabled else 0)
        | (flag.SUPPRESS if state.is_suppressed else 0)
    )


def voice(state: hikari.VoiceState, sight: Sight, now: Ms) -> Event | None:
    """What a voice state says that was not known: joined, moved, left or other flags; None if it says nothing new.

    Discord sends the state and not the change, so the change is the difference to the member's open session.
    """
    if state.member is not None and state.member.is_bot:
        return None
    guild, user = GuildId(state.guild_id), UserId(state.user_id)
    before = sight.voice_of(guild, user)
    if state.channel_id is None:
        return None if before is None else _voice(guild, user, before[0], now, VoiceLeft())
    channel, flags = ChannelId(state.channel_id), flags_in(state)
    if before is None:
        return None if sight.is_silent(guild, user) else _voice(guild, user, channel, now, VoiceJoined(flags=flags))
    if before[0] != channel:
        return _voice(guild, user, channel, now, VoiceMoved(from_channel_id=before[0], flags=flags))
    if before[1] != flags:
        return _voice(guild, user, channel, now, VoiceFlagsChanged(flags=flags))
    return None


def message(event: hikari.GuildMessageCreateEvent, sight: Sight, threads: Threads) -> Event | None:
    """A message that somebody wrote; its time is the one in its id."""
    sent = event.message
    if event.author.is_bot or sent.webhook_id is not None or sent.type not in _COUNTED:
        return None
    guild, user, written_in = GuildId(event.guild_id), UserId(event.author_id), ChannelId(event.channel_id)
    if sight.is_silent(guild, user):
        return None
    parent = threads.get(written_in)
    return Event(
        id=message_sent_id(sent.id),
        guild_id=guild,
        user_id=user,
        channel_id=parent or written_in,
        occurred_at=snowflake_ms(sent.id),
        data=MessageSent(
            thread_id=None if parent is None else written_in,
            attachments=len(sent.attachments),
            reply=sent.type is hikari.MessageType.REPLY,
        ),
    )


def deletions(guild: int, channel: int, message_ids: Collection[int], threads: Threads, now: Ms) -> tuple[Event, ...]:
    """The messages are gone. Whose they were Discord does not say."""
    return tuple(
        Event(
            id=message_deleted_id(message_id),
            guild_id=GuildId(guild),
            channel_id=threads.get(channel) or ChannelId(channel),
            occurred_at=now,
            data=MessageDeleted(message_id=MessageId(message_id)),
        )
        for message_id in sorted(message_ids)
    )


def interaction(used: hikari.PartialInteraction, sight: Sight, threads: Threads) -> Event | None:
    """A command, a component or a modal was used in a guild; completing what somebody types is no use.

    Nothing for `/privacy` and its buttons.
    """
    if isinstance(used, hikari.CommandInteraction):
        name, kind = _full_name(used), _COMMAND_KINDS.get(hikari.CommandType(used.command_type), "slash")
    elif isinstance(used, hikari.ComponentInteraction):
        name = _custom_name(used.custom_id)
        kind = "button" if used.component_type is hikari.ComponentType.BUTTON else "select"
    elif isinstance(used, hikari.ModalInteraction):
        name, kind = _custom_name(used.custom_id), "modal"
    else:
        return None
    if used.guild_id is None or sight.is_silent(GuildId(used.guild_id), UserId(used.user.id)):
        return None
    if name.partition(" ")[0] == _UNCOUNTED:
        return None
    return Event(
        id=interaction_id(used.id),
        guild_id=GuildId(used.guild_id),
        user_id=UserId(used.user.id),
        channel_id=threads.get(used.channel_id) or ChannelId(used.channel_id),
        occurred_at=snowflake_ms(used.id),
        data=InteractionUsed(command=name, kind=kind),
    )


def _voice(
    guild: GuildId,
    user: UserId,
    channel: ChannelId,
    now: Ms,
    data: VoiceJoined | VoiceMoved | VoiceLeft | VoiceFlagsChanged,
) -> Event:
    return Event(id=mint_event_id(now), guild_id=guild, user_id=user, channel_id=channel, occurred_at=now, data=data)


def _full_name(used: hikari.CommandInteraction) -> str:
    """The command with its group and subcommand: `tracker report show`."""
    words = [used.command_name]
    options = used.options or ()
    while options and options[0].type in _SUBCOMMANDS:
        words.append(options[0].name)
        options = options[0].options or ()
    return " ".join(words)


def _custom_name(custom_id: str) -> str:
    """A component's own name: what follows a colon is its payload and may hold ids."""
    return custom_id.partition(":")[0]
