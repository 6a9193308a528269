"""The outage table of SEMANTICS §4, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.discord.intake import FoldIntake
from tracker.discord.resync import Present, close_all, resync
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Data, Event
from tracker.events.member import MemberJoined, MemberOptedOut
from tracker.events.voice import SELF_MUTE, Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, GuildId, Ms, UserId, mint_event_id

GUILD = GuildId(10)
ANA, BEN, CHO = UserId(1), UserId(2), UserId(3)
ROOM, LOUNGE = ChannelId(100), ChannelId(200)
START = 1_700_000_000_000
GONE = Ms(START + 60_000)
BRIDGE = 600_000


def fact(data: Data, at: int, user: UserId | None = None, channel: ChannelId | None = None) -> Event:
    return Event(id=mint_event_id(at), guild_id=GUILD, user_id=user, channel_id=channel, occurred_at=Ms(at), data=data)


@pytest.fixture
def intake() -> FoldIntake:
    return FoldIntake()


def in_room(intake: FoldIntake, *users: UserId, channel: ChannelId = ROOM, flags: int = 0) -> None:
    for user in users:
        intake.accept(fact(VoiceJoined(flags=Flags(flags)), START, user, channel))


def back(
    intake: FoldIntake, snapshot: dict[UserId, Present], *, after: int = 1000, **more: Any
) -> list[tuple[str, UserId | None, ChannelId | None, int]]:
    """What a snapshot after an absence of `after` ms appends, as (type, user, channel, ms since the absence began)."""
    intake.gone([GUILD], GONE)
    events = resync(GUILD, snapshot, intake.sight, back_at=Ms(GONE + after), **more)
    return [(e.type, e.user_id, e.channel_id, e.occurred_at - GONE) for e in events]


def there(channel: ChannelId = ROOM, flags: int = 0) -> Present:
    return Present(channel_id=channel, flags=Flags(flags))


def test_a_session_goes_on_when_the_member_is_still_there_within_the_bridge(intake: FoldIntake) -> None:
    in_room(intake, ANA)
    assert back(intake, {ANA: there()}) == [("tracker.returned", None, None, 1000)]


def test_a_session_goes_on_when_the_absence_is_exactly_the_bridge(intake: FoldIntake) -> None:
    in_room(intake, ANA)
    assert back(intake, {ANA: there()}, after=BRIDGE) == [("tracker.returned", None, None, BRIDGE)]


def test_a_session_ends_where_it_was_last_seen_and_another_begins_one_ms_beyond_the_bridge(intake: FoldIntake) -> None:
    in_room(intake, ANA)
    assert back(intake, {ANA: there()}, after=BRIDGE + 1) == [
        ("voice.left", ANA, ROOM, 0),
        ("tracker.returned", None, None, BRIDGE + 1),
        ("voice.joined", ANA, ROOM, BRIDGE + 1),
    ]


def test_a_session_ends_and_another_begins_when_the_member_is_elsewhere_even_within_the_bridge(
    intake: FoldIntake,
) -> None:
    in_room(intake, ANA)
    assert back(intake, {ANA: there(LOUNGE)}) == [
        ("voice.left", ANA, ROOM, 0),
        ("tracker.returned", None, None, 1000),
        ("voice.joined", ANA, LOUNGE, 1000),
    ]


def test_a_session_ends_when_the_member_is_gone(intake: FoldIntake) -> None:
    in_room(intake, ANA)
    assert back(intake, {}) == [("voice.left", ANA, ROOM, 0), ("tracker.returned", None, None, 1000)]


def test_a_session_begins_when_somebody_is_there_who_was_not(intake: FoldIntake) -> None:
    intake.gone([GUILD], GONE)
    assert back(intake, {ANA: there(flags=SELF_MUTE)}) == [
        ("tracker.returned", None, None, 1000),
        ("voice.joined", ANA, ROOM, 1000),
    ]


def test_other_flags_in_a_bridged_session_change_when_seen(intake: FoldIntake) -> None:
    in_room(intake, ANA)
    intake.gone([GUILD], GONE)
    events = resync(GUILD, {ANA: there(flags=SELF_MUTE)}, intake.sight, back_at=Ms(GONE + 1))
    assert events[-1].data == VoiceFlagsChanged(flags=Flags(SELF_MUTE))
    assert [e.type for e in events] == ["tracker.returned", "voice.flags_changed"]


def test_outage_and_observation_are_named_as_reasons(intake: FoldIntake) -> None:
    in_room(intake, ANA)
    intake.gone([GUILD], GONE)
    events = resync(GUILD, {BEN: there(flags=SELF_MUTE)}, intake.sight, back_at=Ms(GONE + 1))
    assert events[0].data == VoiceLeft(reason="outage")
    assert events[-1].data == VoiceJoined(flags=Flags(SELF_MUTE), reason="observed")


def test_every_end_comes_before_the_return_and_every_beginning_after_the_differences(intake: FoldIntake) -> None:
    in_room(intake, CHO, ANA, BEN)
    seen = fact(ChannelDescribed(name="room"), GONE + 1000, channel=ROOM)
    assert back(intake, {BEN: there(), CHO: there(LOUNGE), UserId(4): there()}, differences=[seen]) == [
        ("voice.left", ANA, ROOM, 0),
        ("voice.left", CHO, ROOM, 0),
        ("tracker.returned", None, None, 1000),
        ("channel.described", None, ROOM, 1000),
        ("voice.joined", CHO, LOUNGE, 1000),
        ("voice.joined", UserId(4), ROOM, 1000),
    ]


def test_the_order_given_is_the_order_that_the_stamping_keeps(intake: FoldIntake) -> None:
    in_room(intake, ANA, BEN)
    intake.gone([GUILD], GONE)
    events = resync(GUILD, {ANA: there(LOUNGE)}, intake.sight, back_at=Ms(GONE + 700_000))
    intake.accept(*events)
    assert [e.occurred_at for e in intake.events[-len(events) :]] == [e.occurred_at for e in events]
    assert intake.sight.lost_at(GUILD) is None
    assert intake.sight.channel_of(GUILD, ANA) == LOUNGE
    assert intake.sight.channel_of(GUILD, BEN) is None


def test_a_guild_never_seen_before_has_no_return(intake: FoldIntake) -> None:
    events = resync(GUILD, {ANA: there()}, intake.sight, back_at=GONE)
    assert [e.type for e in events] == ["voice.joined"]


def test_a_snapshot_sent_again_changes_only_what_differs(intake: FoldIntake) -> None:
    in_room(intake, ANA, BEN)
    events = resync(GUILD, {ANA: there()}, intake.sight, back_at=GONE)
    assert [(e.type, e.user_id, e.occurred_at) for e in events] == [("voice.left", BEN, GONE)]


def test_who_opted_out_is_not_observed(intake: FoldIntake) -> None:
    intake.accept(fact(MemberJoined(name="ana"), START, ANA), fact(MemberOptedOut(), START, ANA))
    assert back(intake, {ANA: there()}) == [("tracker.returned", None, None, 1000)]


def test_a_removed_bot_closes_every_session_where_it_saw_it_last(intake: FoldIntake) -> None:
    in_room(intake, BEN, ANA)
    intake.gone([GUILD], GONE)
    events = close_all(GUILD, intake.sight, GONE)
    assert [(e.user_id, e.occurred_at, e.data) for e in events] == [
        (ANA, GONE, VoiceLeft(reason="outage")),
        (BEN, GONE, VoiceLeft(reason="outage")),
    ]
