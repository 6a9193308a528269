"""Puts stored rows back into a fold state: the first half of recovery (the second folds the log's tail)."""

# ruff: noqa: I001  (the columns' names, one a line, would be longer than the module)

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from tracker.events.channel import ChannelDescribed
from tracker.events.settings import parse_settings
from tracker.projections.channels import weigh
from tracker.projections.kernel.activity import remember
from tracker.projections.kernel.layout import (
    BOT, G_LAST_AT, G_SEASON_AT, M_INTERACTION_AT, M_MESSAGE_AT, M_NAME, M_ROLES, M_SESSION, M_STATE, OPTED_OUT,
    PRESENT, P_CARRY, S_CARRY, S_CHANGED, S_DAY, S_DAYLESS, S_EXP, S_SINCE, S_VOICE_MS,
)  # fmt: skip
from tracker.projections.kernel.rows import place_of
from tracker.projections.kernel.settling import visit
from tracker.projections.kernel.voice import open_session
from tracker.projections.roster import digest
from tracker.projections.rows import Row
from tracker.projections.state import PartitionState

__all__ = ["LOADED_TABLES", "load_rows"]


def load_rows(state: PartitionState, table: str, rows: Iterable[Row]) -> None:
    """Put rows of `table` back. Call once for each of LOADED_TABLES, in that order.

    `state.as_of` must be set already: it is how far the open sessions have been counted. Of `sessions` only the open
    ones are wanted, of `session_days` those of open sessions, of `totals` those with a cooldown that may still run.
    """
    put = _LOADERS[table]
    for row in rows:
        put(state, row)
    if table == "sessions":
        for guild in state.guilds.values():
            for channel in guild.channels.values():
                weigh(channel, guild.settings)
    state.drain()  # loading is no change


def _guild(state: PartitionState, row: Row) -> None:
    guild_id, settings, lost_at, season_name, season_at = row
    guild = state.guild(guild_id)
    guild.see_until(lost_at)
    heap = guild.memory.heap
    heap[guild.row + G_LAST_AT] = state.as_of if lost_at is None else lost_at
    if season_at is not None:
        guild.season = (season_name, season_at)
        heap[guild.row + G_SEASON_AT] = season_at
    if settings is not None:
        guild.change_settings(parse_settings(msgspec.json.decode(settings)), state.as_of)


def _channel(state: PartitionState, row: Row) -> None:
    guild_id, channel_id, name, kind, parent_id, afk = row
    data = ChannelDescribed(name=name, kind=kind, parent_id=parent_id, afk=bool(afk))
    state.guild(guild_id).describe(channel_id, data, state.as_of)


def _role(state: PartitionState, row: Row) -> None:
    guild_id, role_id, name = row
    state.guild(guild_id).role_names[role_id] = name


def _member(state: PartitionState, row: Row) -> None:
    guild_id, user, name, bot, present, opted_out, role_ids = row
    guild = state.guild(guild_id)
    who, heap = guild.member(user), guild.memory.heap
    heap[who + M_STATE] = BOT * bool(bot) | PRESENT * bool(present) | OPTED_OUT * bool(opted_out)
    if name is not None:
        heap[who + M_NAME] = digest(name)
    if role_ids:
        heap[who + M_ROLES] = guild.memory.role_set(tuple(map(int, role_ids.split(","))))


def _totals(state: PartitionState, row: Row) -> None:
    guild_id, user, *_, message_award_at, interaction_award_at = row
    guild = state.guild(guild_id)
    who, heap = guild.member(user), guild.memory.heap
    if message_award_at:
        heap[who + M_MESSAGE_AT] = message_award_at
    if interaction_award_at:
        heap[who + M_INTERACTION_AT] = interaction_award_at


def _carry(state: PartitionState, row: Row) -> None:
    guild_id, user, channel_id, carry = row
    guild = state.guild(guild_id)
    memory = guild.memory
    memory.make_room()
    memory.heap[place_of(memory.heap, guild.member(user), guild.channel(channel_id).row) + P_CARRY] = carry


def _session(state: PartitionState, row: Row) -> None:
    guild_id, day, user, started_at, channel_id, _, flags, voice_ms, exp, carry = row
    guild = state.guild(guild_id)
    guild.memory.make_room()
    heap = guild.memory.heap
    session = open_session(heap, guild.member(user), guild.channel(channel_id).row, flags, started_at)
    heap[session + S_DAYLESS] = 0 if day else 1
    heap[session + S_SINCE] = state.as_of if guild.lost_at is None else guild.lost_at
    heap[session + S_DAY], heap[session + S_CARRY], heap[session + S_CHANGED] = day, carry, 0
    heap[session + S_VOICE_MS], heap[session + S_EXP] = voice_ms, exp


def _session_day(state: PartitionState, row: Row) -> None:
    guild_id, day, user, started_at, _ = row
    guild = state.guild(guild_id)
    session = guild.voice.open.get(user)
    if session is not None and session.started_at == started_at:
        guild.memory.make_room()
        heap = guild.memory.heap
        visit(heap, heap[guild.members[user] + M_SESSION], day)


def _award(state: PartitionState, row: Row) -> None:
    guild_id, message_id, user, channel_id, day, exp, until, season_at = row
    guild = state.guild(guild_id)
    guild.memory.make_room()
    who, channel = guild.member(user), guild.channel(channel_id).row
    remember(guild.memory.heap, guild.row, message_id, who, channel, day, exp, until, season_at or 0)


_LOADERS: Final[dict[str, Callable[[PartitionState, Any], None]]] = {
    "guilds": _guild,
    "channels": _channel,
    "roles": _role,
    "members": _member,
    "totals": _totals,
    "carries": _carry,
    "sessions": _session,
    "session_days": _session_day,
    "awards": _award,
}

LOADED_TABLES: Final = tuple(_LOADERS)
"""The tables that recovery reads, in the order it must."""
