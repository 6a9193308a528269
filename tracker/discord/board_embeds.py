"""The study room and the leaderboard as Discord embeds, in English or Korean, within every limit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import hikari

from tracker.clock import from_ms
from tracker.discord.embeds import MOST_FIELDS, TOTAL_LIMIT, length
from tracker.discord.lines import Group, Lines, add_groups
from tracker.discord.names import harmless
from tracker.discord.texts import translate
from tracker.events.level_rules import Curve
from tracker.ids import ChannelId, UserId
from tracker.projections.levels import level_of
from tracker.reports import text
from tracker.reports.boards import Board, BoardLine, BoardScope, Measure, Occupant, Studyroom

__all__ = ["board_embed", "studyroom_embed"]

_COLOUR: Final = 0x5865F2
_MEDALS: Final = {1: "🥇", 2: "🥈", 3: "🥉"}
_MOST_CHANNELS: Final = 20
"""So many channels fit with one member each, whatever they are called."""


def studyroom_embed(room: Studyroom, locale: str | None, *, totals: bool) -> hikari.Embed:
    """Who is in voice, by channel. Where not all members fit, each channel shows as many as the others.

    `totals`: whether members' voice time today is shown as well.
    """
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
    if totals:
        embed.set_footer(t("studyroom.footer"))
    groups = [_group(room, channel, there, locale, totals=totals) for channel, there in found[:_MOST_CHANNELS]]
    add_groups(embed, groups, lambda n: t("studyroom.more", n=n), room=TOTAL_LIMIT - _used(embed), fields=MOST_FIELDS)
    return embed


def board_embed(board: Board, curve: Curve, asker: UserId, locale: str | None) -> hikari.Embed:
    """A page of the leaderboard, with the levels that `curve` gives, and at the bottom where `asker` is on it."""
    t = translate(locale)
    lines = [f"**{_when(board.scope, locale)}**", ""]
    lines += [_place(line, board.measure, curve, locale) for line in board.lines] or [t(_nobody(board))]
    lines += ["", _own(board, asker, locale)]
    embed = hikari.Embed(
        title=t(f"board.title.{board.measure}"),
        description="\n".join(lines),
        colour=_COLOUR,
        timestamp=from_ms(board.as_of),
    )
    page = t("board.page", page=board.page + 1, pages=board.pages)
    embed.set_footer(f"{page} · {t('studyroom.members', n=board.total)}")
    return embed


def _when(scope: BoardScope, locale: str | None) -> str:
    t = translate(locale)
    if scope.season is not None:
        name = harmless(scope.season.name, otherwise=t("choice.season"))
        return t("board.season", name=name, since=f"<t:{scope.season.at // 1000}:D>")
    if scope.first_day is None or scope.last_day is None:
        return t(f"choice.{scope.period}")
    if scope.period == "month":
        return text.month_text(scope.first_day, locale)
    return text.range_text(scope.first_day, scope.last_day, locale)


def _nobody(board: Board) -> str:
    """Why nobody is on the board."""
    if board.scope.period != "season":
        return "board.nobody"
    if board.scope.season is None:
        return "board.no_season"
    return "board.nobody" if board.measure == "exp" else "board.season_exp"


def _place(line: BoardLine, measure: Measure, curve: Curve, locale: str | None) -> str:
    mark = _MEDALS.get(line.place, f"`{line.place:>2}`")
    level = translate(locale)("board.level", level=level_of(curve, line.exp))
    return f"{mark} **{_name(line)}** {level} — {_value(line.value, measure, locale)}"


def _own(board: Board, asker: UserId, locale: str | None) -> str:
    t, own = translate(locale), board.own
    if own is None:
        return t("board.not_on_it", member=f"<@{asker}>")
    value = _value(own.value, board.measure, locale)
    return t("board.own", name=_name(own), place=own.place, total=board.total, value=value)


def _name(line: BoardLine) -> str:
    return harmless(line.name, otherwise=f"<@{line.user_id}>")


def _value(value: int, measure: Measure, locale: str | None) -> str:
    if measure == "voice":
        return text.duration(value, locale)
    return text.translate(locale)("entry.exp" if measure == "exp" else "entry.messages", n=value)


def _group(
    room: Studyroom, channel: ChannelId, there: Sequence[Occupant], locale: str | None, *, totals: bool
) -> Group:
    lines = Lines(len(there), lambda place: _occupant(room, there[place], locale, totals=totals))
    name = harmless(room.channels[channel], otherwise=str(channel), longest=32)
    return f"{name} — {text.number(len(lines), locale)}", lines


def _occupant(room: Studyroom, occupant: Occupant, locale: str | None, *, totals: bool) -> str:
    name = harmless(occupant.name, otherwise=f"<@{occupant.user_id}>")
    style = "t" if occupant.since >= room.day_start else "f"
    since = f"**{name}** — <t:{occupant.since // 1000}:{style}>"
    if not totals:
        return since
    today = translate(locale)("studyroom.today", duration=text.duration(occupant.today_ms, locale))
    return f"{since} · {today}"


def _used(embed: hikari.Embed) -> int:
    """What the embed's texts take up of the limit that they share."""
    footer = None if embed.footer is None else embed.footer.text
    return sum(length(part or "") for part in (embed.title, embed.description, footer))
