"""The in-memory Discord: guilds, members, voice, messages, commands.

`World` is the god's hand: what people do is done by calling it, and every connected bot is told as Discord would.
"""

from __future__ import annotations

from tracker.sandbox.world.base import Emission
from tracker.sandbox.world.commands import Commands

__all__ = ["Emission", "World"]


class World(Commands):
    """All that exists. Call it from the server's event loop only (`SandboxThread.call` from anywhere else)."""
