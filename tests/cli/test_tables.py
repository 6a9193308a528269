"""What a report looks like when there is little to show."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from tracker.cli.tables import show_report
from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.build import build_report
from tracker.reports.model import Member, Report, Sums
from tracker.reports.window import containing

WINDOW = containing("weekly", 20260218, ZoneInfo("Asia/Seoul"))


def report_of(*users: int) -> Report:
    return build_report(
        guild_id=GuildId(10),
        role_id=RoleId(40),
        role_name="Study",
        window=WINDOW,
        as_of=WINDOW.end,
        members=[Member(user_id=UserId(user), name="") for user in users],
        activity={},
        before=Sums(),
        away_ms=0,
    )


def shown(report: Report, capsys: pytest.CaptureFixture[str]) -> str:
    show_report(report, "en")
    return capsys.readouterr().out


def test_a_role_that_nobody_holds_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(report_of(), capsys).endswith("Nobody has this role.\n")


def test_members_of_whom_none_was_active_are_listed_below(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(report_of(21), capsys)
    assert "Nobody was active in this period." in text
    assert "Low activity" in text
    assert "│ 21 " in text


def test_a_running_week_and_an_absence_are_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(replace(report_of(21), as_of=Ms(WINDOW.start + 3_600_000), away_ms=1_200_000), capsys)
    assert "Not over yet: as of 16 Feb, 01:00." in text
    assert "The tracker was away for 20 min of this period" in text
