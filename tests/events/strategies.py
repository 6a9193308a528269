"""Hypothesis strategies for every event type there is."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tracker.events import channel, interaction, member, message, rule, ticks, voice
from tracker.events.envelope import Data, Event
from tracker.events.exchange import to_line
from tracker.ids import ChannelId, EventId, GuildId, MessageId, Ms, Partition, RoleId, UserId

__all__ = ["DATA", "EVENTS", "IDS", "INSTANTS", "TEXT", "line_of"]

IDS = st.integers(1, (1 << 63) - 1)
INSTANTS = st.integers(1_420_070_400_000, 7_258_118_399_999).map(Ms)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
WHOLE = st.integers(-(10**13), 10**13)
FLAGS = st.integers(0, 127).map(voice.Flags)
_SETTINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(["UTC", "Asia/Seoul", "Australia/Lord_Howe"]),
        "locale": st.sampled_from(["en", "ko"]),
        "bridge_s": st.integers(0, 86_400),
        "voice": st.fixed_dictionaries(
            {}, optional={"default": st.none() | st.just({"every_s": 60, "exp": 2}), "channels": st.just({"12": {}})}
        ),
    },
)

DATA: dict[type[Data], st.SearchStrategy[Any]] = {
    voice.VoiceJoined: st.builds(voice.VoiceJoined, flags=FLAGS, reason=st.sampled_from(["gateway", "observed"])),
    voice.VoiceMoved: st.builds(voice.VoiceMoved, from_channel_id=IDS.map(ChannelId), flags=FLAGS),
    voice.VoiceLeft: st.builds(voice.VoiceLeft, reason=st.sampled_from(["gateway", "outage"])),
    voice.VoiceFlagsChanged: st.builds(voice.VoiceFlagsChanged, flags=FLAGS),
    message.MessageSent: st.builds(
        message.MessageSent,
        thread_id=st.none() | IDS.map(ChannelId),
        attachments=st.integers(0, 10),
        reply=st.booleans(),
    ),
    message.MessageDeleted: st.builds(message.MessageDeleted, message_id=IDS.map(MessageId)),
    interaction.InteractionUsed: st.builds(interaction.InteractionUsed, command=TEXT, kind=TEXT),
    member.MemberJoined: st.builds(member.MemberJoined, bot=st.booleans(), name=TEXT),
    member.MemberLeft: st.builds(member.MemberLeft, bot=st.booleans(), name=TEXT),
    member.MemberRolesChanged: st.builds(
        member.MemberRolesChanged, role_ids=st.sets(IDS, max_size=5).map(lambda ids: tuple(map(RoleId, sorted(ids))))
    ),
    member.MemberRenamed: st.builds(member.MemberRenamed, name=TEXT),
    member.MemberOptedOut: st.builds(member.MemberOptedOut),
    member.MemberOptedIn: st.builds(member.MemberOptedIn),
    member.MemberForgotten: st.builds(member.MemberForgotten),
    channel.ChannelDescribed: st.builds(
        channel.ChannelDescribed,
        name=TEXT,
        kind=TEXT,
        parent_id=st.none() | IDS.map(ChannelId),
        afk=st.booleans(),
    ),
    channel.RoleDescribed: st.builds(channel.RoleDescribed, role_id=IDS.map(RoleId), name=TEXT),
    rule.SettingsChanged: st.builds(rule.SettingsChanged, settings=_SETTINGS, by=st.none() | IDS.map(UserId)),
    rule.ExpAdjusted: st.builds(rule.ExpAdjusted, amount=WHOLE, reason=TEXT, by=st.none() | IDS.map(UserId)),
    rule.SeasonStarted: st.builds(rule.SeasonStarted, name=TEXT, by=st.none() | IDS.map(UserId)),
    ticks.TrackerTicked: st.builds(ticks.TrackerTicked, as_of=INSTANTS),
    ticks.TrackerLost: st.builds(ticks.TrackerLost),
    ticks.TrackerReturned: st.builds(ticks.TrackerReturned),
}

_MINTED = st.uuids().map(lambda value: EventId(str(value)))


@st.composite
def _events(draw: st.DrawFn) -> Event:
    data = draw(st.one_of(*DATA.values()))
    if isinstance(data, ticks.TrackerTicked):
        return ticks.tick(Partition(draw(st.integers(0, 15))), data.as_of)
    event_id = draw(_MINTED)
    if isinstance(data, message.MessageSent):
        event_id = message.message_sent_id(draw(IDS))
    elif isinstance(data, message.MessageDeleted):
        event_id = message.message_deleted_id(data.message_id)
    return Event(
        id=event_id,
        guild_id=GuildId(draw(IDS)),
        user_id=UserId(draw(IDS)),
        channel_id=ChannelId(draw(IDS)),
        occurred_at=draw(INSTANTS),
        data=data,
    )


EVENTS = _events()
"""Any event that the exchange format can carry."""


def line_of(data: Data, *, at: int = 1_771_395_412_000) -> str:
    """A good line for this data, in a made-up guild."""
    event_id = EventId("a1")
    if isinstance(data, ticks.TrackerTicked):
        return to_line(ticks.tick(Partition(0), data.as_of))
    if isinstance(data, message.MessageSent):
        event_id = message.message_sent_id(1_470_000_000_000_000_001)
    elif isinstance(data, message.MessageDeleted):
        event_id = message.message_deleted_id(data.message_id)
    return to_line(
        Event(
            id=event_id,
            guild_id=GuildId(10),
            user_id=UserId(20),
            channel_id=ChannelId(30),
            occurred_at=Ms(at),
            data=data,
        )
    )
