"""A guild's snapshot against what was known before the tracker was away: the outage table of SEMANTICS §4. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tracker.discord.sight import Sight
from tracker.events.envelope import Data, Event
from tracker.events.ticks import TrackerReturned
from tracker.events.voice import Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, GuildId, Ms, UserId, mint_event_id

__all__ = ["Present", "close_all", "resync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Where a member is in the snapshot."""

    channel_id: ChannelId
    flags: Flags


def resync(
    guild: GuildId,
    snapshot: Mapping[UserId, Present],
    sight: Sight,
    *,
    back_at: Ms,
    differences: Iterable[Event] = (),
) -> list[Event]:
    """The events of a guild that is seen again at `back_at`, in the order in which they must be accepted.

    `snapshot` holds who is in voice, bots left out; `differences` are the channels, roles and members that look
    different now. First the sessions that ended unseen are closed at `gone_at`, then the tracker is back, then the
    guild looks as it looks now, then the sessions that begin now. A guild that was not lost (seen for the first
    time, or sent again) has had no absence: what differs changes at `back_at`.
    """
    lost_at = sight.lost_at(guild)
    gone_at = back_at if lost_at is None else lost_at
    bridged = back_at - gone_at <= sight.bridge_ms(guild)
    ended: list[Event] = []
    begun: list[Event] = []
    open_ones = set(sight.in_voice(guild))
    for user in sorted(open_ones | snapshot.keys()):
        before = sight.voice_of(guild, user) if user in open_ones else None
        now = snapshot.get(user)
        if before is not None and now is not None and now.channel_id == before[0] and bridged:
            if now.flags != before[1]:
                begun.append(_event(guild, user, before[0], back_at, VoiceFlagsChanged(flags=now.flags)))
            continue
        if before is not None:
            ended.append(_event(guild, user, before[0], gone_at, VoiceLeft(reason="outage")))
        if now is not None and not sight.is_silent(guild, user):
            begun.append(_event(guild, user, now.channel_id, back_at, VoiceJoined(flags=now.flags, reason="observed")))
    returned = [] if lost_at is None else [_event(guild, None, None, back_at, TrackerReturned())]
    return [*ended, *returned, *differences, *begun]


def close_all(guild: GuildId, sight: Sight, at: Ms) -> list[Event]:
    """Every open session of a guild that the bot was removed from ends where the tracker saw it last."""
    return [
        _event(guild, user, channel, at, VoiceLeft(reason="outage"))
        for user in sorted(sight.in_voice(guild))
        if (channel := sight.channel_of(guild, user)) is not None
    ]


def _event(guild: GuildId, user: UserId | None, channel: ChannelId | None, at: Ms, data: Data) -> Event:
    return Event(id=mint_event_id(at), guild_id=guild, user_id=user, channel_id=channel, occurred_at=at, data=data)
