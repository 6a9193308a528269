"""Gateway intents, and which of them an event needs (https://discord.com/developers/docs/events/gateway#gateway-intents)."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["KNOWN", "Intent", "needed_for"]


class Intent(IntFlag):
    """The groups of events that a bot can ask for."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


KNOWN = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))
"""Every bit that Discord defines; another one set closes with 4013."""

_BY_PREFIX = {
    "GUILD_MEMBER_": Intent.GUILD_MEMBERS,
    "THREAD_MEMBERS_": Intent.GUILD_MEMBERS,
    "GUILD_": Intent.GUILDS,
    "CHANNEL_": Intent.GUILDS,
    "THREAD_": Intent.GUILDS,
    "VOICE_STATE_": Intent.GUILD_VOICE_STATES,
    "PRESENCE_": Intent.GUILD_PRESENCES,
}


def needed_for(event: str, *, in_guild: bool) -> Intent:
    """The intent that must be held to be sent `event`; no bit at all (0) means that every session gets it."""
    if event.startswith("MESSAGE_"):
        return Intent.GUILD_MESSAGES if in_guild else Intent.DIRECT_MESSAGES
    if event == "GUILD_MEMBERS_CHUNK":
        return Intent(0)
    for prefix, intent in _BY_PREFIX.items():
        if event.startswith(prefix):
            return intent
    return Intent(0)
