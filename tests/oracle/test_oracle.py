"""The oracle itself, against numbers worked out by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.oracle.oracle import Answer, answer
from tests.oracle.rules import QUARTER, Rules, day_of, midnights
from tracker.clock import to_ms
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.events.member import MemberForgotten, MemberOptedIn, MemberOptedOut, MemberRolesChanged
from tracker.events.message import MessageDeleted, MessageSent
from tracker.events.rule import ExpAdjusted, SeasonStarted, SettingsChanged
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import SELF_DEAF, SUPPRESS, Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft, VoiceMoved
from tracker.ids import ChannelId, EventId, GuildId, MessageId, Ms, RoleId, UserId

ANA, BEN = 20, 21
ROOM, OTHER, CHAT = 30, 31, 40
START = 1_771_372_800_000
"""2026-02-18T00:00:00Z"""
DAY, NEXT = 20260218, 20260219
MINUTE = 60_000


def _event(at: int, data: Any, user: int | None = ANA, channel: int | None = ROOM, event_id: str = "e") -> Event:
    return Event(
        id=EventId(event_id),
        guild_id=GuildId(10),
        user_id=None if user is None else UserId(user),
        channel_id=None if channel is None else ChannelId(channel),
        occurred_at=Ms(START + at),
        data=data,
    )


def _rules(at: int = 0, **document: Any) -> Event:
    return _event(at, SettingsChanged(settings=document), None, None)


def _ask(*events: Event, until: int) -> Answer:
    return answer(events, START + until)


def test_the_day_starts_where_it_is_said_to() -> None:
    assert day_of(START, Rules({}).zone) == DAY
    assert day_of(START - 1, Rules({}).zone) == 20260217
    assert midnights(Rules({}).zone, START // QUARTER - 1) == (START,)
    assert midnights(Rules({}).zone, START // QUARTER) == ()


def test_an_hour_in_voice_is_twelve_awards_by_default() -> None:
    said = _ask(_event(0, VoiceJoined()), until=60 * MINUTE)
    row = (DAY, ANA, ROOM)
    assert dict(said.daily[row]) == {"voice_ms": 60 * MINUTE, "sessions": 1, "exp_voice": 12}
    assert said.last_at[row] == START + 60 * MINUTE
    (session,) = said.sessions
    assert (session.ended_at, session.voice_ms, session.exp, session.days) == (None, 60 * MINUTE, 12, {DAY})


def test_the_carry_lasts_over_sessions_and_is_kept_for_each_channel() -> None:
    said = _ask(
        _event(0, VoiceJoined()),
        _event(4 * MINUTE, VoiceMoved(from_channel_id=ChannelId(ROOM)), channel=OTHER),
        _event(6 * MINUTE, VoiceLeft(), channel=OTHER),
        _event(9 * MINUTE, VoiceJoined()),
        until=10 * MINUTE,
    )
    assert said.daily[DAY, ANA, ROOM]["exp_voice"] == 1
    assert said.daily[DAY, ANA, ROOM]["sessions"] == 2
    assert said.carries == {(ANA, ROOM): 0, (ANA, OTHER): 2 * MINUTE}


def test_a_carry_too_long_gives_one_award_with_the_next_millisecond() -> None:
    events = [_event(0, VoiceJoined()), _rules(4 * MINUTE, voice={"default": {"every_s": 60}})]
    assert _ask(*events, until=4 * MINUTE).totals()[ANA]["exp"] == 0
    said = _ask(*events, until=4 * MINUTE + 1)
    assert (said.totals()[ANA]["exp"], said.carries[ANA, ROOM]) == (1, 0)


def test_a_rename_to_a_waiting_room_stops_the_count_at_that_instant() -> None:
    said = _ask(
        _event(0, VoiceJoined()),
        _event(7 * MINUTE, ChannelDescribed(name="대기실"), None),
        _event(9 * MINUTE, ChannelDescribed(name="공부방"), None),
        until=10 * MINUTE,
    )
    assert said.daily[DAY, ANA, ROOM]["voice_ms"] == 8 * MINUTE
    assert said.sessions[0].days == {DAY}


def test_company_and_an_open_microphone_can_be_asked_for() -> None:
    said = _ask(
        _rules(voice={"require": {"min_members": 2, "unmuted": True}, "default": {"every_s": 60, "exp": 1}}),
        _event(0, VoiceJoined()),
        _event(5 * MINUTE, VoiceJoined(), BEN),
        _event(8 * MINUTE, VoiceFlagsChanged(flags=Flags(SUPPRESS))),
        until=10 * MINUTE,
    )
    assert {user: sums["exp"] for user, sums in said.totals().items()} == {ANA: 3, BEN: 5}


def test_time_is_cut_at_local_midnight_and_an_award_is_of_the_millisecond_before_it() -> None:
    said = _ask(
        _rules(timezone="Asia/Seoul", voice={"default": {"every_s": 60, "exp": 1}}),
        _event(15 * 60 * MINUTE - 2 * MINUTE, VoiceJoined()),
        until=15 * 60 * MINUTE + 3 * MINUTE,
    )
    assert dict(said.daily[DAY, ANA, ROOM]) == {"voice_ms": 2 * MINUTE, "sessions": 1, "exp_voice": 2}
    assert dict(said.daily[NEXT, ANA, ROOM]) == {"voice_ms": 3 * MINUTE, "sessions": 1, "exp_voice": 3}
    assert said.last_at[DAY, ANA, ROOM] == to_ms(datetime.fromisoformat("2026-02-19T00:00:00+09:00"))


def test_messages_earn_by_draw_and_cooldown_and_lose_by_deletion() -> None:
    said = _ask(
        _rules(messages={"exp_min": 10, "exp_max": 10, "cooldown_s": 60, "revoke_s": 300}),
        _event(0, MessageSent(), channel=CHAT, event_id="message:1"),
        _event(59_999, MessageSent(), channel=CHAT, event_id="message:2"),
        _event(60_000, MessageSent(), channel=CHAT, event_id="message:3"),
        _event(300_000, MessageDeleted(message_id=MessageId(1)), None, CHAT),
        _event(360_001, MessageDeleted(message_id=MessageId(3)), None, CHAT),
        until=400_000,
    )
    assert dict(said.daily[DAY, ANA, CHAT]) == {"messages": 3, "exp_messages": 10}
    assert said.award_at == {(ANA, "message"): START + 60_000}


def test_the_draw_is_a_checksum_of_the_message_id() -> None:
    said = _ask(
        _rules(messages={"exp_min": 5, "exp_max": 14}),
        _event(0, MessageSent(), channel=CHAT, event_id="message:123456789"),
        until=0,
    )
    assert said.totals()[ANA]["exp"] == 5 + 0xCBF43926 % 10  # the check value that CRC-32 is known by


def test_multipliers_multiply_and_are_rounded_down_once() -> None:
    said = _ask(
        _rules(
            messages={"exp_min": 7, "exp_max": 7},
            multipliers={
                "channels": {str(CHAT): 150},
                "roles": {"1": 50, "2": 133},
                "windows": [{"percent": 99, "from": "2026-02-18T00:00Z", "to": "2026-02-18T01:00Z"}],
            },
        ),
        _event(0, MemberRolesChanged(role_ids=(RoleId(1), RoleId(2))), channel=None),
        _event(0, MessageSent(), channel=CHAT, event_id="message:1"),
        until=0,
    )
    assert said.totals()[ANA]["exp"] == 13  # 13.825…


def test_unseen_time_counts_only_where_it_was_bridged() -> None:
    lost = [_event(0, VoiceJoined()), _event(10 * MINUTE, TrackerLost(), None, None)]
    back = _event(15 * MINUTE, TrackerReturned(), None, None)
    said = _ask(*lost, until=20 * MINUTE)
    assert said.daily[DAY, ANA, ROOM]["voice_ms"] == 10 * MINUTE
    assert said.away == [(START + 10 * MINUTE, None)]
    said = _ask(*lost, back, until=20 * MINUTE)
    assert said.daily[DAY, ANA, ROOM]["voice_ms"] == 20 * MINUTE
    left = _event(10 * MINUTE, VoiceLeft(reason="outage"))
    seen = _event(15 * MINUTE, VoiceJoined(reason="observed"))
    said = _ask(*lost, left, back, seen, until=20 * MINUTE)
    assert dict(said.daily[DAY, ANA, ROOM]) == {"voice_ms": 15 * MINUTE, "sessions": 2, "exp_voice": 3}
    assert said.away == [(START + 10 * MINUTE, START + 15 * MINUTE)]


def test_who_opts_out_is_not_seen_until_they_opt_in_and_who_is_forgotten_has_no_rows() -> None:
    story = [
        _event(0, VoiceJoined()),
        _event(MINUTE, MemberOptedOut()),
        _event(2 * MINUTE, VoiceJoined()),
        _event(3 * MINUTE, MemberOptedIn()),
        _event(4 * MINUTE, VoiceJoined()),
        _event(5 * MINUTE, ExpAdjusted(amount=-7)),
    ]
    said = _ask(*story, until=6 * MINUTE)
    assert said.daily[DAY, ANA, ROOM]["voice_ms"] == 3 * MINUTE
    assert dict(said.daily[DAY, ANA, 0]) == {"exp_adjusted": -7}
    assert said.totals()[ANA]["exp"] == -7
    said = _ask(*story, _event(6 * MINUTE, MemberForgotten()), until=7 * MINUTE)
    assert not said.daily
    assert not said.sessions


def test_time_that_earns_nothing_is_under_the_first_reason_that_applies() -> None:
    said = _ask(
        _rules(voice={"require": {"min_members": 2, "undeafened": True, "unmuted": True}, "default": {"exp": 0}}),
        _event(0, VoiceJoined(flags=Flags(SELF_DEAF | SUPPRESS))),
        _event(1 * MINUTE, VoiceJoined(), BEN),
        _event(3 * MINUTE, VoiceFlagsChanged(flags=Flags(SUPPRESS))),
        _event(6 * MINUTE, VoiceFlagsChanged()),
        _event(10 * MINUTE, ChannelDescribed(name="waiting", afk=False), None),
        _event(15 * MINUTE, ChannelDescribed(name="waiting", afk=True), None),
        until=21 * MINUTE,
    )
    minutes = {"alone_ms": 1, "deaf_ms": 2, "muted_ms": 3, "unruled_ms": 4, "ignored_ms": 5, "afk_ms": 6}
    assert said.unearned[DAY, ANA, ROOM] == {reason: count * MINUTE for reason, count in minutes.items()}
    assert said.unearned[DAY, BEN, ROOM] == {"unruled_ms": 9 * MINUTE, "ignored_ms": 5 * MINUTE, "afk_ms": 6 * MINUTE}
    assert said.daily[DAY, ANA, ROOM]["voice_ms"] == 10 * MINUTE


def test_messages_that_earn_nothing_or_lose_what_they_earned_say_why() -> None:
    said = _ask(
        _rules(messages={"cooldown_s": 60, "revoke_s": 300, "ignore_channels": [str(OTHER)]}),
        _event(0, MessageSent(), channel=CHAT, event_id="message:1"),
        _event(1, MessageSent(), channel=CHAT, event_id="message:2"),
        _event(2, MessageSent(), channel=OTHER, event_id="message:3"),
        _event(3, MessageDeleted(message_id=MessageId(1)), None, CHAT),
        _event(4, MessageDeleted(message_id=MessageId(2)), None, CHAT),
        until=5,
    )
    assert said.unearned == {
        (DAY, ANA, CHAT): {"cooldown_messages": 1, "revoked_messages": 1},
        (DAY, ANA, OTHER): {"ignored_messages": 1},
    }


def test_a_season_has_what_was_earned_in_it_and_loses_what_was_revoked_of_that() -> None:
    said = _ask(
        _rules(messages={"cooldown_s": 0, "revoke_s": 3600}),
        _event(0, VoiceJoined()),
        _event(1, MessageSent(), channel=CHAT, event_id="message:1"),
        _event(5 * MINUTE, SeasonStarted(name="spring"), None, None),
        _event(6 * MINUTE, MessageSent(), channel=CHAT, event_id="message:2"),
        _event(7 * MINUTE, MessageSent(), channel=CHAT, event_id="message:3"),
        _event(15 * MINUTE, SeasonStarted(name="summer"), None, None),
        _event(16 * MINUTE, MessageDeleted(message_id=MessageId(1)), None, CHAT),
        _event(16 * MINUTE, MessageDeleted(message_id=MessageId(2)), None, CHAT),
        _event(17 * MINUTE, ExpAdjusted(amount=-9)),
        until=20 * MINUTE,
    )
    assert said.seasons == {(START + 5 * MINUTE, ANA): 2 + 1, (START + 15 * MINUTE, ANA): 1 - 9}
    assert said.totals()[ANA]["exp"] == 4 + 1 - 9
    assert list(said.rules) == [START]
