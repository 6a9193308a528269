"""A member's day from the tables, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from store import why_queries
from store.engine import Database
from tests.store.living import Writer
from tests.store.support import CHANNEL, GUILD, OTHER_GUILD, START, fact
from tests.store.test_queries import plans
from tracker.events.channel import ChannelDescribed, RoleDescribed
from tracker.events.interaction import InteractionUsed
from tracker.events.member import MemberJoined, MemberOptedOut, MemberRolesChanged
from tracker.events.message import MessageSent
from tracker.events.rule import ExpAdjusted, SettingsChanged
from tracker.events.settings import Rule
from tracker.events.ticks import TrackerLost, TrackerReturned
from tracker.events.voice import SELF_DEAF, Flags, VoiceFlagsChanged, VoiceJoined, VoiceLeft
from tracker.ids import ChannelId, Ms, RoleId, UserId
from tracker.reports.why_model import ChannelDay, DayFacts

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ANN, BEN = UserId(1), UserId(2)
WAITING, CATEGORY = ChannelId(901), ChannelId(950)
TODAY = 20260225  # START is 06:13:20 UTC, 15:13:20 in Seoul
SEOUL = {"timezone": "Asia/Seoul", "voice": {"require": {"undeafened": True}}}


def rules(document: dict[str, Any], at: int) -> Any:
    return fact(SettingsChanged(settings=document, by=BEN), at=at, user=None, channel=None)


def day(db: Database, which: int | None = None, *, now: int = HOUR, user: UserId = ANN) -> DayFacts:
    return why_queries.read_day(db, GUILD, user, which, now=Ms(START + now))


@pytest.fixture
def told(database: Database) -> Database:
    """Ann talks for 20 minutes, 10 of them deafened, waits for 7 and goes back; Ben does something else."""
    writer = Writer(database)
    for channel, name in ((CHANNEL, "study"), (WAITING, "waiting room")):
        described = ChannelDescribed(name=name, kind="voice", parent_id=CATEGORY)
        writer.write([fact(described, user=None, channel=channel)])
    writer.write([rules(SEOUL, 0), fact(RoleDescribed(role_id=RoleId(70), name="VIP"), user=None, channel=None)])
    writer.write([fact(MemberJoined(name=f"member {user}"), user=user, channel=None) for user in (ANN, BEN)])
    writer.write([fact(MemberRolesChanged(role_ids=(RoleId(70), RoleId(71))), user=ANN, channel=None)])
    writer.write(
        [
            fact(VoiceJoined(), user=ANN),
            fact(VoiceJoined(), user=BEN, at=1),
            fact(VoiceFlagsChanged(flags=Flags(SELF_DEAF)), user=ANN, at=10 * MINUTE),
            fact(VoiceLeft(), user=ANN, at=20 * MINUTE),
            fact(VoiceJoined(), user=ANN, channel=WAITING, at=20 * MINUTE),
            fact(VoiceLeft(), user=ANN, channel=WAITING, at=27 * MINUTE),
            fact(MessageSent(), user=ANN, at=28 * MINUTE, event_id="message:5"),
            fact(MessageSent(), user=ANN, at=28 * MINUTE + 1, event_id="message:6"),
            fact(InteractionUsed(command="why", kind="slash"), user=ANN, at=29 * MINUTE),
            fact(ExpAdjusted(amount=-3, reason="", by=BEN), user=ANN, channel=None, at=29 * MINUTE),
            fact(VoiceJoined(), user=ANN, at=30 * MINUTE),
        ]
    )
    writer.flush(START + 33 * MINUTE)
    return database


def test_a_day_is_told_by_channel_with_what_earned_and_what_did_not(told: Database) -> None:
    found = day(told)
    assert (found.day, found.start, found.end) == (TODAY, START - (15 * 60 + 13) * MINUTE - 20_000, found.start + DAY)
    assert (found.name, found.opted_out, found.known_since, found.as_of) == (
        "member 1", False, START, START + 33 * MINUTE,
    )  # fmt: skip
    study, waiting = found.channels
    assert study == ChannelDay(
        channel_id=CHANNEL,
        name="study",
        parent_id=CATEGORY,
        carry_ms=3 * MINUTE,
        voice_ms=23 * MINUTE,
        sessions=2,
        messages=2,
        interactions=1,
        exp_voice=2,
        exp_messages=1,
        deaf_ms=10 * MINUTE,
        cooldown_messages=1,
    )
    assert waiting == ChannelDay(channel_id=WAITING, name="waiting room", parent_id=CATEGORY, ignored_ms=7 * MINUTE)
    assert found.adjusted == -3
    assert (found.away, found.best_role, found.role_ids) == ((), None, (RoleId(70), RoleId(71)))


def test_time_towards_the_next_award_is_todays_alone_and_the_open_sessions_counts(told: Database) -> None:
    assert day(told).channels[0].carry_ms == 3 * MINUTE
    yesterday = day(told, TODAY, now=2 * DAY)
    assert yesterday.channels[0].carry_ms == 0
    assert yesterday.channels[0].voice_ms == 23 * MINUTE


def test_somebody_unknown_and_a_day_without_anything_are_empty(told: Database) -> None:
    nobody = day(told, user=UserId(9))
    assert (nobody.name, nobody.known_since, nobody.channels, nobody.adjusted) == ("", None, (), 0)
    before = day(told, 20260224)
    assert (before.channels, before.known_since) == ((), START)
    assert before.end <= START
    elsewhere = why_queries.read_day(told, OTHER_GUILD, ANN, None, now=Ms(START))
    assert (elsewhere.channels, elsewhere.settings.timezone) == ((), "UTC")


def test_rules_are_those_at_the_end_of_the_day_and_every_change_within_it_is_told(told: Database) -> None:
    writer = Writer(told)
    faster = SEOUL | {"voice": {"default": {"every_s": 60, "exp": 2}}}
    writer.write([rules(faster, HOUR), rules(faster | {"locale": "ko"}, 2 * HOUR), rules(SEOUL, DAY)])
    writer.flush(START + 2 * DAY)
    found = day(told, TODAY, now=2 * DAY)
    assert found.settings.voice_default == Rule(every_ms=Ms(MINUTE), exp=2)
    assert found.changed_at == (START, START + HOUR), "a language earns nobody anything"
    tomorrow = day(told, 20260226, now=2 * DAY)
    assert tomorrow.settings.voice_default == Rule(every_ms=Ms(5 * MINUTE), exp=1)
    assert tomorrow.changed_at == (START + DAY,)
    assert day(told, TODAY, now=90 * MINUTE).settings.voice_default == Rule(every_ms=Ms(MINUTE), exp=2)


def test_absences_are_clipped_to_the_day_and_to_what_is_known(told: Database) -> None:
    writer = Writer(told)
    midnight = day(told).end - START
    writer.write(
        [
            fact(TrackerLost(), user=None, channel=None, at=midnight - HOUR),
            fact(TrackerReturned(), user=None, channel=None, at=midnight + HOUR),
            fact(TrackerLost(), user=None, channel=None, at=midnight + 5 * HOUR),
        ]
    )
    writer.flush(START + midnight + 6 * HOUR)
    start = START + midnight
    assert day(told, TODAY, now=midnight + 6 * HOUR).away == ((start - HOUR, start),)
    assert day(told, now=midnight + 6 * HOUR).away == ((start, start + HOUR), (start + 5 * HOUR, start + 6 * HOUR))


def test_the_best_role_with_a_multiplier_is_named(told: Database) -> None:
    writer = Writer(told)
    writer.write([rules({"multipliers": {"roles": {"70": 150, "71": 120, "72": 900}}}, HOUR)])
    writer.flush(START + HOUR)
    assert day(told).best_role == "VIP"
    assert day(told, user=BEN).best_role is None


def test_who_opted_out_is_told_so(told: Database) -> None:
    writer = Writer(told)
    writer.write([fact(MemberOptedOut(), user=ANN, channel=None, at=HOUR)])
    writer.flush(START + HOUR)
    assert day(told).opted_out


def test_every_table_is_read_by_its_key(told: Database) -> None:
    big = ("daily", "unearned", "sessions", "members", "role_changes", "rules", "carries", "channels", "away")
    lines = plans(told, lambda: day(told))
    assert lines
    for line in lines:
        assert not any(f"SCAN {table}" in line or f"Seq Scan on {table}" in line for table in (*big, "s")), line
    assert any("sessions_open" in line for line in lines), lines  # not all that the guild ever had
    if told.dialect == "sqlite":
        searches = [line for line in lines if "daily" in line or "unearned" in line]
        assert all("guild_id=? AND day=? AND user_id=?" in line for line in searches), searches
