"""A report as plain JSON values: ids as strings, instants as RFC 3339 UTC, durations in ms."""

from __future__ import annotations

from typing import Any, Final

from tracker.clock import from_ms
from tracker.ids import Ms
from tracker.projections.days import date_of
from tracker.reports.model import MemberEntry, Report, Sums

__all__ = ["DAILY_COUNTS", "instant", "plain_report"]

DAILY_COUNTS: Final = (
    "voice_ms", "sessions", "messages", "interactions", "exp_voice", "exp_messages", "exp_interactions", "exp_adjusted",
)  # fmt: skip
"""The figures of a daily row, in the order in which they are shown."""


def plain_report(report: Report) -> dict[str, Any]:
    """What `tracker report --json` prints."""
    window = report.window
    return {
        "guild_id": str(report.guild_id),
        "role_id": None if report.role_id is None else str(report.role_id),
        "role": report.role_name,
        "period": window.period,
        "from": date_of(window.first_day).isoformat(),
        "to": date_of(window.last_day).isoformat(),
        "timezone": window.zone.key,
        "start": instant(window.start),
        "end": instant(window.end),
        "as_of": instant(report.as_of),
        "complete": report.complete,
        "members": report.members,
        "active": report.active,
        "active_percent": report.active_percent,
        "average_voice_ms": report.average_voice_ms,
        **_sums(report.sums),
        "change": _sums(report.change),
        "top": [_entry(e) for e in report.top],
        "low_activity": [_entry(e) for e in report.low],
        "away_ms": report.away_ms,
    }


def instant(moment: Ms | None) -> str | None:
    """`2026-02-18T06:16:52.000Z`; None stays None."""
    return None if moment is None else from_ms(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sums(sums: Sums) -> dict[str, int]:
    return {
        "total_voice_ms": sums.voice_ms,
        "sessions": sums.sessions,
        "messages": sums.messages,
        "interactions": sums.interactions,
        "exp": sums.exp,
    }


def _entry(entry: MemberEntry) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        "user_id": str(entry.user_id),
        "name": entry.name,
        "voice_ms": entry.voice_ms,
        "sessions": entry.sessions,
        "average_session_ms": entry.average_session_ms,
        "messages": entry.messages,
        "interactions": entry.interactions,
        "exp": entry.exp,
        "last_seen": instant(entry.last_seen),
    }
