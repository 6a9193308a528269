"""The buttons under `/privacy forget`: nothing is erased before one of them is pressed.

All that a button needs is in its custom_id and in who presses it, so it goes on working over a restart.
"""

from __future__ import annotations

import logging
from typing import Final

import hikari
from hikari.impl import MessageActionRowBuilder

from tracker.discord.commands.answers import reason
from tracker.discord.privacy_desk import PrivacyDesk
from tracker.discord.texts import translate
from tracker.ids import GuildId, UserId

__all__ = ["FORGET", "FORGET_AND_OPT_OUT", "KEEP", "ForgetPresses", "forget_buttons"]

_LOG = logging.getLogger("tracker.discord.privacy")

FORGET: Final = "privacy:forget"
FORGET_AND_OPT_OUT: Final = "privacy:forget-and-opt-out"
KEEP: Final = "privacy:keep"


def forget_buttons(locale: str | None) -> MessageActionRowBuilder:
    """Forget, forget and stop counting, or leave it."""
    t = translate(locale)
    row = MessageActionRowBuilder()
    row.add_interactive_button(hikari.ButtonStyle.DANGER, FORGET, label=t("privacy.forget.yes"))
    row.add_interactive_button(hikari.ButtonStyle.DANGER, FORGET_AND_OPT_OUT, label=t("privacy.forget.yes_and_out"))
    row.add_interactive_button(hikari.ButtonStyle.SECONDARY, KEEP, label=t("privacy.forget.no"))
    return row


class ForgetPresses:
    """Forgets whoever presses. (The message with the buttons is seen by one member alone.)"""

    def __init__(self, desk: PrivacyDesk) -> None:
        self._desk = desk

    async def pressed(self, event: hikari.ComponentInteractionCreateEvent) -> None:
        """Do what the button says, and put what came of it in the buttons' place."""
        press = event.interaction
        if press.custom_id not in (FORGET, FORGET_AND_OPT_OUT, KEEP) or press.guild_id is None:
            return
        t = translate(str(press.locale))
        await press.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_UPDATE)
        if press.custom_id == KEEP:
            await press.edit_initial_response(t("privacy.forget.kept"), embeds=[], components=[])
            return
        opt_out = press.custom_id == FORGET_AND_OPT_OUT
        try:
            done = await self._desk.forget(GuildId(press.guild_id), UserId(press.user.id), opt_out=opt_out)
        except Exception as error:
            await press.edit_initial_response(t(reason("privacy forget", error)))
            return
        _LOG.info("a member of guild %d was forgotten at their own wish", press.guild_id)
        said = [t("privacy.forgotten_and_out" if done.opted_out else "privacy.forgotten")]
        if not done.complete:
            said.append(t("privacy.forgotten.soon"))
        if not done.taken_back:
            said.append(t("privacy.forgotten.given"))
        await press.edit_initial_response("\n".join(said), embeds=[], components=[])
