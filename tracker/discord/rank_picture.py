"""The card of `/rank`: what stands on it, and its picture."""

from __future__ import annotations

import logging

from tracker.discord.rank_embed import progress_text, tier_name
from tracker.discord.texts import translate
from tracker.events.settings import GuildSettings
from tracker.projections.levels import progress
from tracker.reports import text
from tracker.reports.boards import Standing

__all__ = ["rank_picture"]

_LOG = logging.getLogger("tracker.discord")


def rank_picture(standing: Standing, settings: GuildSettings, locale: str | None, *, private: bool) -> bytes | None:
    """A PNG that says what the embed says; None if it cannot be drawn. Takes some ms: call it on a thread."""
    t = translate(locale)
    now = progress(settings.curve, standing.exp)
    place = "—" if standing.place is None else t("rank.card.place", place=standing.place)
    figures = [(t("choice.exp"), text.number(standing.exp, locale)), (t("rank.place.name"), place)]
    if private:
        figures.append((t("rank.week_voice"), text.duration(standing.week_voice_ms, locale)))
        figures.append((t("rank.week_messages"), text.number(standing.week_messages, locale)))
    try:
        from tracker.discord.cards import RankFacts, rank_card  # with it comes Pillow, which few bots' members ask for

        facts = RankFacts(
            name=standing.name,
            otherwise=str(standing.user_id),
            level_label=t("rank.card.level"),
            level=now.level,
            into=now.into,
            span=now.span,
            progress=progress_text(now, locale),
            figures=tuple(figures),
            tier=tier_name(standing, settings),
        )
        return rank_card(facts)
    except Exception:  # fonts that are missing, names that nobody thought of: the words say it all as well
        _LOG.exception("a /rank card could not be drawn")
        return None
