"""Puts a report into its message: in words at once, and with its picture as soon as that is drawn.

Most pictures are there within a tenth of a second, and come with the words. The first one after a while takes longer,
because a process has to start, and so does one of a window of many months.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import hikari

from tracker.discord.embeds import with_picture
from tracker.discord.report_answers import Answer
from tracker.discord.turns import Turns

__all__ = ["show"]

_LOG = logging.getLogger("tracker.discord.commands")
_WORDS_FIRST_S: Final = 0.7


async def show(
    answer: Answer, edit: Callable[..., Awaitable[hikari.Message]], turns: Turns, *, turned: tuple[int, object] | None
) -> None:
    """`edit` puts its arguments into the message. `turned`: which one that is, and the turn; None: a new one.

    Raises hikari's errors if there is no answer; that a picture cannot be put in later is no error.
    """
    if turned is not None and not turns.is_last(*turned):
        _drop(answer)
        return
    embed, drawing = answer.embed, answer.picture
    try:
        if drawing is not None:
            await asyncio.wait({drawing}, timeout=_WORDS_FIRST_S)
            if drawing.done():
                embed, drawing = with_picture(embed, drawing.result()), None
        message = await edit(**_arguments(answer, embed))
    except BaseException:
        _drop(answer)
        raise
    if drawing is None:
        return
    turned = turned or (message.id, turns.first(message.id))
    picture = await drawing
    if picture is not None and turns.is_last(*turned):
        try:
            await edit(**_arguments(answer, with_picture(embed, picture)))
        except hikari.HTTPError as error:  # the message is gone, for one
            _LOG.debug("a report stays without its picture: %s", type(error).__name__)


def _drop(answer: Answer) -> None:
    if answer.picture is not None:
        answer.picture.cancel()


def _arguments(answer: Answer, embed: hikari.Embed) -> dict[str, Any]:
    """What puts it in the place of what a message showed before."""
    picture: dict[str, Any] = {} if embed.image else {"attachments": None}
    return {"embed": embed, "components": answer.components, "mentions_everyone": False, **picture}
