"""A report's sentences in both languages."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.build import build_report
from tracker.reports.model import Activity, Member, Sums
from tracker.reports.window import Window, containing
from tracker.reports.wording import away_text, open_text, sums_of, title_of, when_text

SEOUL = ZoneInfo("Asia/Seoul")
HOUR = 3_600_000


def day() -> Window:
    return containing("daily", 20260218, SEOUL)


REPORT = build_report(
    guild_id=GuildId(10),
    role_id=RoleId(40),
    role_name="스터디",
    window=day(),
    as_of=day().end,
    members=[Member(user_id=UserId(u), name="") for u in (1, 2, 3)],
    activity={UserId(1): Activity(user_id=UserId(1), voice_ms=3 * HOUR, messages=1200, exp=36)},
    before=Sums(voice_ms=4 * HOUR, messages=1000, exp=36),
    away_ms=90 * 60_000,
)


def test_the_title_names_role_and_period() -> None:
    assert title_of(REPORT, "ko") == "스터디 일간 활동 보고서"
    assert title_of(REPORT, "en") == "스터디: daily report"
    assert title_of(replace(REPORT, role_name=None), "en") == "40: daily report"
    assert title_of(replace(REPORT, role_id=None, role_name=None), "ko") == "전체 멤버 일간 활동 보고서"
    assert title_of(replace(REPORT, role_id=RoleId(10)), "en") == "Everyone: daily report"


def test_a_month_is_named_and_other_windows_give_their_dates() -> None:
    assert when_text(day(), "ko") == "2026년 2월 18일 (수)"
    assert when_text(containing("weekly", 20260218, SEOUL), "en") == "Mon, 16 Feb – Sun, 22 Feb 2026"
    assert when_text(containing("monthly", 20260218, SEOUL), "ko") == "2026년 2월"


def test_only_an_open_window_and_only_an_absence_are_spoken_of() -> None:
    assert open_text(REPORT, "en") is None
    running = replace(REPORT, as_of=Ms(day().start + 9 * HOUR), away_ms=0)
    assert open_text(running, "en") == "Not over yet: as of 18 Feb, 09:00."
    assert open_text(running, "ko") == "아직 진행 중인 기간입니다. (2월 18일 09:00 기준)"
    assert away_text(running, "en") is None
    assert away_text(REPORT, "en") == (
        "The tracker was away for 1 h 30 min of this period; what happened then is not counted."
    )
    assert away_text(REPORT, "ko") == (
        "이 기간 중 1시간 30분 동안 봇이 오프라인이어서 그동안의 활동은 집계되지 않았습니다."
    )


def test_every_sum_comes_with_its_change() -> None:
    assert sums_of(REPORT, "en") == [
        ("Active", "1 of 3 (33%)", ""),
        ("Total voice", "3 h", "−1 h"),
        ("Average voice per active member", "3 h", ""),
        ("Messages", "1,200", "+200"),
        ("Interactions", "0", "±0"),
        ("EXP", "36", "±0"),
    ]
    assert sums_of(REPORT, "ko")[:2] == [("활동 멤버", "3명 중 1명 (33%)", ""), ("총 음성 시간", "3시간", "−1시간")]
