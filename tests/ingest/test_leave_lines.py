"""The log says of each ended session what the database holds of it."""

from __future__ import annotations

import logging

import pytest

from store.engine import Database
from store.state import FlushBatch
from tests.ingest.support import make_desk
from tracker.events.channel import ChannelDescribed
from tracker.events.envelope import Event
from tracker.ids import ChannelId, EventId, GuildId, Ms, Partition, Position
from tracker.ingest.leave_lines import LeaveLines, clock_text
from tracker.ingest.sight import FoldSight
from tracker.projections.rows import Changes, Row
from tracker.projections.state import PartitionState

MINUTE = 60_000


def sight() -> FoldSight:
    """A guild with two channels."""
    state = PartitionState(partition=Partition(0))
    for channel, name in ((10, "📝-공부방"), (11, "two\nlines")):
        described = ChannelDescribed(name=name, kind="voice", parent_id=None, afk=False)
        event = Event(
            id=EventId(f"c{channel}"),
            guild_id=GuildId(1),
            channel_id=ChannelId(channel),
            occurred_at=Ms(0),
            data=described,
        )
        state.apply(event)
    return FoldSight({Partition(0): state})


def flush(*rows: Row) -> list[FlushBatch]:
    changes = Changes(rows={"sessions": list(rows)} if rows else {})
    return [FlushBatch(partition=Partition(0), position=Position(9), as_of=Ms(0), changes=changes)]


def session(user: int, *, channel: int = 10, ended: int | None = 1_510_000, exp: int = 5) -> Row:
    return (1, 20260218, user, 0, channel, ended, 0, ended or 0, exp, 0)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> LeaveLines:
    caplog.set_level(logging.INFO, logger="tracker.voice")
    return LeaveLines(sight())


def test_a_line_says_who_left_after_how_long_where_and_for_how_much(
    lines: LeaveLines, caplog: pytest.LogCaptureFixture
) -> None:
    lines.flushed(flush(session(123)))
    assert caplog.messages == ["left: user 123 after 00:25:10 in 📝-공부방: 5 EXP committed"]


def test_who_is_still_there_and_a_flush_without_sessions_make_no_line(
    lines: LeaveLines, caplog: pytest.LogCaptureFixture
) -> None:
    lines.flushed(flush(session(1, ended=None)))
    lines.flushed(flush())
    assert caplog.messages == []


def test_a_channel_is_named_in_one_line_or_by_its_id(lines: LeaveLines, caplog: pytest.LogCaptureFixture) -> None:
    lines.flushed(flush(session(1, channel=11), session(2, channel=12)))
    assert [message.partition(" in ")[2] for message in caplog.messages] == [
        "two lines: 5 EXP committed",
        "channel 12: 5 EXP committed",
    ]


def test_of_a_crowd_fifty_are_named_by_when_they_left_and_the_others_counted(
    lines: LeaveLines, caplog: pytest.LogCaptureFixture
) -> None:
    crowd = [session(n, ended=(60 - n) * MINUTE, exp=n) for n in range(60)]
    lines.flushed(flush(*crowd))
    assert len(caplog.messages) == 51
    assert caplog.messages[0].startswith("left: user 59 after 00:01:00 ")
    assert caplog.messages[-1] == f"… and 10 more left: {sum(range(10))} EXP committed for them"


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "00:00:00"), (999, "00:00:00"), (3_599_999, "00:59:59"), (360_000_000, "100:00:00")]
)
def test_durations_are_shown_as_a_clock_does(ms: int, text: str) -> None:
    assert clock_text(ms) == text


async def test_what_is_said_is_what_the_database_holds_and_only_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="tracker.voice")
    desk = make_desk(database)
    desk.ingest.flushed.add(LeaveLines(desk.ingest.sight).flushed)
    desk.join(1)
    desk.join(2)
    desk.clock.time += 25 * MINUTE
    await desk.ingest.flush()
    desk.leave(1)
    desk.clock.time += 1000
    assert caplog.messages == []  # who left is in memory only, and who stays has not left
    await desk.ingest.flush()
    await desk.ingest.flush()
    with database.read() as connection:
        committed = connection.exec_driver_sql("SELECT exp FROM sessions WHERE ended_at IS NOT NULL").scalars().all()
    assert committed == [5]
    assert caplog.messages == ["left: user 1 after 00:25:00 in channel 10: 5 EXP committed"]
    await desk.ingest.close(10)


async def test_after_a_crash_the_line_comes_with_the_flush_that_commits_the_session(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="tracker.voice")
    crashed = make_desk(database)
    crashed.ingest.flushed.add(LeaveLines(crashed.ingest.sight).flushed)
    crashed.join(1)
    crashed.clock.time += 10 * MINUTE
    crashed.leave(1)
    await crashed.ingest.commit()
    assert caplog.messages == []
    again = make_desk(database)
    again.clock.time = crashed.clock.time
    again.ingest.flushed.add(LeaveLines(again.ingest.sight).flushed)
    await again.ingest.flush()
    assert caplog.messages == ["left: user 1 after 00:10:00 in channel 10: 2 EXP committed"]
    await again.ingest.close(10)
