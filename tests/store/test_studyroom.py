"""Who is in voice now, with what the tables say of them."""

from __future__ import annotations

import re

from store.engine import Database
from store.studyroom import read_studyroom
from tests.store.living import Writer
from tests.store.support import CHANNEL, GUILD, START, fact
from tests.store.test_queries import plans
from tracker.events.member import MemberJoined
from tracker.events.voice import VoiceLeft
from tracker.ids import ChannelId, Ms, UserId
from tracker.reports.boards import InVoice

HOUR = 3_600_000
ANN, BEN, CAT = (UserId(n) for n in (1, 2, 3))


def session(user: UserId, channel: int, since: int) -> InVoice:
    return InVoice(user_id=user, channel_id=ChannelId(channel), channel_name=f"room {channel}", since=Ms(since))


def test_the_fullest_room_comes_first_and_in_it_who_came_first_with_the_whole_days_voice(database: Database) -> None:
    writer = Writer(database)
    writer.write(
        [
            fact(MemberJoined(name="Ann"), user=ANN, channel=None),
            fact(MemberJoined(name="Ben"), user=BEN, channel=None),
            fact(user=ANN, channel=902),
            fact(VoiceLeft(), user=ANN, channel=902, at=HOUR),
            fact(user=BEN),
            fact(user=ANN, at=2 * HOUR),
            fact(user=CAT, channel=903),
        ]
    )
    writer.flush(START + 3 * HOUR)
    sessions = [session(CAT, 903, START), session(ANN, CHANNEL, START + 2 * HOUR), session(BEN, CHANNEL, START)]
    room = read_studyroom(database, GUILD, sessions, now=Ms(START + 3 * HOUR))
    assert [(o.name, o.channel_id, o.since, o.today_ms) for o in room.occupants] == [
        ("Ben", CHANNEL, START, 3 * HOUR),
        ("Ann", CHANNEL, START + 2 * HOUR, 2 * HOUR),
        ("", 903, START, 3 * HOUR),
    ]
    assert room.channels == {CHANNEL: f"room {CHANNEL}", ChannelId(903): "room 903"}
    assert room.as_of == START + 3 * HOUR
    assert read_studyroom(database, GUILD, [], now=Ms(START)).occupants == ()


def test_a_crowd_is_asked_about_in_parts_and_nobody_is_missing(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(user=user) for user in range(1, 1202)])
    writer.flush(START + HOUR)
    found = read_studyroom(database, GUILD, [session(UserId(u), CHANNEL, START) for u in range(1, 1202)], now=START)
    assert {o.today_ms for o in found.occupants} == {HOUR}
    assert len(found.occupants) == 1201


def test_big_tables_are_read_by_their_keys(database: Database) -> None:
    writer = Writer(database)
    writer.write([fact(MemberJoined(name="Ann"), user=ANN, channel=None), fact(user=ANN)])
    writer.flush(START + HOUR)
    found = plans(database, lambda: read_studyroom(database, GUILD, [session(ANN, CHANNEL, START)], now=START))
    if database.dialect == "sqlite":
        assert any("SEARCH daily USING" in line and "user_id=?" in line for line in found), found
        assert not any(line.startswith("SCAN") for line in found), found
    else:
        assert any("Index" in line for line in found), found
        assert not any(re.search(r"Seq Scan on (daily|members|sessions)\b", line) for line in found), found
