"""A report as a Discord embed, in English or Korean, within every limit whatever people are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import hikari

from tracker.clock import from_ms
from tracker.discord.names import harmless
from tracker.reports import text, wording
from tracker.reports.model import MemberEntry, Report

__all__ = ["FIELD_LIMIT", "MOST_FIELDS", "TITLE_LIMIT", "TOTAL_LIMIT", "length", "report_embed"]

TITLE_LIMIT: Final = 256
FIELD_LIMIT: Final = 1024
MOST_FIELDS: Final = 25
TOTAL_LIMIT: Final = 6000

_LONGEST_ROLE: Final = 100
_COLOUR: Final = 0x5865F2
_MEDALS: Final = {1: "🥇", 2: "🥈", 3: "🥉"}
_UP, _DOWN, _CONTINUED = "▲", "▼", "\u200b"


def length(value: str) -> int:
    """How long Discord takes a text to be, in UTF-16 units: never less than its characters."""
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def report_embed(report: Report, locale: str | None) -> hikari.Embed:
    """The embed of a report, in the language nearest to `locale`."""
    t = text.translate(locale)
    role = harmless(report.role_name or "", otherwise=str(report.role_id), longest=_LONGEST_ROLE)
    embed = hikari.Embed(
        title=wording.title_of(replace(report, role_name=role), locale),
        description=_about(report, locale),
        colour=_COLOUR,
        timestamp=from_ms(min(report.as_of, report.window.end)),
    )
    for name, value in _figures(report, locale):
        embed.add_field(name, value, inline=True)
    nobody = t("report.nobody" if report.members == 0 else "report.nobody_active")
    top = [_line(entry, locale, _MEDALS.get(entry.rank, f"`{entry.rank:>2}`")) for entry in report.top] or [nobody]
    _add_lines(embed, t("report.top", count=len(report.top) or 10), top)
    if report.low:
        _add_lines(embed, t("report.low"), [_line(entry, locale, "·") for entry in report.low])
    embed.set_footer(f"{_UP}{_DOWN} " + t(f"report.change.{report.window.period}"))
    return embed


def _about(report: Report, locale: str | None) -> str:
    """Which days, whether they are over, and how much of them the tracker did not see."""
    lines = [f"**{wording.when_text(report.window, locale)}** ({report.window.zone.key})"]
    if unfinished := wording.open_text(report, locale):
        lines.append(unfinished)
    if away := wording.away_text(report, locale):
        lines.append(f"⚠️ {away}")
    return "\n".join(lines)


def _figures(report: Report, locale: str | None) -> Iterable[tuple[str, str]]:
    t, sums, change = text.translate(locale), report.sums, report.change
    share = t("report.active_share", active=report.active, members=report.members, percent=report.active_percent)
    yield t("report.active"), share
    yield (
        t("report.total_voice"),
        _with_change(text.duration(sums.voice_ms, locale), change.voice_ms, locale, time=True),
    )
    yield t("report.average_voice"), text.duration(report.average_voice_ms, locale)
    for key, value, difference in (
        ("report.sessions", sums.sessions, change.sessions),
        ("report.messages", sums.messages, change.messages),
        ("report.interactions", sums.interactions, change.interactions),
        ("report.exp", sums.exp, change.exp),
    ):
        yield t(key), _with_change(text.number(value, locale), difference, locale, time=False)


def _with_change(value: str, difference: int, locale: str | None, *, time: bool) -> str:
    size = text.duration(abs(difference), locale) if time else text.number(abs(difference), locale)
    return f"{value}\n" + (f"{_UP if difference > 0 else _DOWN} {size}" if difference else "±0")


def _line(entry: MemberEntry, locale: str | None, mark: str) -> str:
    t = text.translate(locale)
    name = harmless(entry.name, otherwise=f"<@{entry.user_id}>")
    did = []
    if entry.voice_ms:
        did.append(text.duration(entry.voice_ms, locale))
        did.append(t("entry.sessions", n=entry.sessions))
    if entry.messages:
        did.append(t("entry.messages", n=entry.messages))
    if entry.exp:
        did.append(t("entry.exp", n=entry.exp))
    return f"{mark} **{name}** — " + (" · ".join(did) or t("entry.nothing"))


def _add_lines(embed: hikari.Embed, name: str, lines: Iterable[str]) -> None:
    """The lines in as few fields as they fit into; a line is never torn."""
    chunk = ""
    for line in lines:
        longer = f"{chunk}\n{line}" if chunk else line
        if length(longer) <= FIELD_LIMIT:
            chunk = longer
            continue
        embed.add_field(name, chunk)
        name, chunk = _CONTINUED, line
    embed.add_field(name, chunk)
