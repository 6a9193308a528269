"""The sentences and labelled figures of a report, which the command line and Discord show alike."""

from __future__ import annotations

from tracker.ids import Ms
from tracker.reports import text
from tracker.reports.model import MemberReport, Report
from tracker.reports.window import Window

__all__ = ["away_text", "late_text", "open_text", "role_of", "sums_of", "title_of", "when_text"]


def title_of(report: Report, locale: str | None) -> str:
    """`스터디 일간 활동 보고서`."""
    return text.translate(locale)(f"report.title.{report.window.period}", role=role_of(report, locale))


def role_of(report: Report | MemberReport, locale: str | None) -> str:
    """The name of the role that the report is about."""
    if report.role_id is None or int(report.role_id) == int(report.guild_id):
        return text.translate(locale)("report.everyone")
    return report.role_name or str(report.role_id)


def when_text(window: Window, locale: str | None) -> str:
    """The dates that the window is about."""
    if window.period == "monthly":
        return text.month_text(window.first_day, locale)
    return text.range_text(window.first_day, window.last_day, locale)


def open_text(report: Report | MemberReport, locale: str | None) -> str | None:
    """That the window is not over, and as of when the figures are; None if it is over."""
    if report.complete:
        return None
    return text.translate(locale)("report.open", when=text.moment_text(report.as_of, report.window.zone, locale))


def late_text(window: Window, since: Ms, locale: str | None) -> str:
    """That the report is late, and when it should have been posted."""
    return text.translate(locale)("report.late", when=text.moment_text(since, window.zone, locale))


def away_text(report: Report | MemberReport, locale: str | None) -> str | None:
    """For how long the tracker was away; None if it was not."""
    if report.away_ms == 0:
        return None
    return text.translate(locale)("report.away", duration=text.duration(report.away_ms, locale))


def sums_of(report: Report, locale: str | None) -> list[tuple[str, str, str]]:
    """(label, figure, change from the window before) of each sum; the change is empty where there is none."""
    t, sums, change = text.translate(locale), report.sums, report.change
    share = t("report.active_share", active=report.active, members=report.members, percent=report.active_percent)
    return [
        (t("report.active"), share, ""),
        (
            t("report.total_voice"),
            text.duration(sums.voice_ms, locale),
            text.signed_duration(change.voice_ms, locale),
        ),
        (t("report.average_voice"), text.duration(report.average_voice_ms, locale), ""),
        (t("report.messages"), text.number(sums.messages, locale), text.change(change.messages, locale)),
        (t("report.interactions"), text.number(sums.interactions, locale), text.change(change.interactions, locale)),
        (t("report.exp"), text.number(sums.exp, locale), text.change(change.exp, locale)),
    ]
