"""Reports with made-up figures."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.model import MemberEntry, Report, Sums
from tracker.reports.window import containing

SEOUL = ZoneInfo("Asia/Seoul")
DAY = containing("daily", 20260218, SEOUL)


def entry(rank: int, name: str, **figures: int) -> MemberEntry:
    values: dict[str, Any] = {
        "voice_ms": 3_600_000, "sessions": 2, "average_session_ms": 1_800_000, "messages": 12, "interactions": 1,
        "exp": 24, "last_seen": Ms(DAY.end - 1),
    }  # fmt: skip
    return MemberEntry(rank=rank, user_id=UserId(1000 + rank), name=name, **values | figures)


def report(names: list[str], **changes: Any) -> Report:
    """A report whose top and low lists bear these names."""
    values: dict[str, Any] = {
        "guild_id": GuildId(10),
        "role_id": RoleId(11),
        "role_name": "스터디",
        "window": DAY,
        "as_of": DAY.end,
        "members": 24,
        "active": 21,
        "sums": Sums(voice_ms=86_400_000, sessions=60, messages=321, interactions=4, exp=999),
        "change": Sums(voice_ms=-1_200_000, sessions=3, messages=0, interactions=-1, exp=12_345),
        "top": tuple(entry(n, name) for n, name in enumerate(names[:10], start=1)),
        "low": tuple(entry(20 + n, name) for n, name in enumerate(names[:5], start=1)),
        "away_ms": 0,
    }
    return Report(**values | changes)
