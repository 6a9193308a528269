"""One guild's fold state: what each type of event does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tracker.events import channel, interaction, member, message, rule, ticks, voice
from tracker.events.envelope import Event
from tracker.events.message import message_id_of
from tracker.events.settings import parse_settings
from tracker.projections.activity import ActivityFold
from tracker.projections.ledger import Ledger
from tracker.projections.roster import Roster
from tracker.projections.voice import NEVER, VoiceFold

__all__ = ["GuildState"]

_TIDY_EVERY_MS = 600_000


class GuildState:
    """The mutable fold state of one guild.

    `last_at`: the occurred_at of its newest event (0: none yet). `lost_at`: since when the tracker has not seen the
    guild, None while it sees it. `season`: (name, since) of the running season, None if none was ever started.
    """

    __slots__ = (
        "activity",
        "guild_id",
        "last_at",
        "ledger",
        "lost_at",
        "role_names",
        "roster",
        "season",
        "tidied_at",
        "voice",
    )

    def __init__(self, guild_id: int, ledger: Ledger) -> None:
        self.guild_id = guild_id
        self.ledger = ledger
        self.roster = Roster()
        self.voice = VoiceFold(guild_id, ledger, self.roster)
        self.activity = ActivityFold(self.voice)
        self.role_names: dict[int, str] = {}
        self.last_at = 0
        self.lost_at: int | None = None
        self.tidied_at = 0
        self.season: tuple[str, int] | None = None

    def apply(self, event: Event) -> None:
        """Fold one event of this guild."""
        if event.occurred_at > self.last_at:
            self.last_at = event.occurred_at
        handler = _HANDLERS.get(type(event.data))
        if handler is not None:
            handler(self, event, event.data)

    def advance(self, as_of: int) -> None:
        """Time has come to `as_of`. A guild that the tracker does not see stays where it was lost."""
        if self.lost_at is not None:
            return
        self.voice.settle_all(as_of)
        self.activity.expire_awards(as_of)
        if as_of >= self.tidied_at + _TIDY_EVERY_MS:
            self.tidied_at = as_of
            self.activity.forget_cooldowns(as_of)

    def put_row(self) -> None:
        """Note the guild's own row."""
        name, since = self.season or (None, None)
        document = self.voice.settings.document
        text = msgspec.json.encode(document).decode() if document else None
        self.ledger.put("guilds", (self.guild_id,), text, self.lost_at, name, since)

    def is_tracked(self, user: int) -> bool:
        """Whether the member's activity is counted: no bot, not opted out."""
        return not (self.roster.is_bot(user) or self.roster.is_opted_out(user))


# Each handler is (state, event, event.data). They are functions in a table because dispatch is on the hot path.


def _joined(state: GuildState, event: Event, data: voice.VoiceJoined | voice.VoiceMoved) -> None:
    if event.user_id is not None and event.channel_id is not None and state.is_tracked(event.user_id):
        state.voice.enter(event.user_id, event.channel_id, data.flags, event.occurred_at)


def _left(state: GuildState, event: Event, _: voice.VoiceLeft) -> None:
    if event.user_id is not None:
        state.voice.leave(event.user_id, event.occurred_at)


def _flags(state: GuildState, event: Event, data: voice.VoiceFlagsChanged) -> None:
    if event.user_id is not None:
        state.voice.reflag(event.user_id, data.flags, event.occurred_at)


def _sent(state: GuildState, event: Event, _: message.MessageSent) -> None:
    if event.user_id is not None and event.channel_id is not None and state.is_tracked(event.user_id):
        state.activity.sent(event.user_id, event.channel_id, message_id_of(event.id), event.occurred_at)


def _deleted(state: GuildState, event: Event, data: message.MessageDeleted) -> None:
    state.activity.deleted(data.message_id, event.occurred_at)


def _used(state: GuildState, event: Event, _: interaction.InteractionUsed) -> None:
    if event.user_id is not None and event.channel_id is not None and state.is_tracked(event.user_id):
        state.activity.used(event.user_id, event.channel_id, event.occurred_at)


def _member_joined(state: GuildState, event: Event, data: member.MemberJoined) -> None:
    if event.user_id is None:
        return
    user = event.user_id
    was_present = state.roster.is_present(user)
    state.roster.set_flags(user, bot=data.bot, present=True)
    state.roster.set_name(user, data.name)
    state.ledger.member(state.guild_id, user, name=data.name, bot=data.bot, present=True)
    if data.bot:
        state.voice.leave(user, event.occurred_at)
    if not was_present:
        _hold(state, user, state.guild_id, event.occurred_at, held=True)


def _member_left(state: GuildState, event: Event, _: member.MemberLeft) -> None:
    if event.user_id is None:
        return
    user = event.user_id
    state.voice.leave(user, event.occurred_at)
    _set_roles(state, user, (), event.occurred_at)
    if state.roster.is_present(user):
        _hold(state, user, state.guild_id, event.occurred_at, held=False)
    state.roster.set_flags(user, present=False)
    state.ledger.member(state.guild_id, user, present=False)


def _roles(state: GuildState, event: Event, data: member.MemberRolesChanged) -> None:
    if event.user_id is None:
        return
    user = event.user_id
    if not state.roster.is_present(user):  # history that begins in the middle: who holds roles is a member
        state.roster.set_flags(user, present=True)
        state.ledger.member(state.guild_id, user, present=True)
        _hold(state, user, state.guild_id, event.occurred_at, held=True)
    _set_roles(state, user, data.role_ids, event.occurred_at)


def _set_roles(state: GuildState, user: int, roles: tuple[int, ...], now: int) -> None:
    before = state.roster.roles(user)
    if before == roles:
        return
    session = state.voice.open.get(user)
    if session is not None:
        state.voice.settle(session, now)
    state.roster.set_roles(user, roles)
    for role_id in before:
        if role_id not in roles:
            _hold(state, user, role_id, now, held=False)
    for role_id in roles:
        if role_id not in before:
            _hold(state, user, role_id, now, held=True)
    state.ledger.member(state.guild_id, user, role_ids=",".join(map(str, roles)))


def _hold(state: GuildState, user: int, role_id: int, now: int, *, held: bool) -> None:
    state.ledger.put("role_changes", (state.guild_id, role_id, user, now), held)


def _renamed(state: GuildState, event: Event, data: member.MemberRenamed) -> None:
    if event.user_id is not None:
        state.roster.set_name(event.user_id, data.name)
        state.ledger.member(state.guild_id, event.user_id, name=data.name)


def _opted_out(state: GuildState, event: Event, _: member.MemberOptedOut) -> None:
    if event.user_id is not None:
        state.voice.leave(event.user_id, event.occurred_at)
        state.roster.set_flags(event.user_id, opted_out=True)
        state.ledger.member(state.guild_id, event.user_id, opted_out=True)


def _opted_in(state: GuildState, event: Event, _: member.MemberOptedIn) -> None:
    if event.user_id is not None:
        state.roster.set_flags(event.user_id, opted_out=False)
        state.ledger.member(state.guild_id, event.user_id, opted_out=False)


def _forgotten(state: GuildState, event: Event, _: member.MemberForgotten) -> None:
    if event.user_id is None:
        return
    user = event.user_id
    state.voice.leave(user, event.occurred_at)
    state.activity.forget(user)
    state.roster.forget(user)
    for room in state.voice.channels.values():
        room.carries.pop(user, None)
    state.ledger.forget(state.guild_id, user)


def _channel(state: GuildState, event: Event, data: channel.ChannelDescribed) -> None:
    if event.channel_id is not None:
        state.voice.describe(
            event.channel_id, data.name, data.kind, data.parent_id, afk=data.afk, now=event.occurred_at
        )
        state.ledger.put("channels", (state.guild_id, event.channel_id), data.name, data.kind, data.parent_id, data.afk)


def _role(state: GuildState, _: Event, data: channel.RoleDescribed) -> None:
    state.role_names[data.role_id] = data.name
    state.ledger.put("roles", (state.guild_id, data.role_id), data.name)


def _settings(state: GuildState, event: Event, data: rule.SettingsChanged) -> None:
    state.voice.change_settings(parse_settings(data.settings), event.occurred_at)
    text = msgspec.json.encode(data.settings).decode()
    state.ledger.put("rules", (state.guild_id, event.occurred_at), text, data.by)
    state.put_row()


def _adjusted(state: GuildState, event: Event, data: rule.ExpAdjusted) -> None:
    if event.user_id is not None:
        state.activity.adjusted(event.user_id, data.amount, event.occurred_at)


def _season(state: GuildState, event: Event, data: rule.SeasonStarted) -> None:
    state.voice.start_season(event.occurred_at)
    state.season = (data.name, event.occurred_at)
    state.put_row()


def _lost(state: GuildState, event: Event, _: ticks.TrackerLost) -> None:
    if state.lost_at is None:
        state.voice.settle_all(event.occurred_at)
        state.activity.expire_awards(event.occurred_at)  # no tick does while it is lost, though some did before
        state.lost_at = state.voice.seen_until = event.occurred_at
        state.ledger.put("away", (state.guild_id, state.lost_at), None)
        state.put_row()


def _returned(state: GuildState, event: Event, _: ticks.TrackerReturned) -> None:
    if state.lost_at is not None:
        state.ledger.put("away", (state.guild_id, state.lost_at), event.occurred_at)
        state.lost_at = None
        state.voice.seen_until = NEVER
        state.put_row()


_HANDLERS: Final[dict[type, Callable[[GuildState, Event, Any], None]]] = {
    voice.VoiceJoined: _joined,
    voice.VoiceMoved: _joined,
    voice.VoiceLeft: _left,
    voice.VoiceFlagsChanged: _flags,
    message.MessageSent: _sent,
    message.MessageDeleted: _deleted,
    interaction.InteractionUsed: _used,
    member.MemberJoined: _member_joined,
    member.MemberLeft: _member_left,
    member.MemberRolesChanged: _roles,
    member.MemberRenamed: _renamed,
    member.MemberOptedOut: _opted_out,
    member.MemberOptedIn: _opted_in,
    member.MemberForgotten: _forgotten,
    channel.ChannelDescribed: _channel,
    channel.RoleDescribed: _role,
    rule.SettingsChanged: _settings,
    rule.ExpAdjusted: _adjusted,
    rule.SeasonStarted: _season,
    ticks.TrackerLost: _lost,
    ticks.TrackerReturned: _returned,
}
