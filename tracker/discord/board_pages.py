"""The leaderboard's pages: what the buttons say, and what happens when one is pressed.

All that a button needs is in its custom_id, so those of a message that an earlier process sent go on working.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import hikari
from hikari.impl import MessageActionRowBuilder

from tracker.discord.board_desk import BoardDesk
from tracker.discord.board_embeds import board_embed
from tracker.discord.commands.answers import reason
from tracker.discord.texts import translate
from tracker.ids import GuildId, UserId
from tracker.reports.boards import BOARD_PERIODS, MEASURES, Board, BoardPeriod, Measure

__all__ = ["BoardPage", "BoardPresses", "page_buttons"]

_PREFIX: Final = "board"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPage:
    """Which page (0 is the first) of which leaderboard."""

    period: BoardPeriod
    measure: Measure
    page: int

    @property
    def custom_id(self) -> str:
        """What a button that leads here is called."""
        return f"{_PREFIX}:{self.period}/{self.measure}/{self.page}"

    @classmethod
    def parse(cls, custom_id: str) -> BoardPage | None:
        """Where the button leads; None if it is none of ours."""
        # It used to be a slash: messages with such buttons are still there.
        if not custom_id.startswith((f"{_PREFIX}:", f"{_PREFIX}/")):
            return None
        rest = custom_id[len(_PREFIX) + 1 :].split("/")
        if len(rest) != 3:
            return None
        period, measure, page = rest
        if period not in BOARD_PERIODS or measure not in MEASURES or not (page.isascii() and page.isdecimal()):
            return None
        return cls(period=period, measure=measure, page=int(page[:9]))


def page_buttons(board: Board, locale: str | None) -> MessageActionRowBuilder:
    """To the page before and to the next one."""
    t = translate(locale)
    here = BoardPage(period=board.scope.period, measure=board.measure, page=board.page)
    row = MessageActionRowBuilder()
    # Ids must differ within a message; at the first page the one before it is its own, and cannot be pressed.
    row.add_interactive_button(
        hikari.ButtonStyle.SECONDARY,
        replace(here, page=max(0, here.page - 1)).custom_id,
        label=t("board.previous"),
        is_disabled=board.page == 0,
    )
    row.add_interactive_button(
        hikari.ButtonStyle.SECONDARY,
        replace(here, page=here.page + 1).custom_id,
        label=t("board.next"),
        is_disabled=board.page + 1 >= board.pages,
    )
    return row


class BoardPresses:
    """Turns pages, for whoever presses."""

    def __init__(self, desk: BoardDesk) -> None:
        self._desk = desk

    async def pressed(self, event: hikari.ComponentInteractionCreateEvent) -> None:
        """Show the page that the button leads to, in the language and with the place of who pressed it."""
        press = event.interaction
        wanted = BoardPage.parse(press.custom_id)
        if wanted is None or press.guild_id is None:
            return
        locale = str(press.locale)
        t = translate(locale)
        guild, asker = GuildId(press.guild_id), UserId(press.user.id)
        if not self._desk.shows_boards(guild):
            await press.create_initial_response(
                hikari.ResponseType.MESSAGE_CREATE, t("error.boards_off"), flags=hikari.MessageFlag.EPHEMERAL
            )
            return
        await press.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_UPDATE)
        try:
            board = await self._desk.board(
                guild, period=wanted.period, measure=wanted.measure, page=wanted.page, asker=asker
            )
        except Exception as error:
            await press.execute(t(reason("leaderboard", error)), flags=hikari.MessageFlag.EPHEMERAL)
        else:
            curve = self._desk.settings(guild).curve
            await press.edit_initial_response(
                embed=board_embed(board, curve, asker, locale),
                component=page_buttons(board, locale),
                mentions_everyone=False,
            )
