"""Prepared events in bulk, for benchmarks: the body of each member is encoded once, and filled in per event."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import orjson

from tracker.sandbox.gateway.session import STAMP, Dispatch
from tracker.sandbox.model import Channel, Guild, Member, Message, VoiceState
from tracker.sandbox.payloads import blanked, iso, member_json, voice_json
from tracker.sandbox.world import World

__all__ = ["MEMBERS", "messages", "mixed", "voice_moves"]

MEMBERS = 2_000
"""How many members of a guild take part at most."""

_CHANNEL, _ID, _WHEN = "<the-channel>", "<the-message-id>", "<the-instant>"


def _crowd(guild: Guild) -> list[Member]:
    people = (m for m in guild.members.values() if not m.user.bot and m.id != guild.owner_id)
    return list(itertools.islice(people, MEMBERS))


def _turned(channels: list[Channel], member: Member, number: int) -> list[Channel]:
    """The channels, from the one after the member's own; each member without one begins at another."""
    ids = [channel.id for channel in channels]
    here = member.voice.channel_id if member.voice is not None else None
    start = (ids.index(here) + 1 if here in ids else number) % len(channels)
    return channels[start:] + channels[:start]


def voice_moves(world: World, guild: Guild, channels: list[Channel]) -> Iterator[Dispatch]:
    """For ever: each member in turn joins or moves into the next of the channels. The world follows.

    The voice session's id is the `STAMP`, so that a bot on the same machine can tell how long an event was on its way.
    """
    prepared = []
    for number, member in enumerate(_crowd(guild)):
        state = member.voice or VoiceState(channel_id=0, session_id="")
        body = voice_json(member) | {"channel_id": _CHANNEL, "session_id": STAMP.decode()}
        head, tail = orjson.dumps(body).split(_CHANNEL.encode())
        prepared.append(
            (
                member,
                state,
                head,
                tail,
                itertools.cycle(_turned(channels, member, number)),
            )
        )
    for member, state, head, tail, order in itertools.cycle(prepared):
        state.channel_id = next(order).id
        member.voice = state
        data = b"%b%d%b" % (head, state.channel_id, tail)
        yield Dispatch(name="VOICE_STATE_UPDATE", guild_id=guild.id, data=data)


def messages(world: World, guild: Guild, channel: Channel) -> Iterator[Dispatch]:
    """For ever: each member in turn writes a message, as sessions without the content intent see it; nonce = `STAMP`.

    The messages are not kept in the world.
    """
    prepared = []
    for member in _crowd(guild):
        message = Message(id=0, channel_id=channel.id, guild_id=guild.id, author=member.user, created_at=world.now())
        body = blanked(world.message_body(message)) | {"id": _ID, "timestamp": _WHEN, "nonce": STAMP.decode()}
        body |= {"guild_id": str(guild.id), "member": member_json(member, with_user=False)}
        head, rest = orjson.dumps(body).split(_ID.encode())
        middle, tail = rest.split(_WHEN.encode())
        prepared.append((head, middle, tail))
    for head, middle, tail in itertools.cycle(prepared):
        when = iso(world.now()).encode()
        data = b"%b%d%b%b%b" % (head, world.next_id(), middle, when, tail)
        yield Dispatch(name="MESSAGE_CREATE", guild_id=guild.id, data=data)


def mixed(world: World, guild: Guild, channels: list[Channel], channel: Channel) -> Iterator[Dispatch]:
    """For ever: one voice move, one message."""
    for pair in zip(voice_moves(world, guild, channels), messages(world, guild, channel), strict=True):
        yield from pair
