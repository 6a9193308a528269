"""What reports look like as text, kept in `snapshots/` so that people can read them.

`python -m tests.discord.report_snapshots` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import hikari

from tracker.discord.embeds import report_embed
from tracker.discord.report_member_embed import member_embed
from tracker.discord.report_pages import report_buttons
from tracker.ids import GuildId, Ms, RoleId, UserId
from tracker.reports.build import build_report, full_list, sum_up
from tracker.reports.model import Activity, Member, MemberReport, Report, Sums
from tracker.reports.window import Window, containing

__all__ = ["CASES", "FOLDER", "LOCALES", "embed_of", "snapshot"]

FOLDER: Final = Path(__file__).parent / "snapshots"
LOCALES: Final = ("en", "ko")
MINUTE, HOUR = 60_000, 3_600_000
SEOUL, NEW_YORK = ZoneInfo("Asia/Seoul"), ZoneInfo("America/New_York")
NAMES: Final = [
    "김서연",
    "이도윤",
    "Emma Lee",
    "박지호",
    "최하은",
    "정우진",
    "한지민",
    "Noah",
    "윤서아",
    "강민준",
    "임예준",
    "송이",
]
HOSTILE: Final = [
    "\u202e" + "*_~`|" * 6 + "@@",
    "👩\u200d👩\u200d👧\u200d👦" * 4 + "가족",
    "<@123456789012345678> @everyone",
    "שלום עולם, מה שלומך היום כולם",
    "\u200b",
    "𝕏" * 32,
    "[여기](https://evil.example)",
    "-# > # " + "-" * 25,
    "가" * 32,
    "\n\r\t",
    "مرحبا 🎉 `code`",
    "Z̸̢͓̫͎̲͛a̶͎͊l̷̰͝g̴̮̽o" * 3,
]  # fmt: skip


def _did(number: int) -> Activity:
    """The later somebody comes, the less they did; from the tenth on, nothing."""
    if number >= 9:
        return Activity(user_id=UserId(1000 + number))
    return Activity(
        user_id=UserId(1000 + number),
        voice_ms=max(0, 7 - number) * (HOUR + 7 * MINUTE + number * 1_234),
        sessions=max(0, 7 - number),
        messages=40 // (number + 1),
        interactions=number % 2,
        exp=12 * (9 - number),
        last_seen=Ms(1_771_420_000_000 - number),
    )


def _report(names: list[str], window: Window, **changes: Any) -> Report:
    """A report of members with these names."""
    hours = [0] * 24
    for hour, ms in ((9, 25 * MINUTE), (20, 3 * HOUR), (21, 7 * HOUR + 30 * MINUTE), (23, 45 * MINUTE)):
        hours[hour] = ms
    values: dict[str, Any] = {
        "guild_id": GuildId(10),
        "role_id": RoleId(11),
        "role_name": "스터디",
        "window": window,
        "as_of": window.end,
        "members": [Member(user_id=UserId(1000 + n), name=name) for n, name in enumerate(names)],
        "activity": {UserId(1000 + n): _did(n) for n in range(len(names))},
        "before": Sums(voice_ms=20 * HOUR, sessions=30, messages=90, interactions=4, exp=0),
        "away_ms": 0,
        "hours": hours,
    }
    return build_report(**values | changes)


DAY: Final = containing("daily", 20260218, SEOUL)


def usual() -> Report:
    """A day like others."""
    return _report(NAMES, DAY, percent_before=70)


def empty() -> Report:
    """A role that nobody has."""
    return replace(_report([], DAY, before=Sums(), hours=(), percent_before=0), role_name="새 역할")


def idle() -> Report:
    """A week in which nobody did anything."""
    return _report(NAMES[:3], containing("weekly", 20260218, SEOUL), activity={}, hours=[0] * 24, percent_before=67)


def crowd() -> Report:
    """A month of 10,000 members, nearly all of them active."""
    activity = {
        UserId(1000 + n): Activity(
            user_id=UserId(1000 + n),
            voice_ms=(10_000 - n) * 36_000,
            sessions=60,
            messages=(n * 7) % 900,
            interactions=n % 3,
            exp=(10_000 - n) * 12,
        )
        for n in range(9_900)
    }
    return _report(
        [f"멤버 {n:05}" for n in range(10_000)],
        containing("monthly", 20260218, SEOUL),
        role_id=None,
        role_name=None,
        activity=activity,
        hours=[n * 1_000 * HOUR for n in range(24)],
        before=Sums(
            voice_ms=600_000 * HOUR, sessions=594_000, messages=5_000_000, interactions=10_000, exp=594_000_001
        ),
    )


def unfinished() -> Report:
    """A day that is not over, of which the tracker missed a part."""
    return _report(NAMES, DAY, as_of=Ms(DAY.end - 5 * HOUR), away_ms=95 * MINUTE)


def changed_clocks() -> Report:
    """A day of 23 hours."""
    return _report(NAMES[:5], containing("daily", 20260308, NEW_YORK), role_name="Study")


def hostile() -> Report:
    """Names that are made to break things."""
    return _report(HOSTILE, DAY, role_name="#*@everyone* " + "`|" * 30)


def member(locale: str) -> hikari.Embed:
    """What one member is shown of themselves."""
    report = usual()
    names = [Member(user_id=UserId(1000 + n), name=name) for n, name in enumerate(NAMES)]
    entry = full_list(names, {UserId(1000 + n): _did(n) for n in range(len(NAMES))})[1]
    own = MemberReport(
        guild_id=report.guild_id,
        role_id=None,
        role_name=None,
        window=report.window,
        as_of=report.as_of,
        member=entry,
        members=report.members,
        did=sum_up([entry]),
        change=Sums(voice_ms=45 * MINUTE, sessions=-1, messages=3, exp=12),
        away_ms=0,
    )
    return member_embed(own, locale)


_REPORTS: Final[Mapping[str, Callable[[], Report]]] = {
    "usual": usual, "late": usual, "seen-by-members": usual, "empty": empty, "idle": idle, "crowd": crowd,
    "unfinished-and-away": unfinished, "changed-clocks": changed_clocks, "hostile-names": hostile,
}  # fmt: skip
CASES: Final = (*_REPORTS, "member")


def embed_of(case: str, locale: str) -> hikari.Embed:
    """The embed of a case."""
    if case == "member":
        return member(locale)
    late = Ms(DAY.end + HOUR) if case == "late" else None
    report = _REPORTS[case]()
    return report_embed(report, locale, low=case != "seen-by-members", late_since=late)


def snapshot(case: str, locale: str) -> str:
    """The case as text: what Discord shows from top to bottom. What cannot be seen is written as an escape."""
    embed = embed_of(case, locale)
    lines = [f"[{embed.title}]", embed.description or ""]
    for field in embed.fields:
        lines += ["", f"== {field.name} ==", field.value]
    lines += ["", f"-- {embed.footer.text if embed.footer else ''} · {embed.timestamp:%Y-%m-%d %H:%M:%S} UTC --"]
    if case != "member":
        for row in report_buttons(_REPORTS[case](), locale, listed=case != "seen-by-members"):
            lines.append(" ".join(_button(component) for component in row.components))
    return "".join(c if c == "\n" or c.isprintable() else f"\\u{ord(c):04x}" for c in "\n".join(lines)) + "\n"


def _button(component: Any) -> str:
    return f"({component.label})" if component.is_disabled else f"[{component.label}]"


if __name__ == "__main__":
    for name in CASES:
        for language in LOCALES:
            (FOLDER / f"report-{name}-{language}.txt").write_text(snapshot(name, language), encoding="utf-8")
