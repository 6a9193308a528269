"""The log says of each ended session what the database holds of it."""

from __future__ import annotations

import logging

import pytest

from store.state import FlushBatch
from tracker.ids import ChannelId, GuildId, Ms, Partition, Position
from tracker.ingest.leave_lines import LeaveLines, clock_text
from tracker.projections.rows import Changes, Row

MINUTE = 60_000


def name_of(_: GuildId, channel: ChannelId) -> str | None:
    return {10: "📝-공부방", 11: "two\nlines"}.get(channel)


def flush(*rows: Row) -> list[FlushBatch]:
    changes = Changes(rows={"sessions": list(rows)} if rows else {})
    return [FlushBatch(partition=Partition(0), position=Position(9), as_of=Ms(0), changes=changes)]


def session(user: int, *, channel: int = 10, ended: int | None = 1_510_000, exp: int = 5) -> Row:
    return (1, user, 0, channel, ended, 0, ended or 0, exp, 0)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> LeaveLines:
    caplog.set_level(logging.INFO, logger="tracker.voice")
    return LeaveLines(name_of)


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
