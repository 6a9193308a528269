"""What is rare in a log, and no business of the kernel: what each of these types of event does to a guild."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tracker.events import channel, member, rule, ticks
from tracker.events.envelope import Event
from tracker.events.kinds import KINDS
from tracker.events.settings import settings_of
from tracker.projections.kernel.activity import expire_awards
from tracker.projections.kernel.layout import G_SEASON_AT
from tracker.projections.kernel.settling import settle_all
from tracker.projections.kernel.voice import leave

if TYPE_CHECKING:
    from tracker.projections.guild import GuildState

__all__ = ["RARE"]


def _forgotten(state: GuildState, event: Event, _: member.MemberForgotten) -> None:
    if event.user_id is None:
        return
    who = state.member(event.user_id)
    state.memory.make_room()
    state.until_done(leave, who, event.occurred_at)
    state.take_out_awards(who)
    del state.members[event.user_id]  # whoever comes back is somebody new
    state.ledger.forget(state.guild_id, event.user_id, state.memory, who)


def _channel(state: GuildState, event: Event, data: channel.ChannelDescribed) -> None:
    if event.channel_id is not None:
        state.describe(event.channel_id, data, event.occurred_at)
        state.ledger.put("channels", (state.guild_id, event.channel_id), data.name, data.kind, data.parent_id, data.afk)


def _role(state: GuildState, _: Event, data: channel.RoleDescribed) -> None:
    state.role_names[data.role_id] = data.name
    state.ledger.put("roles", (state.guild_id, data.role_id), data.name)


def _settings(state: GuildState, event: Event, data: rule.SettingsChanged) -> None:
    state.change_settings(settings_of(data.settings), event.occurred_at)
    text = msgspec.json.encode(data.settings).decode()
    state.ledger.put("rules", (state.guild_id, event.occurred_at), text, data.by)
    state.put_row()


def _season(state: GuildState, event: Event, data: rule.SeasonStarted) -> None:
    """EXP counts in a new season from now on; what was earned up to now belongs to the one before."""
    state.until_done(settle_all, state.row, event.occurred_at)
    state.memory.heap[state.row + G_SEASON_AT] = event.occurred_at
    state.season = (data.name, event.occurred_at)
    state.put_row()


def _lost(state: GuildState, event: Event, _: ticks.TrackerLost) -> None:
    if state.lost_at is None:
        state.until_done(settle_all, state.row, event.occurred_at)
        # No tick does while it is lost, though some did before.
        state.until_done(expire_awards, state.row, event.occurred_at)
        state.see_until(event.occurred_at)
        state.ledger.put("away", (state.guild_id, event.occurred_at), None)
        state.put_row()


def _returned(state: GuildState, event: Event, _: ticks.TrackerReturned) -> None:
    if state.lost_at is not None:
        state.ledger.put("away", (state.guild_id, state.lost_at), event.occurred_at)
        state.see_until(None)
        state.put_row()


def _nothing(_: GuildState, __: Event, ___: object) -> None:
    """A tick that names a guild, which none does."""


RARE: Final[dict[int, Callable[[GuildState, Event, Any], None]]] = {
    KINDS[data.TYPE]: handler
    for data, handler in (
        (member.MemberForgotten, _forgotten),
        (channel.ChannelDescribed, _channel),
        (channel.RoleDescribed, _role),
        (rule.SettingsChanged, _settings),
        (rule.SeasonStarted, _season),
        (ticks.TrackerLost, _lost),
        (ticks.TrackerReturned, _returned),
        (ticks.TrackerTicked, _nothing),
    )
}
