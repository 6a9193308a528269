"""What is done only once somebody has pressed Confirm: shown first, to one person, for some minutes.

What is waiting is kept in memory alone. After a restart, as after ten minutes, one asks again: nothing was changed.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import hikari
from hikari.impl import MessageActionRowBuilder

from tracker.clock import Clock
from tracker.discord.commands.answers import reason
from tracker.discord.texts import translate
from tracker.ids import Ms, UserId
from tracker.reports.catalogue import Translate

__all__ = ["HOLDS_MS", "Confirmations", "Proposal"]

_LOG = logging.getLogger("tracker.discord.commands")
_PREFIX: Final = "confirm"
_MOST: Final = 1_000
HOLDS_MS: Final = 600_000
"""For how long a proposal waits; Discord itself lets an answer be edited for 15 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Something that `asker` may confirm.

    `stands`: whether what was shown is still what would happen. `apply` does it, without awaiting. `done`: what is
    said then, in the asker's language. `about`: what it is, for the log.
    """

    asker: UserId
    stands: Callable[[], bool]
    apply: Callable[[], None]
    done: str
    about: str


class Confirmations:
    """The proposals that wait, each for one answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, tuple[Ms, Proposal]] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def ask(self, proposal: Proposal, t: Translate) -> MessageActionRowBuilder:
        """The buttons Confirm and Cancel. The oldest proposal gives way when too many wait."""
        if len(self._waiting) >= _MOST:
            del self._waiting[next(iter(self._waiting))]
        token = secrets.token_urlsafe(16)
        self._waiting[token] = (self._clock.now(), proposal)
        row = MessageActionRowBuilder()
        row.add_interactive_button(
            hikari.ButtonStyle.SUCCESS, f"{_PREFIX}/{token}/yes", label=t("confirm.yes")
        ).add_interactive_button(hikari.ButtonStyle.SECONDARY, f"{_PREFIX}/{token}/no", label=t("confirm.no"))
        return row

    async def pressed(self, event: hikari.ComponentInteractionCreateEvent) -> None:
        """Do it or let it be, once. Between looking and doing nothing is awaited, so a second press finds nothing."""
        press = event.interaction
        prefix, _, rest = press.custom_id.partition("/")
        token, _, answer = rest.partition("/")
        if prefix != _PREFIX:
            return
        t = translate(str(press.locale))
        since, proposal = self._waiting.get(token, (None, None))
        if since is None or proposal is None or proposal.asker != UserId(press.user.id):
            await press.create_initial_response(
                hikari.ResponseType.MESSAGE_CREATE,
                t("confirm.gone" if proposal is None else "confirm.not_yours"),
                flags=hikari.MessageFlag.EPHEMERAL,
            )
            return
        del self._waiting[token]
        await press.create_initial_response(
            hikari.ResponseType.MESSAGE_UPDATE,
            self._outcome(since, proposal, answer, t),
            components=[],
            mentions_everyone=False,
            user_mentions=False,
            role_mentions=False,
        )

    def _outcome(self, since: Ms, proposal: Proposal, answer: str, t: Translate) -> str:
        if answer != "yes":
            return t("confirm.cancelled")
        if self._clock.now() - since > HOLDS_MS:
            return t("confirm.expired")
        if not proposal.stands():
            return t("confirm.overtaken")
        try:
            proposal.apply()
        except Exception as error:
            return t(reason("confirmation", error))
        _LOG.info("%s by %d, who confirmed it", proposal.about, proposal.asker)
        return proposal.done
