"""The open-session fold: what voice facts and the passing of time do to sessions, daily rows and carries."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracker.events.settings import DEFAULTS, GuildSettings, Rule
from tracker.events.voice import Flags
from tracker.projections.days import LocalDay, local_day
from tracker.projections.exp import awards_in, voice_exp
from tracker.projections.ledger import EXP_VOICE, LAST_AT, SESSIONS, VOICE_MS, Ledger
from tracker.projections.roster import Roster
from tracker.projections.sessions import ChannelState, VoiceSession
from tracker.projections.unearned import UNRULED_MS

__all__ = ["NEVER", "VoiceFold"]

NEVER = 1 << 62
"""An instant that does not come."""

_NO_DAY = LocalDay(day=0, start=0, end=0)  # type: ignore[arg-type]


@dataclass(slots=True)
class VoiceFold:
    """One guild's voice. Before what earns changes, the sessions it concerns are settled up to that instant.

    `seen_until`: since when the tracker has not seen the guild; nothing is credited beyond it until it is back, so
    that what is credited is what recovery takes for credited. NEVER while it sees the guild.
    `season_at`: since when a season runs, 0 if none does; messages and the rest look it up here too.
    """

    guild_id: int
    ledger: Ledger
    roster: Roster
    settings: GuildSettings = DEFAULTS
    channels: dict[int, ChannelState] = field(default_factory=dict)
    open: dict[int, VoiceSession] = field(default_factory=dict)
    today: LocalDay = _NO_DAY
    seen_until: int = NEVER
    season_at: int = 0

    def channel(self, channel_id: int) -> ChannelState:
        """The channel's state, made at first sight."""
        channel = self.channels.get(channel_id)
        if channel is None:
            channel = self.channels[channel_id] = ChannelState(id=channel_id)
            channel.weigh(self.settings)
        return channel

    def day_at(self, moment: int) -> LocalDay:
        """The local day that contains the instant."""
        today = self.today
        if not today.start <= moment < today.end:
            today = self.today = local_day(self.settings.zone, moment)
        return today

    # -- coming and going ------------------------------------------------------------------------------------------

    def enter(self, user: int, channel_id: int, flags: Flags, now: int) -> None:
        """The member is in the channel now, wherever they were before."""
        session = self.open.get(user)
        if session is not None:
            if session.channel.id == channel_id:
                self.reflag(user, flags, now)
                return
            self.leave(user, now)
        channel = self.channel(channel_id)
        session = VoiceSession(
            user_id=user,
            channel=channel,
            started_at=now,
            since=now,
            flags=flags,
            carry=channel.carries.get(user, 0),
        )
        self._crowd_changes(channel, len(channel.open) + 1, now)
        channel.open[user] = self.open[user] = session
        self.ledger.sessions[self.guild_id, user, now] = session
        self._reweigh(channel, session)

    def leave(self, user: int, now: int) -> None:
        """The member is in no channel from now on. Nothing happens if they were in none."""
        session = self.open.pop(user, None)
        if session is None:
            return
        channel = session.channel
        self.settle(session, now)
        self._crowd_changes(channel, len(channel.open) - 1, now)
        del channel.open[user]
        self._reweigh(channel, None)
        session.ended_at = now
        self.ledger.sessions[self.guild_id, user, session.started_at] = session
        if session.carry != channel.carries.get(user, 0):
            channel.carries[user] = session.carry
            self.ledger.put("carries", (self.guild_id, user, channel.id), session.carry)

    def reflag(self, user: int, flags: Flags, now: int) -> None:
        """The member's voice flags are these from now on."""
        session = self.open.get(user)
        if session is None or session.flags == flags:
            return
        self.settle(session, now)
        session.flags = flags
        session.why_not = session.channel.why_not(flags)
        self.ledger.sessions[self.guild_id, user, session.started_at] = session

    def _crowd_changes(self, channel: ChannelState, size: int, now: int) -> None:
        """Settle those in the channel before their number crosses `min_members`, either way."""
        if (size >= channel.min_members) != (len(channel.open) >= channel.min_members):
            for session in channel.open.values():
                self.settle(session, now)

    def _reweigh(self, channel: ChannelState, newcomer: VoiceSession | None) -> None:
        """After a change of the crowd: weigh everyone if `min_members` may have been crossed, else the newcomer."""
        if newcomer is not None and len(channel.open) != channel.min_members:
            newcomer.why_not = channel.why_not(newcomer.flags)
        elif abs(len(channel.open) - channel.min_members) <= 1:
            for session in channel.open.values():
                session.why_not = channel.why_not(session.flags)

    # -- rules -----------------------------------------------------------------------------------------------------

    def settle_all(self, now: int) -> None:
        """Credit every open session up to `now`."""
        for session in self.open.values():
            self.settle(session, now)

    def change_settings(self, settings: GuildSettings, now: int) -> None:
        """These rules are in force from now on."""
        self.settle_all(now)
        self.settings = settings
        self.today = _NO_DAY
        self.weigh_all()

    def start_season(self, now: int) -> None:
        """EXP counts in a new season from now on; what was earned up to now belongs to the one before."""
        self.settle_all(now)
        self.season_at = now

    def weigh_all(self) -> None:
        """Work out anew what the settings make of each channel and of each session in it."""
        for channel in self.channels.values():
            self._weigh(channel)

    def describe(self, channel_id: int, name: str, kind: str, parent_id: int | None, *, afk: bool, now: int) -> None:
        """The channel looks like this from now on."""
        channel = self.channel(channel_id)
        for session in channel.open.values():
            self.settle(session, now)
        channel.name, channel.kind, channel.parent_id, channel.afk = name, kind, parent_id, afk
        channel.described = True
        self._weigh(channel)

    def _weigh(self, channel: ChannelState) -> None:
        channel.weigh(self.settings)
        for session in channel.open.values():
            session.why_not = channel.why_not(session.flags)

    # -- time ------------------------------------------------------------------------------------------------------

    def settle(self, session: VoiceSession, now: int) -> None:
        """Credit the session's time up to `now` under what has been in force since it was last settled.

        Additive: settling at T1 and then at T2 is settling at T2. Time is split at the guild's local midnights.
        """
        at = session.since
        if now > self.seen_until:
            now = self.seen_until
        if now <= at:
            return
        session.since = now
        tracked = session.channel.tracked
        if tracked:
            self.ledger.sessions[self.guild_id, session.user_id, session.started_at] = session
        while at < now:
            day = self.day_at(at)
            end = day.end if day.end < now else now
            if tracked:
                self._credit(session, day.day, at, end)
            elif session.why_not is not None:
                self._miss(session, day.day, session.why_not, end - at)
            at = end

    def _miss(self, session: VoiceSession, day: int, reason: int, length: int) -> None:
        """Note why `length` ms of a local day earn nothing."""
        self.ledger.reasons(self.guild_id, day, session.user_id, session.channel.id)[reason] += length

    def _credit(self, session: VoiceSession, day: int, start: int, end: int) -> None:
        """Credit tracked time [start, end) that lies within one local day."""
        channel, user = session.channel, session.user_id
        cell = self.ledger.day_cell(self.guild_id, day, user, channel.id)
        length = end - start
        cell[VOICE_MS] += length
        session.voice_ms += length
        if end > cell[LAST_AT]:
            cell[LAST_AT] = end
        if day not in session.days:
            session.days += (day,)
            cell[SESSIONS] += 1
            self.ledger.session_days[self.guild_id, day, user, session.started_at] = None
        if session.why_not is not None:
            self._miss(session, day, session.why_not, length)
            return
        rule = channel.rule
        if rule is None or not rule.exp:
            self._miss(session, day, UNRULED_MS, length)
        if rule is None:
            session.carry += length
            return
        count, first, session.carry = awards_in(session.carry, rule.every_ms, length)
        if count:
            exp = self._worth(session, rule, start + first, count)
            cell[EXP_VOICE] += exp
            session.exp += exp
            self.ledger.add_to_season(self.guild_id, self.season_at, user, exp)

    def _worth(self, session: VoiceSession, rule: Rule, first: int, count: int) -> int:
        """The EXP of `count` awards by the rule, the first of them at the instant `first`."""
        settings = self.settings
        percent = settings.role_multiplier(self.roster.roles(session.user_id))
        return voice_exp(
            settings, rule.exp, session.channel.percent, percent, first=first, every=rule.every_ms, count=count
        )
