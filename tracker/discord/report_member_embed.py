"""What one member did in a window as an embed, for themselves and for those who manage the server."""

from __future__ import annotations

import hikari

from tracker.clock import from_ms
from tracker.discord.embeds import COLOUR, sums_lines
from tracker.discord.names import harmless
from tracker.reports import text, wording
from tracker.reports.model import MemberReport

__all__ = ["member_embed"]

_LONGEST_ROLE = 100


def member_embed(report: MemberReport, locale: str | None) -> hikari.Embed:
    """The member's figures with what has changed since the window before, in the language nearest to `locale`."""
    t, member = text.translate(locale), report.member
    about = [f"**{wording.when_text(report.window, locale)}** ({report.window.zone.key})"]
    if unfinished := wording.open_text(report, locale):
        about.append(f"⏳ {unfinished}")
    if away := wording.away_text(report, locale):
        about.append(f"⚠️ {away}")
    name = harmless(member.name, otherwise=str(member.user_id))
    embed = hikari.Embed(
        title=t(f"report.member.title.{report.window.period}", member=name),
        description="\n".join(about),
        colour=COLOUR,
        timestamp=from_ms(min(report.as_of, report.window.end)),
    )
    role = harmless(wording.role_of(report, locale), otherwise=str(report.role_id), longest=_LONGEST_ROLE)
    place = t("report.member.place", role=role, members=report.members, place=member.rank)
    voice, *others = sums_lines(report.did, report.change, locale)
    lines = [f"🏅 {place}", voice]
    if member.sessions:
        lines.append(f"⏱️ {t('report.average_session')} **{text.duration(member.average_session_ms, locale)}**")
    lines += others
    if member.last_seen is not None:
        lines.append(f"👀 {t('report.last_seen')} <t:{member.last_seen // 1000}:f>")
    embed.add_field(t("report.glance"), "\n".join(lines))
    embed.set_footer("▲▼ " + t(f"report.change.{report.window.period}"))
    return embed
