"""Puts stored rows back into a fold state: the first half of recovery (the second folds the log's tail)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from tracker.events.settings import parse_settings
from tracker.projections.activity import RevocableAward
from tracker.projections.rows import Row
from tracker.projections.sessions import VoiceSession
from tracker.projections.state import PartitionState
from tracker.projections.voice import NEVER

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
            guild.voice.weigh_all()
    state.drain()  # loading is no change


def _guild(state: PartitionState, row: Row) -> None:
    guild_id, settings, lost_at, season_name, season_at = row
    guild = state.guild(guild_id)
    guild.lost_at = lost_at
    guild.voice.seen_until = NEVER if lost_at is None else lost_at
    guild.last_at = state.as_of if lost_at is None else lost_at
    if season_at is not None:
        guild.season, guild.voice.season_at = (season_name, season_at), season_at
    if settings is not None:
        guild.voice.change_settings(parse_settings(msgspec.json.decode(settings)), state.as_of)


def _channel(state: PartitionState, row: Row) -> None:
    guild_id, channel_id, name, kind, parent_id, afk = row
    state.guild(guild_id).voice.describe(channel_id, name, kind, parent_id, afk=bool(afk), now=state.as_of)


def _role(state: PartitionState, row: Row) -> None:
    guild_id, role_id, name = row
    state.guild(guild_id).role_names[role_id] = name


def _member(state: PartitionState, row: Row) -> None:
    guild_id, user, name, bot, present, opted_out, role_ids = row
    roster = state.guild(guild_id).roster
    roster.set_flags(user, bot=bool(bot), present=bool(present), opted_out=bool(opted_out))
    if name is not None:
        roster.set_name(user, name)
    if role_ids:
        roster.set_roles(user, tuple(map(int, role_ids.split(","))))


def _totals(state: PartitionState, row: Row) -> None:
    guild_id, user, *_, message_award_at, interaction_award_at = row
    activity = state.guild(guild_id).activity
    if message_award_at:
        activity.message_award_at[user] = message_award_at
    if interaction_award_at:
        activity.interaction_award_at[user] = interaction_award_at


def _carry(state: PartitionState, row: Row) -> None:
    guild_id, user, channel_id, carry = row
    state.guild(guild_id).voice.channel(channel_id).carries[user] = carry


def _session(state: PartitionState, row: Row) -> None:
    guild_id, user, started_at, channel_id, ended_at, flags, voice_ms, exp, carry = row
    guild = state.guild(guild_id)
    channel = guild.voice.channel(channel_id)
    session = VoiceSession(
        user_id=user,
        channel=channel,
        started_at=started_at,
        since=state.as_of if guild.lost_at is None else guild.lost_at,
        flags=flags,
        carry=carry,
        ended_at=ended_at,
        voice_ms=voice_ms,
        exp=exp,
    )
    channel.open[user] = guild.voice.open[user] = session


def _session_day(state: PartitionState, row: Row) -> None:
    guild_id, day, user, started_at = row
    session = state.guild(guild_id).voice.open.get(user)
    if session is not None and session.started_at == started_at:
        session.days += (day,)


def _award(state: PartitionState, row: Row) -> None:
    guild_id, message_id, user, channel_id, day, exp, until, season_at = row
    given = RevocableAward(user_id=user, channel_id=channel_id, day=day, exp=exp, until=until, season_at=season_at or 0)
    state.guild(guild_id).activity.remember(message_id, given)


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
