"""A member's standing as a Discord embed, in English or Korean."""

from __future__ import annotations

from typing import Final

import hikari

from tracker.clock import from_ms
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.events.settings import GuildSettings
from tracker.projections.levels import Progress, progress
from tracker.projections.standing import standing_of, tier_of
from tracker.reports import text
from tracker.reports.boards import Standing

__all__ = ["progress_text", "rank_embed", "tier_name"]

_COLOUR: Final = 0x5865F2
_CELLS: Final = 16
_FULL, _EMPTY = "▰", "▱"


def rank_embed(
    standing: Standing, settings: GuildSettings, locale: str | None, *, private: bool, picture: bytes | None = None
) -> hikari.Embed:
    """EXP, level, place and tier; with `private` what the member did over time as well.

    With a `picture` that shows most of it, only the rest is said in words.
    """
    t = translate(locale)
    now = progress(settings.curve, standing.exp)
    embed = hikari.Embed(
        title=harmless(standing.name, otherwise=str(standing.user_id)),
        colour=_COLOUR,
        timestamp=from_ms(standing.as_of),
    )
    level = f"**{t('rank.level', level=now.level)}**"
    if picture is None:
        embed.description = f"{level}\n{_bar(now, locale)}"
        embed.add_field(t("choice.exp"), text.number(standing.exp, locale), inline=True)
        embed.add_field(t("rank.place.name"), _place(standing, locale), inline=True)
    else:
        embed.description = level if standing.place is None else f"{level} · {_place(standing, locale)}"
        embed.set_image(hikari.Bytes(picture, "rank.png", "image/png"))
    if settings.tiers.tiers:
        embed.add_field(t("rank.tier"), _tier(standing, settings, locale, private=private), inline=True)
    if private:
        if picture is None:
            embed.add_field(t("rank.week_voice"), text.duration(standing.week_voice_ms, locale), inline=True)
            embed.add_field(t("rank.week_messages"), text.number(standing.week_messages, locale), inline=True)
        seen = "—" if standing.last_at is None else f"<t:{standing.last_at // 1000}:R>"
        embed.add_field(t("rank.last_seen"), seen, inline=True)
    return embed


def _place(standing: Standing, locale: str | None) -> str:
    """`3 of 120`; a dash for who is not on the board."""
    if standing.place is None:
        return "—"
    return translate(locale)("rank.place", place=standing.place, total=standing.total)


def progress_text(now: Progress, locale: str | None) -> str:
    """How much EXP of the level is done."""
    t = translate(locale)
    return t("rank.highest") if now.span is None else t("rank.progress", into=now.into, span=now.span)


def tier_name(standing: Standing, settings: GuildSettings) -> str | None:
    """The highest tier that the member holds; None if there is none."""
    tier = tier_of(settings, standing_of(settings, standing.exp, standing.basis_exp).tier_roles)
    return None if tier is None else tier.name


def _tier(standing: Standing, settings: GuildSettings, locale: str | None, *, private: bool) -> str:
    """The tier, and what decides it where that is not all-time EXP; how much of that there is, is `private`."""
    t, rules = translate(locale), settings.tiers
    name = tier_name(standing, settings)
    shown = t("rank.tier.none") if name is None else harmless(name, otherwise="—")
    if rules.basis == "lifetime":
        return shown
    basis = t(f"rank.basis.{rules.basis}", days=rules.rolling_days)
    return f"{shown}\n{basis}: {text.number(standing.basis_exp, locale)}" if private else f"{shown}\n{basis}"


def _bar(now: Progress, locale: str | None) -> str:
    """How much of the level is done, rounded down: it is never full before the next level is reached."""
    full = _CELLS if now.span is None else now.into * _CELLS // now.span
    return f"{_FULL * full}{_EMPTY * (_CELLS - full)} {progress_text(now, locale)}"
