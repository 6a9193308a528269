"""The study room and the leaderboard as Discord embeds, in English or Korean, within every limit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

import hikari

from tracker.clock import from_ms
from tracker.discord.embeds import MOST_FIELDS, TOTAL_LIMIT, length
from tracker.discord.lines import Group, add_groups
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.ids import ChannelId
from tracker.reports import text
from tracker.reports.boards import Occupant, Studyroom

__all__ = ["studyroom_embed"]

_COLOUR: Final = 0x5865F2
_MOST_CHANNELS: Final = 20
"""So many channels fit with one member each, whatever they are called."""


def studyroom_embed(room: Studyroom, locale: str | None) -> hikari.Embed:
    """Who is in voice, by channel. Where not all members fit, each channel shows as many as the others."""
    t = translate(locale)
    found = [(channel, list(there)) for channel, there in groupby(room.occupants, key=lambda o: o.channel_id)]
    about = [t("studyroom.nobody")]
    if found:
        about = [t("studyroom.members", n=len(room.occupants)), t("studyroom.channels", n=len(found))]
    hidden = sum(len(there) for _, there in found[_MOST_CHANNELS:])
    lines = [" · ".join(about)]
    if hidden:
        lines.append(t("studyroom.hidden", n=hidden))
    embed = hikari.Embed(
        title=t("studyroom.title"), description="\n".join(lines), colour=_COLOUR, timestamp=from_ms(room.as_of)
    )
    embed.set_footer(t("studyroom.footer"))
    groups = [_group(room, channel, there, locale) for channel, there in found[:_MOST_CHANNELS]]
    add_groups(embed, groups, lambda n: t("studyroom.more", n=n), room=TOTAL_LIMIT - _used(embed), fields=MOST_FIELDS)
    return embed


def _group(room: Studyroom, channel: ChannelId, there: Iterable[Occupant], locale: str | None) -> Group:
    lines = [_occupant(room, occupant, locale) for occupant in there]
    name = harmless(room.channels[channel], otherwise=str(channel), longest=32)
    return f"{name} — {text.number(len(lines), locale)}", lines


def _occupant(room: Studyroom, occupant: Occupant, locale: str | None) -> str:
    name = harmless(occupant.name, otherwise=f"<@{occupant.user_id}>")
    style = "t" if occupant.since >= room.day_start else "f"
    today = translate(locale)("studyroom.today", duration=text.duration(occupant.today_ms, locale))
    return f"**{name}** — <t:{occupant.since // 1000}:{style}> · {today}"


def _used(embed: hikari.Embed) -> int:
    """What the embed's texts take up of the limit that they share."""
    footer = None if embed.footer is None else embed.footer.text
    return sum(length(part or "") for part in (embed.title, embed.description, footer))
