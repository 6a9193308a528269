"""The guilds whose figures differ from the log are told so: at most once a week, in English or Korean."""

from __future__ import annotations

import logging
from typing import Final

import hikari
import msgspec

from tracker.clock import from_ms
from tracker.discord.names import harmless
from tracker.discord.owing import Owe
from tracker.discord.sight import Intake
from tracker.discord.texts import translate
from tracker.ids import ChannelId, GuildId, Ms
from tracker.ingest.outlook import Outlook
from tracker.projections.days import date_of
from tracker.reports.catalogue import Translate
from tracker.verify_worker import GuildVerdict, Verdict, WrongFigure

__all__ = ["FigureNotices", "FiguresPost", "figures_embed", "render_figures"]

_LOG = logging.getLogger("tracker.notice")

_RED: Final = 0xED4245
_LONGEST: Final = 20
"""Characters of a value: names and settings can be long, and what differs is seen by then or not at all."""


class FiguresPost(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a delivery of kind `figures`. `events`: so many were counted anew. `more`: there may be more."""

    at: int
    events: int
    differences: int
    more: bool
    first: tuple[WrongFigure, ...]

    def text(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()


def render_figures(payload: str, locale: str | None) -> hikari.Embed:
    """The embed of a delivery's payload. Raises msgspec.MsgspecError if it is none."""
    return figures_embed(msgspec.json.decode(payload, type=FiguresPost), locale)


def figures_embed(post: FiguresPost, locale: str | None) -> hikari.Embed:
    """What differs and what to do, in the language nearest to `locale`."""
    t = translate(locale)
    key = "figures.about.more" if post.more else "figures.about"
    embed = hikari.Embed(
        title=t("figures.title"),
        description=t(key, n=post.differences, events=post.events),
        colour=_RED,
        timestamp=from_ms(post.at),
    )
    if post.first:
        embed.add_field(t("figures.first"), "\n".join(_line(figure, t) for figure in post.first))
    embed.add_field(t("figures.remedy"), t("figures.remedy.text"))
    embed.set_footer(t("figures.footer"))
    return embed


def _line(figure: WrongFigure, t: Translate) -> str:
    """`• totals.exp <@20> 2026-02-18: shown 52, by the log 51`."""
    about = [f"`{figure.table}.{figure.column}`" if figure.column else f"`{figure.table}`"]
    if figure.user_id is not None:
        about.append(f"<@{figure.user_id}>")
    if figure.day is not None:
        about.append(date_of(figure.day).isoformat())
    nothing = t("figures.nothing")
    live, replayed = (harmless(v, otherwise=nothing, longest=_LONGEST) for v in (figure.live, figure.replayed))
    return f"• {' '.join(about)}: {t('figures.values', live=live, replayed=replayed)}"


class FigureNotices:
    """`tell` is called with each verdict that found anything."""

    def __init__(self, intake: Intake, outlook: Outlook, owe: Owe) -> None:
        self._intake = intake
        self._outlook = outlook
        self._owe = owe

    async def tell(self, verdict: Verdict, at: Ms) -> None:
        """Owe a notice to each guild concerned that has a log channel. Raises DatabaseError."""
        week = f"{from_ms(at):%G-W%V}"
        for about in verdict.guilds:
            guild = GuildId(about.guild_id)
            channel = self._intake.sight.settings(guild).log_channel_id
            if channel is not None and await self._outlook.takes_posts(guild, channel):
                await self._tell(about, channel, verdict, week, at)
            else:
                _LOG.warning("guild %d: %d figures are not what the log says", guild, about.differences)

    async def _tell(self, about: GuildVerdict, channel: ChannelId, verdict: Verdict, week: str, at: Ms) -> None:
        guild = GuildId(about.guild_id)
        post = FiguresPost(
            at=at, events=verdict.events, differences=about.differences, more=verdict.more, first=about.first
        )
        await self._owe(guild, channel, key=f"figures:{guild}:{week}", payload=post.text())
