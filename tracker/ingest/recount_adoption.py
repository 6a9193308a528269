"""What becomes of the bot's own state of a guild when the guild was counted anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from store.exchanging import Exchange, without
from store.state import FlushBatch
from tracker.events.envelope import Data, Event
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import VoiceFlagsChanged, VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, GuildId, Ms, UserId, mint_event_id
from tracker.projections.guild import GuildState
from tracker.projections.state import PartitionState

__all__ = ["adopt", "apart", "mend"]


def apart(batches: Iterable[FlushBatch], exchange: Exchange) -> list[FlushBatch]:
    """The batches without what they say of guilds whose rows are exchanged; those are named instead."""
    return [
        replace(batch, changes=without(batch.changes, exchange.guilds), recounted=exchange.guilds)
        if batch.partition == exchange.partition
        else batch
        for batch in batches
    ]


def adopt(
    state: PartitionState, fresh: PartitionState, guild: GuildId, waiting: Iterable[Event]
) -> tuple[GuildState | None, GuildState | None]:
    """Move the guild's state from `fresh`, where nothing is pending, to `state`; gives the former one and the new one.

    `waiting`: the events that were folded and are not in the log yet; those of the guild are folded into the new state.
    None: the bot knew no such guild, or the log has no event of it.
    """
    before = state.guilds.get(guild)
    after = state.adopt(fresh, guild)
    for event in waiting:
        if event.guild_id == guild:
            state.apply(event)
    return before, after


def mend(before: GuildState | None, after: GuildState, now: Ms, *, late: bool) -> list[Event]:
    """What must happen for the log to say what this process knows: who is in voice, and whether the guild is seen.

    History from elsewhere may say otherwise: that a member came and never left, or that the tracker was away. It is put
    right from now on, as after an absence. `late`: it is lost since before the newest of its history.
    """
    guild = GuildId(after.guild_id)
    if before is not None and before.lost_at is None:
        return [*_seen(guild, after, now), *_voice(guild, before, after, now)]
    if after.lost_at is None:  # nobody watches it, which the history cannot know
        return [_event(guild, None, None, now, TrackerLost())]
    if late:
        ended = [
            _event(guild, user, session.channel.id, now, VoiceLeft(reason="outage"))
            for user, session in sorted(after.voice.open.items())
        ]
        return [*ended, *_seen(guild, after, now), _event(guild, None, None, now, TrackerLost())]
    return []


def _seen(guild: GuildId, after: GuildState, now: Ms) -> Iterator[Event]:
    if after.lost_at is not None:
        yield _event(guild, None, None, now, TrackerReturned())


def _voice(guild: GuildId, before: GuildState, after: GuildState, now: Ms) -> Iterator[Event]:
    """`before` saw on Discord who is where."""
    for user in sorted(before.voice.open.keys() | after.voice.open.keys()):
        seen, said = before.voice.open.get(user), after.voice.open.get(user)
        if seen is not None and said is not None and seen.channel.id == said.channel.id:
            if seen.flags != said.flags:
                yield _event(guild, user, seen.channel.id, now, VoiceFlagsChanged(flags=seen.flags))
            continue
        if said is not None:
            yield _event(guild, user, said.channel.id, now, VoiceLeft(reason="outage"))
        if seen is not None:
            yield _event(guild, user, seen.channel.id, now, VoiceJoined(flags=seen.flags, reason="observed"))


def _event(guild: GuildId, user: int | None, channel: int | None, at: Ms, data: Data) -> Event:
    return Event(
        id=mint_event_id(at),
        guild_id=guild,
        user_id=None if user is None else UserId(user),
        channel_id=None if channel is None else ChannelId(channel),
        occurred_at=at,
        data=data,
    )
