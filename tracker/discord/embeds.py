"""A report as a Discord embed, in English or Korean, within every limit whatever people are called.

Made for a phone: a figure or a member takes a line or two of some 40 columns, and nothing stands side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import hikari

from tracker.clock import from_ms
from tracker.discord.names import harmless
from tracker.ids import Ms
from tracker.reports import text, wording
from tracker.reports.model import MemberEntry, Report, Sums

__all__ = [
    "COLOUR", "FIELD_LIMIT", "MOST_FIELDS", "TITLE_LIMIT", "TOTAL_LIMIT", "length", "named_role", "report_embed",
    "sums_lines", "with_picture",
]  # fmt: skip

TITLE_LIMIT: Final = 256
FIELD_LIMIT: Final = 1024
MOST_FIELDS: Final = 25
TOTAL_LIMIT: Final = 6000
COLOUR: Final = 0x5865F2

_LONGEST_ROLE: Final = 100
_MEDALS: Final = {1: "🥇", 2: "🥈", 3: "🥉"}
_UP, _DOWN, _CONTINUED = "▲", "▼", "\u200b"
_BAR: Final = 8
_FULL, _REST = "█", "░"
_HOURS: Final = 3
_PICTURE: Final = "report.png"


def length(value: str) -> int:
    """How long Discord takes a text to be, in UTF-16 units: never less than its characters."""
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def report_embed(
    report: Report,
    locale: str | None,
    *,
    top: bool = True,
    low: bool = True,
    late_since: Ms | None = None,
    icon: str | None = None,
) -> hikari.Embed:
    """The embed of a report, in the language nearest to `locale`.

    `top`, `low`: whether the members at either end are named. `late_since`: when it should have been
    posted, for one that is late. `icon`: the address of a thumbnail.
    """
    t = text.translate(locale)
    embed = hikari.Embed(
        title=wording.title_of(named_role(report), locale),
        description=_about(report, locale, late_since),
        colour=COLOUR,
        timestamp=from_ms(min(report.as_of, report.window.end)),
    )
    if icon is not None:
        embed.set_thumbnail(icon)
    embed.add_field(t("report.glance"), "\n".join(_glance(report, locale)))
    if not report.top and report.active == 0:
        embed.add_field(
            t("report.top", count=10), t("report.nobody" if report.members == 0 else "report.nobody_active")
        )
    elif top and report.top:
        _add_lines(embed, t("report.top", count=len(report.top)), _top_lines(report.top, locale))
    if busy := report.busiest(_HOURS):
        embed.add_field(t("report.busiest"), "\n".join(_hour(hour, ms, locale) for hour, ms in busy))
    least = _least(report) if low else []
    if least:
        name = t("report.low") + (f" · {t('report.idle', n=report.idle)}" if report.idle else "")
        _add_lines(embed, name, [_low_line(entry, locale) for entry in least])
    compared = "report.change" if report.complete else "report.change_so_far"
    embed.set_footer(f"{_UP}{_DOWN} " + t(f"{compared}.{report.window.period}"))
    return embed


def with_picture(embed: hikari.Embed, picture: bytes | None) -> hikari.Embed:
    """The embed with a PNG below its text, or without any."""
    return embed.set_image(None if picture is None else hikari.Bytes(picture, _PICTURE))


def named_role(report: Report) -> Report:
    """The report with a name of its role that is harmless to show."""
    return replace(
        report, role_name=harmless(report.role_name or "", otherwise=str(report.role_id), longest=_LONGEST_ROLE)
    )


def sums_lines(sums: Sums, change: Sums, locale: str | None) -> list[str]:
    """Each sum with its change from the window before, a line each; voice time is the first."""
    t = text.translate(locale)
    voice = _figure("🎧", t("report.total_voice"), text.duration(sums.voice_ms, locale))
    lines = [f"{voice} {_difference(change.voice_ms, text.duration(abs(change.voice_ms), locale))}"]
    for sign, key, value, difference in (
        ("🚪", "report.sessions", sums.sessions, change.sessions),
        ("💬", "report.messages", sums.messages, change.messages),
        ("⌨️", "report.interactions", sums.interactions, change.interactions),
        ("✨", "report.exp", sums.exp, change.exp),
    ):
        changed = _difference(difference, text.number(abs(difference), locale))
        lines.append(f"{_figure(sign, t(key), text.number(value, locale))} {changed}")
    return lines


def _about(report: Report, locale: str | None, late_since: Ms | None) -> str:
    """Which days, whether they are over, that it is late, and how much of them the tracker did not see."""
    lines = [f"**{wording.when_text(report.window, locale)}** ({report.window.zone.key})"]
    if late_since is not None:
        lines.append(f"🕗 {wording.late_text(report.window, late_since, locale)}")
    if unfinished := wording.open_text(report, locale):
        lines.append(f"⏳ {unfinished}")
    if away := wording.away_text(report, locale):
        lines.append(f"⚠️ {away}")
    return "\n".join(lines)


def _glance(report: Report, locale: str | None) -> Iterable[str]:
    t = text.translate(locale)
    share = t("report.active_share", active=report.active, members=report.members, percent=report.active_percent)
    voice, *others = sums_lines(report.sums, report.change, locale)
    average = text.duration(report.average_voice_ms, locale)
    active = _figure("👥", t("report.active"), share)
    changed = report.active_change
    yield active if changed is None else f"{active} {_difference(changed, t('report.points', n=abs(changed)))}"
    yield voice
    yield _figure("⏱️", t("report.average_each"), average)
    yield from others


def _figure(sign: str, label: str, value: str) -> str:
    return f"{sign} {label} **{value}**"


def _difference(value: int, size: str) -> str:
    return f"{_UP if value > 0 else _DOWN} {size}" if value else "±0"


def _top_lines(entries: Sequence[MemberEntry], locale: str | None) -> list[str]:
    """Each with the figure that made the order, and a bar of it beside that of the first one."""
    measure = "voice_ms" if entries[0].voice_ms else "exp" if entries[0].exp > 0 else "messages"
    most = int(getattr(entries[0], measure))
    lines = []
    for entry in entries:
        first, *rest = _did(entry, locale)
        cells = (max(0, int(getattr(entry, measure))) * _BAR * 2 + most) // (2 * most)
        bar = f"`{_FULL * cells}{_REST * (_BAR - cells)}`"
        mark = _MEDALS.get(entry.rank, f"`{entry.rank:>2}`")
        lines.append(f"{mark} **{_name(entry)}** — {first}\n" + " ".join(filter(None, (bar, " · ".join(rest)))))
    return lines


def _least(report: Report) -> list[MemberEntry]:
    """Of the last members those of whom that is worth saying: in a small group the last five may be the first, too."""
    return [entry for entry in report.low if 2 * entry.rank > report.members or not _is_active(entry)]


def _is_active(entry: MemberEntry) -> bool:
    return bool(entry.voice_ms or entry.messages or entry.interactions)


def _low_line(entry: MemberEntry, locale: str | None) -> str:
    return f"▫️ **{_name(entry)}** — " + " · ".join(_did(entry, locale))


def _did(entry: MemberEntry, locale: str | None) -> list[str]:
    t = text.translate(locale)
    did = []
    if entry.voice_ms:
        did.append(text.duration(entry.voice_ms, locale))
    if entry.messages:
        did.append(t("entry.messages", n=entry.messages))
    if entry.exp:
        did.append(t("entry.exp", n=entry.exp))
    return did or [t("entry.nothing")]


def _name(entry: MemberEntry) -> str:
    return harmless(entry.name, otherwise=f"<@{entry.user_id}>")


def _hour(hour: int, voice_ms: int, locale: str | None) -> str:
    span = text.translate(locale)("format.hours", first=f"{hour:02}", last=f"{hour + 1:02}")
    return f"🕘 **{span}** — {text.duration(voice_ms, locale)}"


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
