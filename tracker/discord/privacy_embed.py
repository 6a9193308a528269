"""What is stored about a member, in plain words, as a Discord embed in English or Korean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import hikari

from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.reports import text
from tracker.reports.kept_about import Kept

__all__ = ["kept_embed"]

_COLOUR: Final = 0x5865F2


def kept_embed(kept: Kept | None, locale: str | None, *, boards: bool) -> hikari.Embed:
    """What there is and since when, who can see it, and what can be done about it. `boards`: members see each other's.

    `kept` None: there is nothing.
    """
    t = translate(locale)
    embed = hikari.Embed(title=t("privacy.title"), colour=_COLOUR)
    if kept is None:
        embed.description = t("privacy.nothing")
        return embed
    embed.description = t("privacy.counting.no" if kept.opted_out else "privacy.counting.yes")
    embed.add_field(t("privacy.stored"), "\n".join(f"· {line}" for line in _stored(kept, locale)))
    embed.add_field(t("privacy.never"), t("privacy.never.what"))
    seen = ("me", "managers", "boards" if boards and not kept.opted_out else "no_boards", "operator")
    embed.add_field(t("privacy.seen"), "\n".join(f"· {t(f'privacy.seen.{who}')}" for who in seen))
    can = ("export", "opt_in" if kept.opted_out else "opt_out", "forget")
    embed.add_field(t("privacy.can"), "\n".join(f"· {t(f'privacy.can.{what}')}" for what in can))
    return embed


def _stored(kept: Kept, locale: str | None) -> Iterable[str]:
    t = translate(locale)
    if kept.name:
        yield t("privacy.stored.name", name=harmless(kept.name, otherwise="?"), n=kept.roles)
    if kept.since is not None:
        yield t("privacy.stored.since", since=f"<t:{kept.since // 1000}:D>")
    yield t("privacy.stored.voice", n=kept.sessions, time=text.duration(kept.voice_ms, locale))
    yield t("privacy.stored.messages", n=kept.messages)
    yield t("privacy.stored.commands", n=kept.interactions)
    yield t("privacy.stored.exp", exp=text.number(kept.exp, locale))
    if kept.last_at is not None:
        yield t("privacy.stored.last", last=f"<t:{kept.last_at // 1000}:f>")
