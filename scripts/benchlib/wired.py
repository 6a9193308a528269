"""Discord's side of a measurement without a socket: payloads from the sandbox's world, decoded by the real hikari."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import hikari

from tracker.clock import SystemClock
from tracker.discord.gate import Listener
from tracker.discord.listeners import Listeners
from tracker.discord.sight import Intake
from tracker.sandbox.model import Channel, Guild, Member
from tracker.sandbox.options import SandboxOptions
from tracker.sandbox.world import World
from tracker.sandbox.world.base import Emission

__all__ = ["Village", "listeners_of"]


def listeners_of(intake: Intake) -> dict[type[hikari.Event], Listener]:
    """The bot's own listeners by the type of hikari event that they hear."""
    heard: dict[type[hikari.Event], Listener] = {}

    class Ears:
        def hear(self, kind: type[hikari.Event], listener: Listener) -> None:
            heard[kind] = listener

    Listeners(intake).subscribe(Ears())
    return heard


class Village:
    """A guild in which things happen, and the hikari events that a bot would get of them.

    Needs a running event loop (hikari's client wants one).
    """

    def __init__(self, *, members: int, channels: int) -> None:
        self.world = World(clock=SystemClock(), options=SandboxOptions())
        self.guild: Guild = self.world.add_guild("village")
        self.voice: list[Channel] = [
            self.world.add_channel(self.guild, f"voice {n}", kind="voice") for n in range(channels)
        ]
        self.text: Channel = self.world.add_channel(self.guild, "text")
        self.members: list[Member] = [self.world.add_member(self.guild, f"member{n}") for n in range(members)]
        self._bot = hikari.GatewayBot(self.world.token, banner=None, logs=None, suppress_optimization_warning=True)
        self._told: list[Emission] = []
        self.world.emit = self._told.append

    def events(self) -> list[hikari.Event]:
        """What hikari makes of all that happened since the last call."""
        shard = cast("hikari.api.GatewayShard", None)  # only who answers on the gateway needs one
        factory = self._bot.event_factory
        decoders: dict[str, Callable[[hikari.api.GatewayShard, Any], hikari.Event]] = {
            "VOICE_STATE_UPDATE": factory.deserialize_voice_state_update_event,
            "MESSAGE_CREATE": factory.deserialize_message_create_event,
        }
        found = [decoders[told.name](shard, told.data) for told in self._told]
        self._told.clear()
        return found
