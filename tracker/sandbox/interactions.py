"""One interaction, from the click to the final answer."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from tracker.sandbox.model import Channel, Json, Member, Message, User

__all__ = ["CallbackType", "InteractionCall", "InteractionType"]


class InteractionType(IntEnum):
    """https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object-interaction-type"""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CallbackType(IntEnum):
    """How an application answers an interaction."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


@dataclass(slots=True, kw_only=True, eq=False)
class InteractionCall:
    """What a person asked of the application, and what came of it."""

    id: int
    type: InteractionType
    user: User
    channel: Channel
    data: Json
    """The `data` of the interaction object."""

    member: Member | None = None
    """The person in the guild; None in a direct message."""

    source: Message | None = None
    """The message that the pressed component stands in; None for anything else."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    started: float = field(default_factory=time.monotonic)
    """When it was dispatched, on the monotonic clock."""

    acknowledged_ms: int | None = None
    """Real milliseconds until the first answer; None while there is none."""

    callback: CallbackType | None = None
    """The kind of the first answer; None while there is none."""

    ephemeral: bool = False
    """Whether only the person sees the answer."""

    message: Message | None = None
    """The original answer; after a deferral the "thinking" message until it is edited. None if there is no message."""

    followups: list[Message] = field(default_factory=list)
    choices: list[Json] | None = None
    """The suggestions that answered an autocomplete."""

    modal: Json | None = None
    """The form that answered the interaction."""

    errors: list[tuple[int, int]] = field(default_factory=list)
    """(HTTP status, JSON code) of every attempt to answer that was refused."""

    revision: int = 0
    """How often something about the answer changed."""

    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def deferred(self) -> bool:
        """Whether the first answer only said that a proper one will come."""
        return self.callback in (CallbackType.DEFERRED_MESSAGE, CallbackType.DEFERRED_UPDATE)

    @property
    def finished(self) -> bool:
        """Whether the person sees a final answer: a message that is not "thinking", a form, suggestions."""
        if self.callback is None:
            return False
        if self.callback is CallbackType.DEFERRED_UPDATE:
            return self.source is not None and self.source.edited_at is not None
        return self.message is None or not self.message.loading

    def acknowledge(self, callback: CallbackType) -> None:
        """Note the first answer."""
        self.callback = callback
        self.acknowledged_ms = round((time.monotonic() - self.started) * 1000)
        self.changed()

    def changed(self) -> None:
        """Wake whoever waits on the answer."""
        self.revision += 1
        self._changed.set()

    async def until(self, condition: Callable[[], bool], within_s: float) -> None:
        """Wait for something about the answer. Raises TimeoutError after `within_s` real seconds."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def acknowledged(self, within_s: float = 5.0) -> None:
        """Wait for the first answer. Raises TimeoutError after `within_s` real seconds."""
        await self.until(lambda: self.callback is not None, within_s)

    async def answered(self, within_s: float = 15.0) -> Message | None:
        """Wait for the final answer and return its message; None if it is a form or suggestions.

        Raises TimeoutError if it is not there within `within_s` real seconds.
        """
        await self.until(lambda: self.finished, within_s)
        return self.source if self.callback in (CallbackType.DEFERRED_UPDATE, CallbackType.UPDATE) else self.message
