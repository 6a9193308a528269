"""What is rare in a log, and no business of the kernel: what each of these types of event does to a guild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from tracker.events import channel, member, rule, ticks
from tracker.events.kinds import KINDS
from tracker.events.settings import settings_of
from tracker.projections.kernel.activity import expire_awards
from tracker.projections.kernel.layout import G_SEASON_AT
from tracker.projections.kernel.settling import settle_all
from tracker.projections.kernel.voice import leave

if TYPE_CHECKING:
    from tracker.projections.guild import GuildState

__all__ = ["RARE", "Rare"]


class Rare(Protocol):
    """What an event does to a guild. `user` and `place`: of whom and of which channel it tells, None as in an Event."""

    def __call__(self, state: GuildState, user: int | None, place: int | None, at: int, data: Any, /) -> None:
        """It occurred at this instant."""


def _forgotten(state: GuildState, user: int | None, _: object, at: int, __: member.MemberForgotten) -> None:
    if user is None:
        return
    who = state.member(user)
    state.memory.make_room()
    state.until_done(leave, who, at)
    state.take_out_awards(who)
    del state.members[user]  # whoever comes back is somebody new
    state.ledger.forget(state.guild_id, user, state.memory, who)


def _channel(state: GuildState, _: object, place: int | None, at: int, data: channel.ChannelDescribed) -> None:
    if place is not None:
        state.describe(place, data, at)
        state.ledger.put("channels", (state.guild_id, place), data.name, data.kind, data.parent_id, data.afk)


def _role(state: GuildState, _: object, __: object, ___: int, data: channel.RoleDescribed) -> None:
    state.role_names[data.role_id] = data.name
    state.ledger.put("roles", (state.guild_id, data.role_id), data.name)


def _settings(state: GuildState, _: object, __: object, at: int, data: rule.SettingsChanged) -> None:
    state.change_settings(settings_of(data.settings), at)
    text = msgspec.json.encode(data.settings).decode()
    state.ledger.put("rules", (state.guild_id, at), text, data.by)
    state.put_row()


def _season(state: GuildState, _: object, __: object, at: int, data: rule.SeasonStarted) -> None:
    """EXP counts in a new season from now on; what was earned up to now belongs to the one before."""
    state.until_done(settle_all, state.row, at)
    state.memory.heap[state.row + G_SEASON_AT] = at
    state.season = (data.name, at)
    state.put_row()


def _lost(state: GuildState, _: object, __: object, at: int, ___: ticks.TrackerLost) -> None:
    if state.lost_at is None:
        state.until_done(settle_all, state.row, at)
        # No tick does while it is lost, though some did before.
        state.until_done(expire_awards, state.row, at)
        state.see_until(at)
        state.ledger.put("away", (state.guild_id, at), None)
        state.put_row()


def _returned(state: GuildState, _: object, __: object, at: int, ___: ticks.TrackerReturned) -> None:
    if state.lost_at is not None:
        state.ledger.put("away", (state.guild_id, state.lost_at), at)
        state.see_until(None)
        state.put_row()


def _nothing(*_: object) -> None:
    """A tick that names a guild, which none does."""


RARE: Final[dict[int, Rare]] = {
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
