"""A guild's compiled settings as the kernel sees them: numbers in the guild's row and in the tables beside it."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from array import array

from tracker.events.settings import GuildSettings
from tracker.events.voice import DEAF, MUTE, SELF_DEAF, SELF_MUTE, SUPPRESS
from tracker.projections.kernel.layout import (
    GUILD, G_AWARDS, G_BARRED, G_DAY_END, G_DAY_START, G_ID, G_INTERACTION_COOLDOWN, G_INTERACTION_EXP, G_JUMBLED,
    G_LATEST, G_MESSAGE_COOLDOWN, G_MESSAGE_MAX, G_MESSAGE_MIN, G_MESSAGE_REVOKE, G_MIN_MEMBERS, G_NEWEST_AWARD,
    G_PERCENTS_FROM, G_PERCENTS_TO, G_SEEN_UNTIL, G_SESSIONS, G_WINDOWS_FROM, G_WINDOWS_TO, G_ZONE, NEVER, NOT_YET,
    U_GUILDS,
)  # fmt: skip
from tracker.projections.memory import Memory

__all__ = ["new_guild", "put_settings"]


def new_guild(memory: Memory, guild_id: int) -> int:
    """The row of a guild of which nothing is known; it has no settings yet."""
    values = [0] * GUILD
    values[G_ID] = guild_id
    values[G_SEEN_UNTIL] = NEVER
    values[G_SESSIONS] = values[G_AWARDS] = values[G_NEWEST_AWARD] = -1
    values[G_LATEST] = values[G_JUMBLED] = NOT_YET
    return memory.add(U_GUILDS, *values)


def put_settings(memory: Memory, guild: int, settings: GuildSettings) -> None:
    """These settings are in force in the guild; its sessions are settled, and its channels to be weighed anew."""
    deaf = SELF_DEAF | DEAF if settings.undeafened else 0
    muted = SELF_MUTE | MUTE | SUPPRESS if settings.unmuted else 0
    windows = [number for w in settings.windows for number in (w.start, w.end, w.percent)]
    percents = [number for role, percent in settings.role_percent.items() for number in (role, percent)]
    windows_from = memory.put(array("q", windows).tobytes())
    percents_from = memory.put(array("q", percents).tobytes())
    for column, value in (
        (G_ZONE, memory.zone(settings.zone)),
        (G_DAY_START, 0),
        (G_DAY_END, 0),
        (G_MIN_MEMBERS, settings.min_members),
        (G_BARRED, deaf | muted),
        (G_MESSAGE_MIN, settings.message_exp_min),
        (G_MESSAGE_MAX, settings.message_exp_max),
        (G_MESSAGE_COOLDOWN, settings.message_cooldown_ms),
        (G_MESSAGE_REVOKE, settings.message_revoke_ms),
        (G_INTERACTION_EXP, settings.interaction_exp),
        (G_INTERACTION_COOLDOWN, settings.interaction_cooldown_ms),
        (G_WINDOWS_FROM, windows_from),
        (G_WINDOWS_TO, windows_from + len(windows)),
        (G_PERCENTS_FROM, percents_from),
        (G_PERCENTS_TO, percents_from + len(percents)),
    ):
        memory.heap[guild + column] = value
