"""A report's arithmetic against the sentences of SEMANTICS §9."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.build import build_report, sum_up
from tracker.reports.model import Activity, Member, Report, Sums
from tracker.reports.plain import plain_report
from tracker.reports.window import containing

SEOUL = ZoneInfo("Asia/Seoul")
DAY = containing("daily", 20260218, SEOUL)


def report_of(members: Sequence[Member], activity: Mapping[UserId, Activity], *, before: Sums = Sums()) -> Report:  # noqa: B008
    return build_report(
        guild_id=GuildId(10),
        role_id=RoleId(40),
        role_name="스터디",
        window=DAY,
        as_of=DAY.end,
        members=members,
        activity=activity,
        before=before,
        away_ms=0,
    )


def member(user_id: int) -> Member:
    return Member(user_id=UserId(user_id), name=f"u{user_id}")


def did(
    user_id: int, voice_ms: int = 0, exp: int = 0, messages: int = 0, interactions: int = 0, sessions: int = 0
) -> Activity:
    return Activity(
        user_id=UserId(user_id),
        voice_ms=voice_ms,
        exp=exp,
        messages=messages,
        interactions=interactions,
        sessions=sessions,
    )


def by_user(*rows: Activity) -> dict[UserId, Activity]:
    return {row.user_id: row for row in rows}


few = st.integers(0, 3)
rows = st.lists(
    st.builds(did, st.integers(1, 30), few, st.integers(-2, 3), few, few, few),
    unique_by=lambda row: row.user_id,
    max_size=30,
)


@given(rows=rows, silent=st.sets(st.integers(31, 40)))
def test_the_figures_follow_from_the_rows(rows: list[Activity], silent: set[int]) -> None:
    members = [member(row.user_id) for row in rows] + [member(u) for u in silent]
    report = report_of(members, by_user(*rows, did(99, voice_ms=1000)))
    active = [r for r in rows if r.voice_ms > 0 or r.messages > 0 or r.interactions > 0]
    assert (report.members, report.active) == (len(members), len(active))
    assert report.sums == sum_up(rows)
    assert report.average_voice_ms == (sum(r.voice_ms for r in rows) // len(active) if active else 0)
    if members:
        exact = Decimal(100 * len(active)) / len(members)
        assert report.active_percent == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(rows=rows, silent=st.sets(st.integers(31, 40)))
def test_the_order_is_voice_then_exp_then_messages_then_the_lower_id(rows: list[Activity], silent: set[int]) -> None:
    everyone = rows + [did(u) for u in silent]
    report = report_of([member(row.user_id) for row in everyone], by_user(*rows))
    order = sorted(everyone, key=lambda r: (-r.voice_ms, -r.exp, -r.messages, r.user_id))
    listed = [r.user_id for r in order if r.voice_ms > 0 or r.exp > 0 or r.messages > 0]
    assert [e.user_id for e in report.top] == listed[:10]
    assert [e.user_id for e in report.low] == [r.user_id for r in order][-5:]
    assert all([r.user_id for r in order][e.rank - 1] == e.user_id for e in (*report.top, *report.low))


@pytest.mark.parametrize(
    ("active", "members", "percent"), [(0, 0, 0), (1, 8, 13), (1, 3, 33), (2, 3, 67), (1, 200, 1), (199, 200, 100)]
)
def test_the_percentage_is_rounded_half_up(active: int, members: int, percent: int) -> None:
    report = report_of(
        [member(u) for u in range(1, members + 1)], by_user(*(did(u, messages=1) for u in range(1, active + 1)))
    )
    assert report.active_percent == percent


def test_those_with_nothing_are_in_the_low_list_and_not_in_the_top_one() -> None:
    report = report_of([member(1), member(2), member(3)], by_user(did(2, messages=1)))
    assert [e.user_id for e in report.top] == [2]
    assert [e.user_id for e in report.low] == [2, 1, 3]


def test_a_change_is_this_window_less_the_one_before() -> None:
    before = Sums(voice_ms=500, sessions=1, messages=9, interactions=2, exp=4)
    report = report_of([member(1)], by_user(did(1, voice_ms=800, messages=2, sessions=3, exp=4)), before=before)
    assert report.change == Sums(voice_ms=300, sessions=2, messages=-7, interactions=-2, exp=0)


def test_an_average_session_is_voice_time_by_sessions() -> None:
    report = report_of([member(1), member(2)], by_user(did(1, voice_ms=1000, sessions=3)))
    assert [e.average_session_ms for e in report.low] == [333, 0]


def test_a_window_is_complete_once_its_end_is_known() -> None:
    report = report_of([], {})
    assert report.complete
    assert not replace(report, as_of=Ms(DAY.end - 1)).complete


def test_the_busiest_hours_are_those_with_the_most_voice_and_never_empty_ones() -> None:
    hours = [0] * 24
    hours[21], hours[9], hours[20] = 50, 7, 50
    report = replace(report_of([member(20), member(21)], by_user(did(20, messages=1))), hours=tuple(hours))
    assert report.busiest(2) == [(20, 50), (21, 50)]
    assert report.busiest(9) == [(20, 50), (21, 50), (9, 7)]
    assert report.idle == 1
    assert replace(report, hours=()).busiest(3) == []


def test_the_json_has_every_figure_with_ids_as_text() -> None:
    rows = by_user(
        Activity(
            user_id=UserId(20),
            voice_ms=1500,
            sessions=2,
            messages=3,
            interactions=1,
            exp=7,
            last_seen=Ms(1_771_395_412_000),
        )
    )
    plain = plain_report(report_of([Member(user_id=UserId(20), name="민준"), member(21)], rows))
    entry = {
        "rank": 1, "user_id": "20", "name": "민준", "voice_ms": 1500, "sessions": 2, "average_session_ms": 750,
        "messages": 3, "interactions": 1, "exp": 7, "last_seen": "2026-02-18T06:16:52.000Z",
    }  # fmt: skip
    nothing = {**dict.fromkeys(entry, 0), "rank": 2, "user_id": "21", "name": "u21", "last_seen": None}
    sums = {"total_voice_ms": 1500, "sessions": 2, "messages": 3, "interactions": 1, "exp": 7}
    assert json.loads(json.dumps(plain)) == {
        "guild_id": "10", "role_id": "40", "role": "스터디", "period": "daily", "from": "2026-02-18",
        "to": "2026-02-18", "timezone": "Asia/Seoul",
        "start": "2026-02-17T15:00:00.000Z", "end": "2026-02-18T15:00:00.000Z",
        "as_of": "2026-02-18T15:00:00.000Z", "complete": True, "members": 2, "active": 1, "active_percent": 50,
        "average_voice_ms": 1500, **sums, "change": sums, "top": [entry],
        "low_activity": [entry, nothing], "away_ms": 0,
    }  # fmt: skip
