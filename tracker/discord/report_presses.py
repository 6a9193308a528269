"""What the buttons under a report do.

The figures of members are for those who manage the server. Where one of them presses, the message turns its page for
everybody; anybody else gets a page of their own that nobody else sees, and that their buttons go on turning.
"""

from __future__ import annotations

import asyncio

import hikari

from tracker.discord.commands.answers import reason
from tracker.discord.desk import ReportDesk
from tracker.discord.report_answers import EVERYTHING, Eyes, answer, manages
from tracker.discord.report_pages import ReportPage
from tracker.discord.report_showing import show
from tracker.discord.texts import translate
from tracker.errors import NotFoundError
from tracker.ids import GuildId
from tracker.reports.csv_text import csv_name, full_list_csv

__all__ = ["ReportPresses", "failure"]

_LARGEST_FILE = 9_500_000
"""Discord takes 10 MiB."""


def failure(error: Exception) -> str:
    """The key of the sentence that says why there is no report."""
    return "error.unknown" if isinstance(error, NotFoundError) else reason("report", error)


class ReportPresses:
    """Follows the buttons, for whoever presses."""

    def __init__(self, desk: ReportDesk) -> None:
        self._desk = desk

    async def pressed(self, event: hikari.ComponentInteractionCreateEvent) -> None:
        """Show where the button leads, or why not, to those who may see it."""
        press = event.interaction
        page = ReportPage.parse(press.custom_id)
        if page is None or press.guild_id is None:
            return
        guild, manager = GuildId(press.guild_id), manages(press.member)
        refusal = None
        if page.role_id is not None and self._desk.is_gone(guild, page.role_id):
            refusal = "report.role_gone"
        elif page.action == "list" and not manager:
            refusal = "report.list_managers"
        if refusal is not None:
            await press.create_initial_response(
                hikari.ResponseType.MESSAGE_CREATE,
                translate(str(press.locale))(refusal),
                flags=hikari.MessageFlag.EPHEMERAL,
            )
        elif page.action == "list":
            await self._list(press, guild, page)
        else:
            await self._turn(press, guild, page, manager=manager)

    async def _turn(
        self, press: hikari.ComponentInteraction, guild: GuildId, page: ReportPage, *, manager: bool
    ) -> None:
        own = bool(press.message.flags & hikari.MessageFlag.EPHEMERAL)
        in_place = own or manager
        turned = (press.message.id, self._desk.turns.turn(press.message.id)) if in_place else None
        if in_place:
            await press.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_UPDATE)
        else:
            await _defer_privately(press)
        # What everybody sees stays in the language in which it was posted.
        locale = page.locale if in_place and not own else str(press.locale)
        eyes = EVERYTHING if manager else Eyes(top=self._desk.shows_boards(guild), low=False)
        try:
            window = page.window(self._desk.zone(guild))
            shown = await answer(self._desk, guild, page.role_id, window, eyes=eyes, locale=locale, to=press)
        except Exception as error:
            said = translate(str(press.locale))(failure(error))
            if in_place:
                await press.execute(said, flags=hikari.MessageFlag.EPHEMERAL)
            else:
                await press.edit_initial_response(said)
        else:
            await show(shown, press.edit_initial_response, self._desk.turns, turned=turned)

    async def _list(self, press: hikari.ComponentInteraction, guild: GuildId, page: ReportPage) -> None:
        locale = str(press.locale)
        t = translate(locale)
        await _defer_privately(press)
        try:
            window = page.window(self._desk.zone(guild))
            members = await self._desk.full_list(guild, page.role_id, window)
            file = await asyncio.to_thread(full_list_csv, members, window, locale)
        except Exception as error:
            await press.edit_initial_response(t(failure(error)))
            return
        if len(file) > _LARGEST_FILE:
            await press.edit_initial_response(t("report.list_too_large", n=len(members)))
            return
        await press.edit_initial_response(
            t("report.list_here", n=len(members)), attachment=hikari.Bytes(file, csv_name(window))
        )


async def _defer_privately(press: hikari.ComponentInteraction) -> None:
    await press.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE, flags=hikari.MessageFlag.EPHEMERAL)
