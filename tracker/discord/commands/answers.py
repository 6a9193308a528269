"""What the members' commands have in common: where they may be used, and how what goes wrong is told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import hikari
import lightbulb

from tracker.discord.texts import translate
from tracker.errors import DatabaseError
from tracker.ids import GuildId
from tracker.reports.catalogue import Translate

__all__ = ["INITIAL", "privately", "reason"]

_LOG = logging.getLogger("tracker.discord.commands")

INITIAL: Final = -1
"""What lightbulb calls the first answer to an interaction."""


def reason(command: str, error: Exception) -> str:
    """The key of the sentence that says what went wrong. What nobody expected goes to the log."""
    if isinstance(error, DatabaseError):
        return "error.away"
    _LOG.error("/%s failed", command, exc_info=error)
    return "error.other"


async def privately(
    ctx: lightbulb.Context, act: Callable[[GuildId, Translate], Awaitable[None]], *, unasked: str | None = None
) -> None:
    """Defer, do it, and tell what went wrong; seen by who asked only.

    `unasked`: the key of what is said when Discord could not be asked; None: as of whatever else goes wrong.
    """
    t = translate(str(ctx.interaction.locale))
    if ctx.guild_id is None:
        await ctx.respond(t("error.guild"), ephemeral=True)
        return
    await ctx.defer(ephemeral=True)
    try:
        await act(GuildId(ctx.guild_id), t)
    except Exception as error:
        if unasked is not None and isinstance(error, (hikari.HTTPError, OSError)):
            said = t(unasked)
        else:
            said = t(reason(ctx.command_data.qualified_name, error))
        await ctx.edit_response(INITIAL, said, components=[])
